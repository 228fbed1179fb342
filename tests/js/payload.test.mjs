import assert from 'node:assert/strict';
import {test} from 'node:test';
import {deflateSync} from 'node:zlib';

import './texts.mjs';
import {
  attentionOf, checkPayload, columnOf, entropyOf, isUsable, largest, marginOf, matrixOf, meanEntropy, readPayload, rowOf,
  shownRegions, softmax, sum, unpackMap, whyAbsent,
} from '../../assets/explorer/payload.js';
import {MODEL, WITHOUT_WORDS} from './cases.mjs';

/** As exploration._pack does: all high bytes, then all low bytes, deflated. */
function packed(shape, numbers) {
  const bytes = [...numbers.map((n) => n >> 8), ...numbers.map((n) => n & 255)];
  return {shape, data: deflateSync(Uint8Array.from(bytes)).toString('base64')};
}

const close = (actual, expected) => {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-6, `${i}: ${value}, not ${expected[i]}`));
};

function payload(changes = {}) {
  const copy = {...MODEL, attention: {}, ...changes};
  delete copy.maps;
  return copy;
}

test('a map is unpacked from its two planes of bytes, and its rows sum to 1', async () => {
  const map = await unpackMap(packed([1, 1, 2, 3], [65535, 0, 0, 13107, 26214, 26214]));
  assert.deepEqual({...map, values: null}, {layers: 1, heads: 1, queries: 2, keys: 3, values: null});
  close(map.values, [1, 0, 0, 0.2, 0.4, 0.4]);
  const matrix = matrixOf(map, 0, 0);
  for (const query of [0, 1]) assert.ok(Math.abs(sum(rowOf(matrix, query)) - 1) < 1e-6);
});

test('no map is no map', async () => assert.equal(await unpackMap(null), null));

for (const [what, broken] of Object.entries({
  'too few bytes': {...packed([1, 1, 1, 2], [1]), shape: [1, 1, 1, 2]},
  'too many bytes': {...packed([1, 1, 1, 3], [1, 2, 3]), shape: [1, 1, 1, 2]},
  'three lengths': {...packed([1, 1, 1, 1], [1]), shape: [1, 1, 1]},
  'half a head': {...packed([1, 1, 1, 1], [1]), shape: [1, 0.5, 1, 2]},
  'a million and one weights': {shape: [1, 1, 1, 1_000_001], data: ''},
  'no base64': {shape: [1, 1, 1, 1], data: '%%%'},
})) {
  test(`a map with ${what} is told to be damaged`, () => assert.rejects(unpackMap(broken), /is damaged/));
}

test('a payload is read with its maps', async () => {
  const attention = {words_to_regions: packed([1, 1, 2, 3], [65535, 0, 0, 0, 65535, 0])};
  const {maps} = await readPayload(JSON.stringify(payload({attention})));
  assert.equal(maps.words_to_regions.keys, 3);
  assert.equal(maps.regions_to_words, null);
});

test('a map that does not fit the words is refused', () => {
  const attention = {words_to_regions: packed([1, 1, 1, 3], [65535, 0, 0])};
  return assert.rejects(readPayload(JSON.stringify(payload({attention}))), /contradicts itself/);
});

test('text that is no JSON is told', () => assert.rejects(readPayload('{'), /not a JSON file/));

for (const [what, changes] of Object.entries({
  'another kind': {kind: 'other'},
  'a picture from elsewhere': {image: {...MODEL.image, uri: 'https://example.org/a.jpg'}},
  'a box of three': {boxes: [[0, 0, 1], ...MODEL.boxes.slice(1)]},
  'a name too few': {names: ['lesion']},
  'no kinds': {kinds: undefined},
  'a kind whose colour is no colour': {kinds: [{name: 'Skin', colour: 'url(//example.org)'}], kind_of: [0, 0, 0]},
  'a region of a kind that is not there': {kind_of: [0, 1, 3]},
  'a region without a kind': {kind_of: [0, 1]},
  'no probability': {probabilities: []},
  'a single class': {probabilities: MODEL.probabilities.slice(0, 1)},
  'no contributions': {contributions: null},
  'a contribution that is no number': {contributions: {...MODEL.contributions, regions: [['1', 0], [0, 0], [0, 0]]}},
  'a contribution of three classes': {contributions: {...MODEL.contributions, constant: [0, 0, 0]}},
  'a region that adds nothing': {contributions: {...MODEL.contributions, regions: [[0, 0], [0, 0]]}},
  'a word too many': {contributions: {...MODEL.contributions, words: [[0, 0], [0, 0], [0, 0]]}},
})) {
  test(`a payload with ${what} is refused`, () => {
    assert.doesNotThrow(() => checkPayload(payload()));
    assert.throws(() => checkPayload(payload(changes)), /not a JSON file that the attention explorer exported/);
  });
}

test('an export of another version is told so', () => {
  assert.throws(() => checkPayload(payload({format: 1})), /Another version .* exported this file/);
});

test('the likeliest class leads the next one by what the regions add, and by what the words add', () => {
  const margin = marginOf(MODEL, null);
  assert.deepEqual([margin.label, margin.other], [1, 0]);
  close(margin.regions, [1, -0.25, 0.25]);
  close(margin.words, [0.75, 0.25]);
  assert.equal(margin.constant, 0.125);
});

test('the other class can be chosen, and is never the class itself', () => {
  const three = {
    probabilities: [{code: 'nv', value: 0.2}, {code: 'mel', value: 0.5}, {code: 'bcc', value: 0.3}],
    contributions: {regions: [[1, 3, 7]], words: [], constant: [0, 1, 5]},
  };
  assert.deepEqual(marginOf(three, 'nv'), {label: 1, other: 0, regions: [2], words: [], constant: 1});
  for (const against of [null, 'mel', 'scc']) {
    assert.deepEqual(marginOf(three, against), {label: 1, other: 2, regions: [-4], words: [], constant: -4});
  }
});

test('a matrix is one head, the mean or the maximum', () => {
  const map = MODEL.maps.words_to_regions;
  close(matrixOf(map, 0, 1).values, [0.5, 0.5, 0, 0.5, 0, 0.5]);
  close(matrixOf(map, 0, 'mean').values, [0.5, 0.375, 0.125, 0.25, 0.5, 0.25]);
  close(matrixOf(map, 0, 'max').values, [0.5, 0.5, 0.25, 0.5, 1, 0.5]);
});

test('each row of every head and of their mean sums to 1; those of the maximum do not', () => {
  for (const map of Object.values(MODEL.maps).filter(Boolean)) {
    for (const head of [0, 1, 'mean']) {
      const matrix = matrixOf(map, 0, head);
      for (let query = 0; query < matrix.queries; query++) assert.ok(Math.abs(sum(rowOf(matrix, query)) - 1) < 1e-6);
    }
  }
  assert.equal(sum(rowOf(matrixOf(MODEL.maps.words_to_regions, 0, 'max'), 1)), 2);
});

test('rows are what queries give, columns what keys get', () => {
  const matrix = matrixOf(MODEL.maps.words_to_regions, 0, 0);
  close(rowOf(matrix, 1), [0, 1, 0]);
  close(columnOf(matrix, 1), [0.25, 1]);
});

test('the entropy of an even share is the logarithm, of certainty 0', () => {
  assert.equal(entropyOf([0.25, 0.25, 0.25, 0.25]), 2);
  assert.equal(entropyOf([0, 1, 0]), 0);
  assert.equal(meanEntropy(matrixOf(MODEL.maps.words_to_regions, 0, 0)), 0.75); // 1.5 bits and 0
});

test('the largest come first, the earlier one of equals before', () => {
  assert.deepEqual(largest([1, 3, 2, 3], 3), [1, 3, 2]);
});

test('what a token gets is the mean over all that look; one that only looks gives its most', () => {
  const matrix = matrixOf(MODEL.maps.words_to_regions, 0, 0);
  close(attentionOf('regions', 'words_to_regions', matrix), [0.25, 0.625, 0.125]);
  close(attentionOf('words', 'words_to_regions', matrix), [0.5, 1]);
});

test('regions are ordered by attention, the detector or position, and the best are kept', () => {
  const attention = [0.1, 0.7, 0.2];
  assert.deepEqual(shownRegions(MODEL, 'detector', 2, attention), [0, 1]);
  assert.deepEqual(shownRegions(MODEL, 'attention', 2, attention), [1, 2]);
  assert.deepEqual(shownRegions(MODEL, 'attention', 2, null), [0, 1]);
  assert.deepEqual(shownRegions(MODEL, 'position', 3, attention), [0, 2, 1]);
  assert.deepEqual(shownRegions(MODEL, 'attention', 2, attention, [0]), [1, 0]); // pinned, so it takes the last place
  assert.deepEqual(shownRegions(MODEL, 'attention', 2, attention, [2]), [1, 2]);
  assert.deepEqual(shownRegions(MODEL, 'attention', 1, attention, [2, 0]), [2, 0]);
});

test('softmax sums to 1, sharpens when cold and does not overflow', () => {
  close(softmax([0, Math.log(3)], 1), [0.25, 0.75]);
  close(softmax([0, Math.log(3)], 0.5), [0.1, 0.9]);
  close(softmax([1000, 1000], 1), [0.5, 0.5]);
});

test('a map without cells is of no use', () => {
  assert.equal(isUsable(MODEL.maps.words_to_regions), true);
  assert.equal(isUsable(null), false);
  assert.equal(isUsable(WITHOUT_WORDS.maps.words_to_regions), false);
  assert.equal(isUsable(WITHOUT_WORDS.maps.regions_to_words), false);
});

test('why a map is absent depends on the unit', () => {
  const of = (changes, name) => whyAbsent({...MODEL, ...changes}, name);
  assert.match(of({reads_words: false}, 'words_to_regions'), /reads no words/);
  assert.match(of({unit: 'base'}, 'regions_to_regions'), /no attention at all/);
  assert.match(of({unit: 'sa-sa'}, 'words_to_regions'), /no guided attention/);
  assert.match(of({}, 'words_to_regions'), /regions are guided by the words, so words never look at regions/);
  assert.match(of({}, 'regions_to_words'), /words are guided by the regions, so regions never look at words/);
});
