import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {moveInGrid, moveInList, nextTile} from '../../assets/shared/keyboard_navigation.js';
import {hideText} from '../../assets/occlusion/tile_grid.js';

test('arrows go to the neighbour, the other keys to the ends', () => {
  const to = (key, ctrlKey = false, from = [2, 3]) => moveInGrid({key, ctrlKey}, from, [5, 7]);
  assert.deepEqual(to('ArrowUp'), [1, 3]);
  assert.deepEqual(to('ArrowDown'), [3, 3]);
  assert.deepEqual(to('ArrowLeft'), [2, 2]);
  assert.deepEqual(to('ArrowRight'), [2, 4]);
  assert.deepEqual(to('End'), [2, 7]);
  assert.deepEqual(to('PageUp'), [1, 3]);
  assert.deepEqual(to('PageDown'), [5, 3]);
  assert.equal(to('a'), null);
});

test('Home leads to the first cell; from a row header it stays there, unless Ctrl is held', () => {
  assert.deepEqual(moveInGrid({key: 'Home'}, [2, 3], [5, 7]), [2, 1]);
  assert.deepEqual(moveInGrid({key: 'Home'}, [2, 0], [5, 7]), [2, 0]);
  assert.deepEqual(moveInGrid({key: 'Home', ctrlKey: true}, [2, 0], [5, 7]), [2, 1]);
});

test('in a list there are two ways and two ends', () => {
  const to = (key) => moveInList(key, 2, 9);
  assert.deepEqual(['ArrowUp', 'ArrowLeft', 'ArrowDown', 'ArrowRight', 'Home', 'End', 'Tab'].map(to), [1, 1, 3, 3, 0, 8, null]);
});

// tiles as they may lie: two rows, the second one of half as wide tiles
const CENTRES = [[10, 10], [30, 10], [50, 10], [5, 30], [15, 30], [25, 30]];

test('an arrow leads to the tile that lies straight that way', () => {
  assert.equal(nextTile('ArrowRight', CENTRES, 0), 1);
  assert.equal(nextTile('ArrowLeft', CENTRES, 2), 1);
  assert.equal(nextTile('ArrowDown', CENTRES, 1), 5);
  assert.equal(nextTile('ArrowUp', CENTRES, 4), 0);
});

test('of two that lie alike the first is taken', () => assert.equal(nextTile('ArrowDown', CENTRES, 0), 3));

test('at the edge there is none, and other keys do nothing', () => {
  assert.equal(nextTile('ArrowLeft', CENTRES, 3), -1);
  assert.equal(nextTile('ArrowUp', CENTRES, 1), -1);
  assert.equal(nextTile('Enter', CENTRES, 0), null);
});

test('the button says how many tiles are marked', () => {
  assert.equal(hideText(0), 'Hide the marked part');
  assert.equal(hideText(3), 'Hide the marked part (3)');
});
