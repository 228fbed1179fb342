// Terms of the glossary are marked where they first stand in a part of the page, and explained by tooltips.js.

import {fill, make, queryAll} from '../shared/dom.js';
import {ENGLISH, language} from '../shared/i18n.js';

const ROOTS = '.gradio-container [id^="html-"]'; // what views have written; Gradio minds its own text itself
const SENTENCES = 'p, h2, h3, h4, figcaption, li';
const PARTS = 'section, article, [role=tabpanel], [id^="html-"]'; // a term is marked once in each
// what is pressed, what is read out when it changes, what follows the pointer
const PLAIN = 'a, button, label, summary, legend, select, svg, table, dl, .bars, .plot, .term, [aria-live], [role=status], [role=alert], '
  + '[data-terms=off]';
const QUIET = 250; // milliseconds without a change, before the page is read again

/** One expression for all forms of all entries, the longest first, and form -> number of its entry. */
export function lexiconOf(entries) {
  const numbers = new Map();
  entries.forEach(({forms}, number) => forms.forEach((form) => numbers.set(form, number)));
  const forms = [...numbers.keys()].sort((a, b) => b.length - a.length)
    .map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return {numbers, expression: forms.length ? new RegExp(`(?<![\\p{L}\\p{N}_-])(?:${forms.join('|')})(?![\\p{L}\\p{N}_-])`, 'giu') : null};
}

/**
 * A text in pieces, of which those that are to be marked have the number of their entry.
 * @param {Set<number>} seen entries that are marked already; those that are marked here are added
 * @returns {{text: string, number: ?number}[]} one piece where nothing is to be marked
 */
export function piecesOf(text, {numbers, expression}, seen) {
  const pieces = [];
  let start = 0;
  for (const found of expression ? text.matchAll(expression) : []) {
    const number = numbers.get(found[0].toLowerCase());
    if (seen.has(number)) continue;
    seen.add(number);
    if (found.index > start) pieces.push({text: text.slice(start, found.index), number: null});
    pieces.push({text: found[0], number});
    start = found.index + found[0].length;
  }
  if (start < text.length || !pieces.length) pieces.push({text: text.slice(start), number: null});
  return pieces;
}

/** The name of the tip that explains an entry. */
export const tipOf = (number) => `term-${number}`;

function marked({text, number}) {
  if (number === null) return document.createTextNode(text);
  const term = document.createElement('dfn');
  term.className = 'term';
  term.tabIndex = 0;
  term.dataset.term = number;
  term.setAttribute('aria-describedby', tipOf(number));
  term.textContent = text;
  return term;
}

function markSentence(sentence, lexicon, seen) {
  /** @type {Text[]} */
  const texts = [];
  const walker = document.createTreeWalker(sentence, 4); // texts alone
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const node of texts) {
    // a paragraph in an item of a list is a sentence of its own
    if (node.parentElement.closest(SENTENCES) !== sentence || node.parentElement.closest(PLAIN)) continue;
    const pieces = piecesOf(node.data, lexicon, seen);
    if (pieces.length === 1 && pieces[0].number === null) continue;
    node.replaceWith(...pieces.map(marked));
  }
}

function markPage(lexicon) {
  const seen = new Map(); // part -> entries that are marked in it
  for (const sentence of document.querySelectorAll(`${ROOTS} :is(${SENTENCES})`)) {
    if (sentence.closest(PLAIN)) continue;
    const part = sentence.closest(PARTS);
    if (!seen.has(part)) {
      const there = queryAll('.term', part).filter((term) => term.closest(PARTS) === part);
      seen.set(part, new Set(there.map((term) => Number(term.dataset.term))));
    }
    markSentence(sentence, lexicon, seen.get(part));
  }
}

/** The glossary itself, which the server writes in English, in the page's language. */
function listTerms(entries) {
  if (language === ENGLISH) return;
  const sorted = [...entries].sort((a, b) => a.term.localeCompare(b.term, language));
  for (const list of document.querySelectorAll('.glossary dl:not([lang])')) {
    fill(list, sorted.flatMap(({term, meaning}) => [make('dt', {}, term), make('dd', {}, meaning)]));
    list.setAttribute('lang', language);
  }
}

/**
 * Mark terms, from now on, whatever is written anew.
 * @param {{term: string, meaning: string, forms: string[]}[]} entries of the glossary
 */
export function markTerms(entries) {
  const lexicon = lexiconOf(entries);
  let waiting = 0;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      listTerms(entries);
      markPage(lexicon);
      observer.takeRecords(); // of its own marks
    }, QUIET);
  };
  const observer = new MutationObserver((changes) => {
    if (changes.some(({target}) => target instanceof Element && target.closest(ROOTS) && !target.closest(PLAIN))) later();
  });
  observer.observe(document, {subtree: true, childList: true});
  later();
}
