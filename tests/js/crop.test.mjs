import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {keyed, moved, resized} from '../../assets/diagnose/crop.js';

const BOX = [0.2, 0.2, 0.6, 0.5];
const near = (found, expected) => found.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-9, `${found}`));

test('arrows move the box, and keep its size at the edge of the picture', () => {
  near(keyed(BOX, {key: 'ArrowRight', shiftKey: false}), [0.22, 0.2, 0.62, 0.5]);
  near(moved(BOX, -9, 9), [0, 0.7, 0.4, 1]);
  assert.equal(keyed(BOX, {key: 'a', shiftKey: false}), null);
});

test('Shift and arrows size the box', () => {
  near(keyed(BOX, {key: 'ArrowUp', shiftKey: true}), [0.2, 0.2, 0.6, 0.48]);
});

test('no corner leaves the picture or passes the other one', () => {
  near(resized(BOX, 'left top', -1, 9), [0, 0.45, 0.6, 0.5]);
  near(resized(BOX, 'right bottom', 2, -2), [0.2, 0.2, 1, 0.25]);
});
