import assert from 'node:assert/strict';
import {test} from 'node:test';

import {lexiconOf, piecesOf} from '../../assets/page/glossary_terms.js';
import {placeOf} from '../../assets/page/tooltips.js';

const LEXICON = lexiconOf([{forms: ['head', 'heads']}, {forms: ['attention weight']}, {forms: ['attention']}, {forms: []}]);
const marks = (text, seen = new Set()) => piecesOf(text, LEXICON, seen).filter((piece) => piece.number !== null);

test('a term is marked once, in any case, as a word of its own', () => {
  const pieces = piecesOf('Heads: each head, ahead of the two-head one.', LEXICON, new Set());
  assert.deepEqual(pieces, [{text: 'Heads', number: 0}, {text: ': each head, ahead of the two-head one.', number: null}]);
  assert.deepEqual(marks('ahead, headline, two-head'), []);
});

test('the longest form wins', () => {
  assert.deepEqual(marks('an attention weight'), [{text: 'attention weight', number: 1}]);
});

test('what is marked in the same part already is left alone, and remembered', () => {
  const seen = new Set([0]);
  assert.deepEqual(marks('head and attention', seen), [{text: 'attention', number: 2}]);
  assert.deepEqual([...seen], [0, 2]);
});

test('no text is lost', () => {
  for (const text of ['', ' ', 'head', 'a head', 'head and attention.', 'nothing here']) {
    assert.equal(piecesOf(text, LEXICON, new Set()).map((piece) => piece.text).join(''), text);
  }
  assert.deepEqual(piecesOf('a head', lexiconOf([]), new Set()), [{text: 'a head', number: null}]);
});

const PAGE = {width: 390, height: 800};
const TIP = {width: 340, height: 100};

test('a tip stays in the window: it moves left, and above its term where there is no room below', () => {
  assert.deepEqual(placeOf({left: 20, top: 100, bottom: 120}, TIP, PAGE), {left: 20, top: 128});
  assert.deepEqual(placeOf({left: 350, top: 100, bottom: 120}, TIP, PAGE), {left: 42, top: 128});
  assert.deepEqual(placeOf({left: -5, top: 760, bottom: 780}, TIP, PAGE), {left: 8, top: 652});
  // no room at all: below, where the page can be scrolled to it
  assert.deepEqual(placeOf({left: 20, top: 50, bottom: 70}, TIP, {width: 390, height: 160}), {left: 20, top: 78});
});
