import assert from 'node:assert/strict';
import {test} from 'node:test';

import {chooseLanguage, formatter} from '../../assets/shared/i18n.js';

test('braces are filled, in any order; what is no text stays its key', () => {
  const t = formatter({'page.of': '{of}: Seite {at}'});
  assert.equal(t('page.of', {at: 2, of: 5}), '5: Seite 2');
  assert.equal(t('page.of', {at: 2}), '{of}: Seite 2');
  assert.equal(t('nothing'), 'nothing');
});

test('the first language that is available is taken, without its region if need be, else English', () => {
  assert.equal(chooseLanguage(['en', 'de'], ['', 'de-AT', 'en']), 'de');
  assert.equal(chooseLanguage(['en', 'de'], ['fr', 'en-US', 'de']), 'en');
  assert.equal(chooseLanguage(['en', 'de', 'de-CH'], ['de-CH']), 'de-CH');
  assert.equal(chooseLanguage(['en', 'de'], ['fr', undefined]), 'en');
});
