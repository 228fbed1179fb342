// What belongs to no view: keys, addresses, terms, and which case is on the screen. The server's events ask `window.mat`.

import {diagnoseOnEnter} from './enter.js';
import {followAddress, whereAreWe} from './address.js';
import {followCase, keptCase, setClass} from './following.js';
import {markTerms} from './terms.js';
import {explainTerms} from './tips.js';
import {measureTop} from './top.js';

/** Begin. @param {{term: string, meaning: string, forms: string[]}[]} glossary */
export function startPage(glossary) {
  window.mat = {where: whereAreWe, case: keptCase(), setClass};
  diagnoseOnEnter();
  followCase();
  const start = () => {
    followAddress();
    measureTop();
    explainTerms(glossary);
    markTerms(glossary);
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
}
