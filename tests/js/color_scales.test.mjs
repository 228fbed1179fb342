import assert from 'node:assert/strict';
import {test} from 'node:test';

import {
  bump, bumpsOf, colorTable, floorOf, heatOf, heatPixels, isPracticallyEven, luminance, scaleOf,
} from '../../assets/explorer/color_scales.js';
import {MODEL} from './cases.mjs';

test('a table goes from its first stop through those between to its last', () => {
  const table = colorTable('000000ff0000ffffff');
  assert.equal(table.length, 768);
  assert.deepEqual([...table.slice(0, 3), ...table.slice(-3)], [0, 0, 0, 255, 255, 255]);
  assert.deepEqual([...table.slice(3 * 51, 3 * 51 + 3)], [102, 0, 0]); // two fifths of the way to red
});

test('a scale of weights begins at 0, one of differences has a pale 0 in the middle', () => {
  const weight = scaleOf('weight', 0.5);
  assert.deepEqual([weight.low, weight.high], [0, 0.5]);
  assert.equal(weight.hex(0), '#00224e');
  assert.equal(weight.hex(0.5), '#fee838');
  assert.equal(weight.css(7), weight.css(0.5)); // beyond the end is the end
  assert.equal(weight.css(-1), 'rgb(0 34 78)');
  const difference = scaleOf('difference', 0.5);
  assert.equal(difference.low, -0.5);
  assert.ok(Math.min(...difference.rgb(0)) > 240);
  const [[r1, , b1], [r2, , b2]] = [difference.rgb(-0.4), difference.rgb(0.4)];
  assert.ok(b1 > r1 && r2 > b2); // purple below, orange above
});

test('weights grow lighter all the way, so that their order is seen without colour', () => {
  const {rgb} = scaleOf('weight', 1);
  const light = Array.from({length: 64}, (_, i) => luminance(rgb(i / 63)));
  light.slice(1).forEach((value, i) => assert.ok(value > light[i], `step ${i}`));
});

test('numbers are written in the ink that reads on their cell, 4.5 : 1 at least', () => {
  for (const reading of ['weight', 'difference']) {
    const scale = scaleOf(reading, 1);
    for (let value = scale.low; value <= 1; value += 1 / 64) {
      const ink = scale.ink(value) === '#fff' ? 1 : 0;
      const [dark, light] = [luminance(scale.rgb(value)), ink].sort((a, b) => a - b);
      assert.ok((light + 0.05) / (dark + 0.05) >= 4.5, `${reading} ${value}`);
    }
  }
});

test('luminance is 0 for black and 1 for white', () => {
  assert.equal(luminance([0, 0, 0]), 0);
  assert.ok(Math.abs(luminance([255, 255, 255]) - 1) < 1e-9);
});

test('a bump is high in the middle, low and even at its ends, and stays inside', () => {
  const {first, values} = bump(2, 7, 10);
  assert.equal(first, 2);
  assert.equal(values.length, 5);
  assert.equal(values[2], 1);
  assert.ok(Math.abs(values[0] - values[4]) < 1e-6 && values[0] < 0.1);
  assert.deepEqual([bump(-5, 3, 10).first, bump(8, 15, 10).values.length], [0, 2]);
});

test('bumps have the shape of the image', () => {
  const {width, height, boxes} = bumpsOf(MODEL);
  assert.deepEqual([width, height, boxes.length], [96, 77, 3]);
});

test('where two boxes lie, the stronger one is seen, with its sign', () => {
  const bumps = {width: 3, height: 1, boxes: [
    {x: {first: 0, values: [1, 0.5]}, y: {first: 0, values: [1]}},
    {x: {first: 1, values: [0.5, 1]}, y: {first: 0, values: [1]}},
  ]};
  assert.deepEqual([...heatOf(bumps, [1, -2])], [1, -1, -2]);
});

test('a crowd of boxes does not glow by itself: the brightest pixel lies in the strongest region, in 20 crowds', () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  for (let trial = 0; trial < 20; trial++) {
    // sixty boxes in the middle with almost an even share each, and one by itself with more
    const crowd = Array.from({length: 60}, () => [25 + 10 * random(), 20 + 10 * random(), 60 + 10 * random(), 50 + 10 * random()]);
    const boxes = [...crowd, [80, 60, 98, 78]];
    const bumps = bumpsOf({boxes, image: {width: 100, height: 80}});
    const heat = heatOf(bumps, [...crowd.map(() => 0.9 + 0.1 * random()), 1.2]);
    const best = heat.indexOf(Math.max(...heat));
    const [x, y] = [(best % bumps.width) / 0.96, Math.floor(best / bumps.width) / 0.96];
    assert.ok(x > 80 && y > 60, `trial ${trial}: ${x}, ${y}`);
    const middle = heat[36 * bumps.width + 45];
    assert.ok(middle > 0.5 && middle <= 1, `the crowd is no brighter than one of it: ${middle}`);
  }
});

test('what is practically even gets half of the colours, and is called so', () => {
  assert.equal(floorOf('weight', 0.01), 0.02);
  assert.equal(floorOf('difference', 0.01), 0.01);
  const pixels = heatPixels(Float32Array.of(0.01), 'weight', floorOf('weight', 0.01));
  assert.ok(pixels[3] < 200);
  assert.equal(isPracticallyEven([0.09, 0.11, 0.1], 0.1), true);
  assert.equal(isPracticallyEven([0.07, 0.13, 0.1], 0.1), false);
});

test('the strongest pixel has full colour, and the skin stays bare where nothing is read', () => {
  const pixels = heatPixels(Float32Array.of(0, 2, 1), 'weight');
  assert.equal(pixels[3], 0);
  assert.deepEqual([...pixels.slice(4, 8)], [254, 232, 56, 255]);
  assert.ok(pixels[11] > 0 && pixels[11] < 255);
  assert.deepEqual([...heatPixels(Float32Array.of(-1), 'difference')], [45, 0, 75, 255]);
});
