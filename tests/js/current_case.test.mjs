import assert from 'node:assert/strict';
import {test} from 'node:test';

import {isOutdated, nextTurn} from '../../assets/page/current_case.js';

const strip = {dataset: {case: 'a'}, querySelector: () => null};
globalThis.document = {querySelector: () => strip, querySelectorAll: () => []};
globalThis.requestAnimationFrame = (then) => setTimeout(then, 1);

test('it is the turn of a view whose tab is open, and of one that has none', async () => {
  const turn = (last, addresses) => nextTurn(addresses, last, () => 'doubt');
  assert.equal(await turn('1', ['hide', 'compare']), '1');
  const next = await turn('1', ['hide', 'doubt']);
  assert.notEqual(next, '1');
  strip.dataset.case = 'b';
  assert.notEqual(await turn(next, []), next);
});

test('what is told twice is one turn; a case that is the previous one now is another', async () => {
  const turn = (last, addresses) => nextTurn(addresses, last, () => 'doubt');
  const next = await turn('1', ['doubt']);
  assert.equal(await turn(next, ['doubt']), next);
  strip.querySelector = () => ({});
  assert.notEqual(await turn(next, ['doubt']), next);
  strip.querySelector = () => null;
});

test('where one is, is asked after the frame with the answer', async () => {
  let open = 'diagnose';
  const turned = nextTurn(['hide'], '1', () => open);
  open = 'hide';
  assert.notEqual(await turned, '1');
});

test('a tab that draws no frames follows, too', async () => {
  const drawn = globalThis.requestAnimationFrame;
  globalThis.requestAnimationFrame = () => {};
  assert.notEqual(await nextTurn(['hide'], '1', () => 'hide'), '1');
  globalThis.requestAnimationFrame = drawn;
});

test('what is about another case or class is outdated, what is about none is not', () => {
  const now = {case: 'a', class: 'mel'};
  assert.equal(isOutdated(now, {case: 'a'}), false);
  assert.equal(isOutdated(now, {case: 'b'}), true);
  assert.equal(isOutdated(now, {case: 'a', class: 'nv'}), true);
  assert.equal(isOutdated(now, {case: 'none'}), false);
  assert.equal(isOutdated(now, null), true);
});
