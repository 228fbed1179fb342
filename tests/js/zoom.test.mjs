import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {shifted, WHOLE, zoomedAt} from '../../assets/shared/zoom.js';

test('the point under the pointer stays in its place', () => {
  const point = [0.3, 0.8];
  let view = zoomedAt(WHOLE, 2, point);
  assert.deepEqual(view, {scale: 2, x: -0.3, y: -0.8});
  const content = ({scale, x, y}) => [(point[0] - x) / scale, (point[1] - y) / scale];
  view = zoomedAt(view, 1.7, point);
  content(view).forEach((value, i) => assert.ok(Math.abs(value - point[i]) < 1e-9));
});

test('no view leaves the picture, and the whole image is the smallest', () => {
  assert.deepEqual(zoomedAt({scale: 2, x: -1, y: 0}, 0.1, [0.5, 0.5]), {scale: 1, x: 0, y: 0});
  assert.equal(zoomedAt(WHOLE, 1000, [0, 0]).scale, 8);
  assert.deepEqual(shifted({scale: 2, x: -0.5, y: -0.5}, 9, -9), {scale: 2, x: 0, y: -1});
});
