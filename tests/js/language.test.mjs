import assert from 'node:assert/strict';
import {test} from 'node:test';

import {chosen, translator} from '../../assets/page/language.js';

const EN = {one: 'Give', many: '{count} real cases by name', made: 'Kept: {what} (of {whose})', odd: 'What? (a+b)'};
const DE = {one: 'Geben', many: '{count} echte Fälle', made: '{whose}: {what} behalten', odd: 'Was? (a+b)'};

test('a text is told in other words, its parts in their new places', () => {
  const say = translator(EN, DE);
  assert.equal(say('Give'), 'Geben');
  assert.equal(say('  Give\n '), 'Geben');
  assert.equal(say('48 real cases by name'), '48 echte Fälle');
  assert.equal(say('Kept: all of it (of Give)'), 'Geben: all of it behalten');
  assert.equal(say('What? (a+b)'), 'Was? (a+b)');
});

test('what is not in the list stays as it is', () => {
  const say = translator(EN, DE);
  for (const text of ['', 'give', 'Give it', ' real cases by name', 'constructor', 'What? (aab)']) assert.equal(say(text), null);
});

test('the first language that there is is taken, a region gives way, else English', () => {
  assert.equal(chosen(['en', 'de'], [null, '', 'de-AT', 'en']), 'de');
  assert.equal(chosen(['en', 'de'], ['fr', 'en-US', 'de']), 'en');
  assert.equal(chosen(['en', 'de', 'de-CH'], ['de-CH']), 'de-CH');
  assert.equal(chosen(['en', 'de'], ['fr', undefined]), 'en');
});
