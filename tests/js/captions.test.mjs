import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {headName, namesOf} from '../../assets/explorer/token_labels.js';
import {
  captionOf, captionsOf, caseLine, fusionSentence, headsHint, matrixSentence, mostText, pictureSubject, readoutOf,
} from '../../assets/explorer/captions.js';
import {FIRST} from '../../assets/explorer/reducer.js';
import {percent, shortened, signed, started} from '../../assets/explorer/format.js';
import {t} from '../../assets/shared/i18n.js';
import {subjectOf, viewOf} from '../../assets/explorer/selectors.js';
import {MODEL, WITHOUT_WORDS} from './cases.mjs';

const view = (changes = {}, model = MODEL) => viewOf(model, {...FIRST, ...changes});

test('room is kept for every caption that pinning something gives', () => {
  for (const map of Object.keys(MODEL.maps)) {
    const shown = view({map});
    const captions = captionsOf(shown);
    const pointed = [null, {row: shown.rows[0] ?? 0, col: null}, {row: null, col: 1}, {row: 1, col: 0}];
    if (MODEL.maps[map]) for (const active of pointed) assert.ok(captions.includes(captionOf(shown, active)), map);
    assert.equal(new Set(captions).size, captions.length);
  }
  assert.equal(captionsOf(view({map: 'regions_to_words'})).length, 3);
  assert.equal(captionsOf(view({map: 'regions_to_regions'})).length, 1); // there is none
});

test('numbers and words become text', () => {
  assert.deepEqual([signed(0.25, 2), signed(-0.25, 2), signed(-0.001, 2)], ['+0.25', '−0.25', '0.00']);
  assert.deepEqual([t('count.word', {n: 1}), t('count.word', {n: 0})], ['1 word', '0 words']);
  assert.deepEqual([shortened('lesion', 6), shortened('lesions', 6)], ['lesion', 'lesio…']);
  assert.deepEqual([0.1234, 0, 0.0001, 0.9999, 1].map(percent), ['12.3%', '0.0%', '<0.1%', '>99.9%', '100.0%']);
  assert.equal(started('“female” x'), '“female” x');
  assert.equal(started('region 1'), 'Region 1');
});

test('tokens and heads have names', () => {
  const names = namesOf(MODEL);
  assert.deepEqual([names.short('regions', 0), names.long('regions', 0), names.said('regions', 0)], ['1', '1 lesion', 'region 1']);
  assert.deepEqual([names.long('words', 1), names.said('words', 1)], ['back', '“back”']);
  assert.deepEqual([headName(0, 2), headName('mean', 2), headName('max', 1)], ['head 1', 'mean of 2 heads', 'maximum of 1 head']);
});

test('the case is told in a line', () => {
  assert.equal(caseLine(MODEL), 'case · SGA-SGA · melanoma (malignant) 75.0% · 3 regions · 2 words');
  assert.equal(caseLine({...MODEL, title: '', key: undefined, reads_words: false}),
    'SGA-SGA · melanoma (malignant) 75.0% · 3 regions · image only · opened from a file');
});

test('what a class is stands behind its name; a file of an earlier version says less', () => {
  const told = (best) => caseLine({...MODEL, probabilities: [{code: 'x', name: 'it', value: 1, ...best}]}).split(' · ')[2];
  assert.equal(told({nature: 'premalignant'}), 'it (premalignant) 100.0%');
  assert.equal(told({nature: 'benign'}), 'it 100.0%');
  assert.equal(told({malignant: true}), 'it (malignant) 100.0%');
  assert.equal(told({malignant: false}), 'it 100.0%');
});

test('the matrix says what sums to 1, what is hidden and what an even share is', () => {
  const said = matrixSentence(view({top: 2}));
  assert.match(said, /^Each column sums to 1: how one word shares its attention among all 3 regions\. 2 are shown; “rest” holds the other 1\./);
  assert.match(said, /With only 3 regions an even share is 1\/3 = 0\.3333 already/);
  assert.match(matrixSentence(view({map: 'regions_to_words'})), /^Each row sums to 1: how one region .* all 2 words\. With/);
  assert.match(matrixSentence(view({head: 'max'})), /a column no longer sums to 1/);
  assert.match(matrixSentence(view({reading: 'difference'})), /an even share, 1\/3 = 0\.3333, is taken away/);
  assert.match(matrixSentence(view({}, WITHOUT_WORDS)), /All metadata is unknown/);
});

test('the order of the regions is told as it is', () => {
  assert.match(matrixSentence(view()), /Regions stand in the order of the attention that an average word gives them\.$/);
  assert.match(matrixSentence(view({map: 'regions_to_words'})), /in the order of the largest weight that they give to a word\.$/);
  assert.match(matrixSentence(view({order: 'position'})), /from the top of the image to its bottom: the first ones of the detector’s order\.$/);
  assert.match(matrixSentence(view({order: 'detector'})), /in the detector’s order: by its score, best first\.$/);
  const turns = {...MODEL, scores: [0.5, 0.9, 0.8]};
  assert.match(matrixSentence(view({order: 'detector'}, turns)), /the whole lesion first, .* so that kinds take turns\.$/);
  assert.ok(!matrixSentence(view({map: 'words_to_words'})).includes('Regions stand'));
});

test('among one there is only one', () => {
  const one = {...MODEL, words: [MODEL.words[0]], maps: {...MODEL.maps,
    regions_to_words: {layers: 1, heads: 1, queries: 3, keys: 1, values: Float32Array.of(1, 1, 1)}}};
  assert.match(matrixSentence(view({map: 'regions_to_words'}, one)), /among the only word\. With only 1 word an even share is 1\/1/);
});

test('a cell is told with its weight, its multiple of an even share and the spread of its query', () => {
  const [cell, query] = readoutOf(view({head: 0}), {row: 0, col: 0});
  assert.equal(cell, '“female” gives 0.5000 of its attention to region 1, head 1: 1.50 times an even share (1/3 = 0.3333).');
  assert.equal(query, '“female” spreads its attention as evenly as over 2.8 of 3 regions (entropy 1.50 of at most 1.58 bits).');
});

test('the query is told for a column, the key for a row where words look', () => {
  assert.equal(readoutOf(view(), {row: null, col: 1}).length, 1);
  assert.match(readoutOf(view(), {row: null, col: 1})[0], /^“back” spreads/);
  assert.equal(readoutOf(view(), {row: 1, col: null})[0],
    'Region 2 gets 0.4375 of the attention of an average word, on average over the heads: 1.31 times an even share (1/3 = 0.3333).');
  assert.match(readoutOf(view({map: 'regions_to_words'}), {row: 1, col: null})[0], /^Region 2 spreads .* of 2 words/);
});

test('the maximum has no entropy', () => {
  assert.equal(readoutOf(view({head: 'max'}), {row: null, col: 0})[0], 'The largest weights of any head for “female”.');
  assert.equal(readoutOf(view({head: 'max'}), null)[0], 'The largest weight is 1.0000; an even share is 0.3333.');
  assert.match(readoutOf(view({head: 'max'}), {row: 0, col: 0})[0], /, in the head that gives most: 1\.50 times/);
});

test('with nothing under the pointer the average is told, with no matrix the reason', () => {
  assert.match(readoutOf(view({head: 0}), null)[0], /^An average word spreads .* over 1\.7 of 3 regions \(entropy 0\.75/);
  assert.match(readoutOf(view({map: 'regions_to_regions'}), null)[0], /guides one side only/);
});

test('the caption says how the picture is drawn', () => {
  assert.match(captionOf(view(), null), /^Each place has the number of the strongest region .* do not add up\. 3 of 3 boxes/);
  assert.match(captionOf(view({reading: 'difference'}), {row: null, col: 0}), /do not add up\. Orange: .* Purple: less\. 3 of/);
  assert.match(captionOf(view({map: 'words_to_words'}), null), /^Words look at words here/);
  assert.match(captionOf(view({map: 'regions_to_regions'}), null), /^3 of 3 boxes are drawn/);
});

test('of a pinned region the caption says which side has its numbers', () => {
  assert.match(captionOf(view(), {row: 1, col: null}),
    /^Region 2 is picked: the words show how much of their attention it gets\. Each place/);
  const seen = view({map: 'regions_to_words'});
  assert.match(captionOf(seen, {row: 1, col: null}), /^Region 2 is picked: the words show what it looks at\. The picture is of “female”/);
  assert.match(captionOf(seen, null), /^The picture is of “female”, which gets most: point at another word/);
  assert.match(captionOf(seen, {row: 1, col: 1}), /^Each place/);
});

test('a picture says whose numbers it shows', () => {
  assert.equal(pictureSubject(view(), null), 'What an average word looks at');
  assert.equal(pictureSubject(view(), {row: 1, col: 0}), 'What “female” looks at');
  assert.equal(pictureSubject(view({map: 'regions_to_words'}), {row: null, col: 1}), 'How much each region looks at “back”');
});

test('among regions the picture shows the row of who looks, the column of who is looked at', () => {
  const square = {...MODEL, maps: {...MODEL.maps, regions_to_regions: MODEL.maps.words_to_regions}};
  const seen = {...view({}, square), axes: {from: 'regions', to: 'regions', rows: 'regions', cols: 'regions', queryOnRows: true}};
  assert.equal(pictureSubject(seen, {row: 1, col: null}), 'What region 2 looks at');
  assert.equal(pictureSubject(seen, {row: null, col: 1}), 'How much each region looks at region 2');
});

test('what is practically even is called so, with the number', () => {
  const even = {...MODEL, maps: {...MODEL.maps, regions_to_words: {layers: 1, heads: 1, queries: 3, keys: 2,
    values: Float32Array.of(0.5, 0.5, 0.46, 0.54, 0.5, 0.5)}}};
  assert.match(matrixSentence(view({map: 'regions_to_words'}, even)),
    /Practically even: no weight is further than 0\.0400 from an even share, 1\/2 = 0\.5000\. Regions/);
  assert.ok(!matrixSentence(view({map: 'regions_to_words', head: 0})).includes('Practically even'));
});

test('the strip of heads says its scale', () => {
  assert.match(headsHint(view({map: 'words_to_words'}), null, {low: 0, high: 0.5}), /all on one scale, 0\.0000 to 0\.5000\. “Over” says over how many words an average word/);
});

test('pictures of heads say whose they are, and what gets most', () => {
  assert.match(headsHint(view(), null), /^What an average word looks at, head by head\. Each head has its own scale/);
  const words = view({map: 'regions_to_words'});
  assert.match(headsHint(words, subjectOf(words, null)), /^How much each region looks at “female”, head by head\./);
  assert.equal(mostText(view(), 1, 0.5), 'most: region 2, 0.5000');
});

test('the fusion says which classes it is between, and by how much the first leads', () => {
  assert.match(fusionSentence(view()), /the log-odds of melanoma against nevus, \+1\.13, are exactly the sum/);
  assert.match(fusionSentence(view()), /Plus speaks for melanoma, minus for nevus\./);
});
