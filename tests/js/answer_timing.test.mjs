import assert from 'node:assert/strict';
import {test} from 'node:test';

import {pairs, timeText} from '../../assets/page/answer_timing.js';

test('a time is from the question to another answer, of the same event', () => {
  const {begin, end} = pairs();
  begin('revise', 100, 'a');
  begin('choose', 130, 'a');
  assert.equal(end('revise', 220, 'b'), 120);
  assert.equal(end('choose', 400, 'c'), 270);
  assert.equal(end('choose', 500, 'd'), null, 'nothing was asked since');
});

test('an answer that stayed took no time: what was asked wrongly is told beside it', () => {
  const {begin, end} = pairs();
  begin('revise', 100, 'a');
  assert.equal(end('revise', 150, 'a'), null);
  begin('revise', 300, 'a');
  assert.equal(end('revise', 340, 'b'), 40);
});

test('times are said in the unit that fits', () => {
  assert.deepEqual([42.4, 999.4, 999.6, 1540].map(timeText), ['42 ms', '999 ms', '1.0 s', '1.5 s']);
});
