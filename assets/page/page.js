// What belongs to no view: keys, addresses, terms, and which case is on the screen. The server's events ask `window.mat`.

import {diagnoseOnEnter} from './enter.js';
import {followAddress, whereAreWe} from './address.js';
import {followCase, keptCase, nextTurn, setClass} from './following.js';
import {followLanguage} from './language.js';
import {markTerms, unmarkTerms} from './terms.js';
import {explainTerms} from './tips.js';
import {measureAnswers} from './took.js';
import {measureTop} from './top.js';

/**
 * Begin.
 * @param {{term: string, meaning: string, forms: string[]}[]} glossary
 * @param {Object<string, Object<string, string>>} languages texts by language and key
 */
export function startPage(glossary, languages = {}) {
  window.mat = {where: whereAreWe, case: keptCase(), setClass, turn: nextTurn(whereAreWe), ...measureAnswers()};
  diagnoseOnEnter();
  followCase();
  const start = () => {
    followAddress();
    measureTop();
    followLanguage(languages, unmarkTerms);  // a text in pieces is in no list
    explainTerms(glossary);
    markTerms(glossary);
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
}
