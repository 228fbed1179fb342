// One case for all views: what is about another one than the strip's is covered until its answer comes.

import {afterFrame} from './frames.js';

const KEY = 'mat-case';
const NO_CASE = 'none'; // of what is about none on purpose: a file that was opened in the explorer

/**
 * Whether a view's content is about another case, or another class in question, than is on the screen.
 * @param {{case: string, class: string}} now @param {?{case?: string, class?: string}} view null: nothing yet
 */
export function isOutdated(now, view) {
  if (!now.case || view?.case === NO_CASE) return false;
  if (!view) return true;
  return view.case !== now.case || (view.class !== undefined && view.class !== now.class);
}

let classInQuestion = '';

/** Tell which class is in question; '' for the answer's own. */
export function setClass(label) {
  classInQuestion = label || '';
  look();
}

function look() {
  const strip = document.querySelector('#strip [data-case]');
  if (!strip) return;
  const now = {case: strip.dataset.case, class: classInQuestion};
  for (const view of document.querySelectorAll('.of-case')) {
    const told = view.querySelector('[data-case]');
    view.toggleAttribute('data-outdated', isOutdated(now, told && told.dataset));
  }
  if (now.case) keep(now.case);
}

function keep(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // a browser that keeps nothing: Reload begins anew
  }
}

/** The key of the case that this tab of the browser had before a reload, or ''. */
export function keptCase() {
  try {
    return sessionStorage.getItem(KEY) || '';
  } catch {
    return '';
  }
}

/** Cover what is outdated, from now on. */
export function followCase() {
  let asked = false;
  new MutationObserver(() => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      look();
    });
  }).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ['data-case', 'data-class'],
  });
}

// what a view is to be about: another text where it needs another answer
function subject() {
  const strip = document.querySelector('#strip [data-case]');
  return `${strip?.dataset.case ?? ''} ${strip?.querySelector('.previous') ? 'previous' : ''} ${classInQuestion}`;
}

/**
 * Whose turn it is to follow, asked after the frame: resolves to what the view is to be about where one of its addresses
 * is open, or it has none, and to what it was asked about last where it need not follow. What Gradio tells twice, such as
 * the selection of a tab when something in it changes, is one turn.
 * @param {function(): string} where the open tab's address
 * @returns {function(string, string[]): Promise<string>}
 */
export const nextTurn = (where) => async (turn, addresses) => {
  await afterFrame();
  return !addresses.length || addresses.includes(where()) ? subject() : turn;
};
