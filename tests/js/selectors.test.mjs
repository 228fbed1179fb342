import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {FIRST} from '../../assets/explorer/reducer.js';
import {
  asPair, extrasOf, gridPlace, headsOf, isMarked, litBy, mostRegions, receivedBy, subjectOf, takesPart, tokenOf, viewOf,
} from '../../assets/explorer/selectors.js';
import {MODEL, WITHOUT_WORDS} from './cases.mjs';

const view = (changes = {}, model = MODEL) => viewOf(model, {...FIRST, ...changes});
const texts = (seen, token) => Object.fromEntries(extrasOf(seen).map(({name, text}) => [name, text(token)]));

test('a cell keeps its place when the direction is switched', () => {
  const [words, regions] = [view({head: 0}), view({head: 0, map: 'regions_to_words'})];
  assert.deepEqual([words.axes.rows, words.axes.cols], [regions.axes.rows, regions.axes.cols]);
  assert.equal(words.weight(1, 0), 0.25); // the first word looks at the second region
  assert.equal(regions.weight(2, 1), 0.75); // the third region looks at the second word
});

test('a difference has an even share taken away and a scale of both signs', () => {
  const seen = view({reading: 'difference', head: 0});
  assert.equal(seen.base, 1 / 3);
  assert.ok(Math.abs(seen.scale.high - 2 / 3) < 1e-6);
  assert.equal(seen.scale.low, -seen.scale.high);
  assert.equal(seen.title, 'Words look at regions, head 1, minus an even share');
  assert.equal(view({head: 'max'}).title, 'Words look at regions, maximum of 2 heads');
});

test('fewer regions are shown than there are, but all are kept', () => {
  const seen = view({top: 2, order: 'detector'});
  assert.deepEqual([seen.rows, seen.cols, seen.all.rows], [[0, 1], [0, 1], [0, 1, 2]]);
});

test('a matrix of regions by regions stays small', () => {
  const model = {...MODEL, boxes: Array.from({length: 200}, () => [0, 0, 1, 1])};
  assert.equal(mostRegions(model, 'regions_to_regions'), 40);
  assert.equal(mostRegions(model, 'words_to_regions'), 100);
  assert.equal(mostRegions(MODEL, 'regions_to_regions'), 3);
});

test('a view of nothing says why', () => {
  assert.equal(view({map: 'regions_to_regions'}).exists, false);
  assert.match(view({}, WITHOUT_WORDS).reason, /All metadata is unknown/);
  assert.equal(view().reason, '');
  assert.equal(takesPart(view({map: 'regions_to_regions'}), 'regions'), false);
});

test('sides of words alone leave the regions out', () => {
  assert.equal(takesPart(view({map: 'words_to_words'}), 'regions'), false);
  assert.equal(takesPart(view(), 'regions'), true);
});

test('rows and columns are told apart as query and key', () => {
  const cell = {row: 2, col: 1};
  assert.deepEqual(asPair(view(), cell), {query: 1, key: 2});
  assert.deepEqual(asPair(view({map: 'regions_to_words'}), cell), {query: 2, key: 1});
});

test('a token stands behind the headers, in the order shown', () => {
  const seen = view({order: 'position'}); // 0, 2, 1
  assert.deepEqual(gridPlace(seen, {row: 1, col: 0}), [3, 1]);
  assert.deepEqual(gridPlace(seen, {row: null, col: 1}), [0, 2]);
});

test('an element stands for a token on the side where that is', () => {
  assert.deepEqual(tokenOf(view(), {region: '2'}), {row: 2, col: null});
  assert.deepEqual(tokenOf(view(), {word: '1'}), {row: null, col: 1});
  assert.deepEqual(tokenOf(view(), {row: '0', col: '1'}), {row: 0, col: 1});
  assert.deepEqual(tokenOf(view({map: 'words_to_words'}), {word: '1'}), {row: 1, col: null});
  assert.equal(tokenOf(view({map: 'words_to_words'}), {region: '2'}), null);
});

test('a word lights the regions, a cell both sides, nothing the average', () => {
  const seen = view({head: 0});
  assert.deepEqual(litBy(seen, {row: null, col: 1}), {regions: [0, 1, 0], words: null});
  assert.deepEqual(litBy(seen, {row: 0, col: 1}), {regions: [0, 1, 0], words: [0.5, 0]});
  assert.deepEqual(litBy(seen, null), {regions: [0.25, 0.625, 0.125], words: null});
  assert.deepEqual(litBy(view({map: 'regions_to_regions'}), null), {regions: null, words: null});
});

test('heads have a picture of what is picked, or else of an average word, or of the word that is looked at most', () => {
  const cell = {row: 1, col: 0};
  assert.equal(subjectOf(view(), cell), cell);
  assert.equal(subjectOf(view(), {row: 1, col: null}), null);
  const loved = {...MODEL, maps: {...MODEL.maps, regions_to_words: {layers: 1, heads: 1, queries: 3, keys: 2,
    values: Float32Array.of(0.25, 0.75, 0.5, 0.5, 0, 1)}}};
  assert.deepEqual(subjectOf(view({map: 'regions_to_words'}, loved), {row: 1, col: null}), {row: null, col: 1});
});

test('a token is marked on its own side', () => {
  assert.equal(isMarked(view(), {row: 1, col: null}, 'regions', 1), true);
  assert.equal(isMarked(view(), {row: 1, col: null}, 'words', 1), false);
  assert.equal(isMarked(view(), null, 'regions', 1), false);
});

test('at the end of a line stand the rest, the sum and the entropy', () => {
  assert.deepEqual(texts(view({head: 0, top: 2, order: 'detector'}), 0), {'rest (1)': '0.25', sum: '1.00', entropy: '1.50'});
  assert.deepEqual(texts(view({head: 0, numbers: true}), 1), {sum: '1.0000', entropy: '0.0000'});
  assert.equal(texts(view({head: 'max'}), 0).entropy, '–');
  assert.deepEqual(texts(view({head: 0, top: 1, order: 'detector', reading: 'difference'}), 0), {'rest (2)': '−0.17', sum: '0.00', entropy: '1.50'});
});

test('all heads have one scale, and say over how many they spread', () => {
  const {scale, heads} = headsOf(view());
  assert.equal(scale.high, 1);
  assert.deepEqual(heads.map(({spread}) => spread), ['over 1.7 of 3', 'over 2.0 of 3']);
  assert.equal(heads[1].weight(2, 1), 0.5);
});

test('a side gets its attention from the other one, or else from itself', () => {
  const received = receivedBy(view(), 'regions');
  assert.equal(received.from, 'words');
  assert.deepEqual(Array.from(received.values), [0.375, 0.4375, 0.1875]);
  const alone = {...MODEL, maps: {...MODEL.maps, regions_to_words: null}};
  assert.equal(receivedBy(view({head: 7}, alone), 'words').from, 'words');
  assert.equal(receivedBy(view({head: 7}, alone), 'words').head, 'mean');
  assert.equal(receivedBy(view({}, WITHOUT_WORDS), 'regions'), null);
});
