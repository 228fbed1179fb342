// Covers each view until it is about the current case.

import {afterFrame} from '../shared/after_frame.js';
import {browserStorage, readText, writeText} from '../shared/storage.js';
import {openAddress} from './tab_router.js';
import {query, queryAll} from '../shared/dom.js';

const KEY = 'mat-case';
const NO_CASE = 'none'; // of what is about none on purpose: a file that was opened in the explorer

/**
 * Whether a view's content is about another case, or another class in question, than is on the screen.
 * @param {{case: string, class: string}} current @param {?{case?: string, class?: string}} view null: nothing yet
 */
export function isOutdated(current, view) {
  if (!current.case || view?.case === NO_CASE) return false;
  if (!view) return true;
  return view.case !== current.case || (view.class !== undefined && view.class !== current.class);
}

let classInQuestion = '';

/** Set the target class; '' for the most probable one. */
export function setClass(label) {
  classInQuestion = label || '';
  markOutdated();
}

function markOutdated() {
  const strip = query('#strip [data-case]');
  if (!strip) return;
  const current = {case: strip.dataset.case, class: classInQuestion};
  for (const view of queryAll('.of-case')) {
    view.toggleAttribute('data-outdated', isOutdated(current, query('[data-case]', view)?.dataset));
  }
  if (current.case) writeText(browserStorage('sessionStorage'), KEY, current.case);
}

/** The inputs of an event with the case that this tab of the browser had before a reload, or '', as the first. */
export const withKeptCase = (_, ...rest) => [readText(browserStorage('sessionStorage'), KEY), ...rest];

/** The inputs of an event with the open tab's address as the second. */
export const withAddress = (session, _, ...rest) => [session, openAddress(), ...rest];

/** Cover what is outdated, from now on. */
export function followCase() {
  let scheduled = false;
  new MutationObserver(() => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      markOutdated();
    });
  }).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ['data-case', 'data-class'],
  });
}

// identifies what views depend on
function subject() {
  const strip = query('#strip [data-case]');
  return `${strip?.dataset.case ?? ''} ${strip?.querySelector('.previous') ? 'previous' : ''} ${classInQuestion}`;
}

/**
 * What a view depends on, read after the answer is painted; the last result where the view need not update, e.g. when
 * Gradio reports the selection of a tab again.
 * @param {string[]} addresses of the view; none: it updates whatever is open
 * @param {string} turn the last result @param {function(): string} where the open tab's address
 */
export async function nextTurn(addresses, turn, where = openAddress) {
  await afterFrame();
  return !addresses.length || addresses.includes(where()) ? subject() : turn;
}
