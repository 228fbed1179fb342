import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {countText, passes} from '../../assets/diagnose/case_filter.js';

const MISSED = {diagnosis: 'mel', verdict: 'wrong unsure'};

test('a case passes each filter that it fits, and no other', () => {
  for (const diagnosis of ['', 'mel']) {
    for (const verdict of ['', 'wrong', 'unsure']) assert.ok(passes(MISSED, {diagnosis, verdict}));
    assert.ok(!passes(MISSED, {diagnosis, verdict: 'right'}));
  }
  assert.ok(!passes(MISSED, {diagnosis: 'nv', verdict: ''}));
});

test('a word that is part of another is another', () => (
  assert.ok(!passes({diagnosis: 'nv', verdict: 'unsure'}, {diagnosis: '', verdict: 'sure'}))));

test('what is shown is counted', () => {
  assert.equal(countText(5, 48), '5 of 48 cases.');
  assert.match(countText(0, 48), /No case/);
});
