import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {
  activeOf, chosen, FIRST, fitted, hovered, isSame, loaded, movedPin, pinned, pinShown, takenUp,
} from '../../assets/explorer/reducer.js';
import {viewOf} from '../../assets/explorer/selectors.js';
import {MODEL, WITHOUT_WORDS} from './cases.mjs';

const CELL = {row: 1, col: 0};

test('a choice ends the hover; another layer, map or pin opens the head of the walk-through again', () => {
  const before = {...FIRST, hover: CELL, walkHead: 3};
  assert.deepEqual(chosen(before, {numbers: true}), {...FIRST, numbers: true, walkHead: 3});
  for (const changes of [{layer: 1}, {map: 'words_to_words'}, {pin: null}]) {
    assert.equal(chosen(before, changes).walkHead, null);
  }
  assert.equal(before.walkHead, 3); // a new state, the old one as it was
});

test('the pin lights the page before what is under the pointer', () => {
  const over = hovered(FIRST, {row: 0, col: 0});
  assert.deepEqual(activeOf(over), {row: 0, col: 0});
  assert.equal(activeOf(pinned(over, CELL)), CELL);
  assert.equal(activeOf(FIRST), null);
});

test('the same cell again frees the pin, another one takes it over', () => {
  const once = pinned({...FIRST, hover: CELL}, CELL);
  assert.deepEqual([once.pin, once.hover], [CELL, CELL]);
  const twice = pinned(once, {...CELL});
  assert.deepEqual([twice.pin, twice.hover], [null, null]);
  assert.deepEqual(pinned(once, {row: 2, col: 0}).pin, {row: 2, col: 0});
  assert.equal(pinned(once, null).pin, null);
});

test('a row is not the cell in it', () => {
  assert.equal(isSame(CELL, {row: 1, col: null}), false);
  assert.equal(isSame(null, null), false);
});

test('layer and head stay within the map', () => {
  const {layer, head} = fitted({...FIRST, layer: 5, head: 2}, MODEL);
  assert.deepEqual([layer, head], [0, 'mean']);
  assert.equal(fitted({...FIRST, head: 1}, MODEL).head, 1);
  const absent = {...FIRST, map: 'regions_to_regions', layer: 5};
  assert.equal(fitted(absent, MODEL), absent);
});

test('a pin goes when its region is no longer shown', () => {
  const shown = (changes) => {
    const state = {...FIRST, order: 'detector', pin: {row: 2, col: 0}, ...changes};
    return pinShown(state, viewOf(MODEL, state)).pin;
  };
  assert.deepEqual(shown({}), {row: 2, col: 0});
  assert.equal(shown({top: 2}), null);
  assert.equal(shown({map: 'regions_to_regions'}), null);
  assert.deepEqual(shown({top: 2, pin: {row: null, col: 1}}), {row: null, col: 1});
});

test('by attention a pin stays and is shown, also in a head that attends to it least', () => {
  const state = {...FIRST, top: 2, pin: {row: 2, col: 0}};
  const seen = viewOf(MODEL, state);
  assert.deepEqual(seen.rows, [1, 2]);
  assert.deepEqual(pinShown(state, seen).pin, state.pin);
});

test('of what came with a file only what makes sense is taken up', () => {
  const good = {map: 'words_to_words', layer: 1, head: 'max', order: 'position', top: 5, reading: 'difference', against: 'nv'};
  assert.deepEqual(takenUp(FIRST, good), {...FIRST, ...good});
  const bad = {map: 'toString', layer: -1, head: 1.5, order: 'x', top: 0, reading: 'y', against: 3, pin: CELL};
  assert.deepEqual(takenUp(FIRST, bad), {...FIRST});
  assert.equal(takenUp(FIRST, null), FIRST);
  assert.equal(takenUp(FIRST, 'max'), FIRST);
});

test('a pinned word is found again by its field, also when other words came before it', () => {
  const next = {...MODEL, words: [{text: '55', field: 'age'}, ...MODEL.words]};
  assert.deepEqual(movedPin({...FIRST, pin: {row: 2, col: 1}}, MODEL, next), {row: 2, col: 2});
  assert.equal(movedPin({...FIRST, pin: {row: 2, col: 1}}, MODEL, {...MODEL, words: [MODEL.words[0]]}), null);
  assert.deepEqual(movedPin({...FIRST, pin: {row: 2, col: null}}, MODEL, WITHOUT_WORDS), {row: 2, col: null});
});

test('the second word of a field stays the second', () => {
  const lower = {text: 'lower', field: 'localization'};
  const before = {...MODEL, words: [...MODEL.words, lower]};
  const next = {...MODEL, words: [MODEL.words[1], lower, MODEL.words[0]]};
  assert.deepEqual(movedPin({...FIRST, pin: {row: null, col: 2}}, before, next), {row: null, col: 1});
});

test('a pin does not move to another image', () => {
  const other = {...MODEL, boxes: [[1, 0, 40, 40], ...MODEL.boxes.slice(1)]};
  assert.equal(loaded({...FIRST, pin: CELL}, MODEL, other).pin, null);
  assert.deepEqual(loaded({...FIRST, pin: CELL}, MODEL, MODEL).pin, CELL);
});

test('another case is shown in a direction that it has, unless a file says which', () => {
  const state = {...FIRST, map: 'regions_to_regions', hover: CELL};
  assert.deepEqual([loaded(state, null, MODEL).map, loaded(state, null, MODEL).hover], ['words_to_regions', null]);
  assert.equal(loaded(state, null, {...MODEL, view: {head: 0}}).map, 'regions_to_regions');
  assert.equal(loaded(state, null, WITHOUT_WORDS).map, 'regions_to_regions'); // it has none
});
