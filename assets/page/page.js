// What belongs to no view: keys, addresses, terms, and which case is on the screen. The server's events ask `window.mat`.

import {diagnoseOnEnter} from './enter.js';
import {followAddress, whereAreWe} from './address.js';
import {followCase, keptCase, setClass} from './following.js';
import {followLanguage} from './language.js';
import {markTerms} from './terms.js';
import {explainTerms} from './tips.js';
import {measureTop} from './top.js';

/**
 * Begin.
 * @param {{term: string, meaning: string, forms: string[]}[]} glossary
 * @param {Object} languages texts by language and key
 */
export function startPage(glossary, languages = {}) {
  window.mat = {where: whereAreWe, case: keptCase(), setClass};
  diagnoseOnEnter();
  followCase();
  const start = () => {
    followAddress();
    measureTop();
    explainTerms(glossary);
    markTerms(glossary);
    followLanguage(languages);
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
}
