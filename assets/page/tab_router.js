// Every tab has an address, so that links, Back and Reload find it again: #explore, or #hide inside of Question.

import {closest, query} from '../shared/dom.js';

export const INSIDE = {question: ['take-away', 'hide', 'check-attention', 'what-if', 'doubt', 'similar-cases']};

/** The tabs to open, outermost first, for a location's hash; none for one that is not ours. */
export function tabsOf(hash) {
  const name = hash.replace(/^#/, '').split('?')[0];
  const outer = Object.keys(INSIDE).find((tab) => INSIDE[tab].includes(name));
  if (outer) return [outer, name];
  return /^[a-z][a-z-]*$/.test(name) ? [name] : [];
}

/** The address of a tab; of one that has tabs inside, that of the one which is open there. */
export function addressOf(tab, openInside) {
  if (!(tab in INSIDE)) return tab;
  return INSIDE[tab].includes(openInside) ? openInside : INSIDE[tab][0];
}

const button = (tab) => query(`[role=tab][data-tab-id="${CSS.escape(tab)}"]`);
const openInside = () => document.querySelector('[data-tab-id="question"]')
  && query('#question [role=tab][aria-selected=true]')?.dataset.tabId;

/** The address of the open tab. */
export function openAddress() {
  const tabs = tabsOf(location.hash).filter(button);
  const last = tabs[tabs.length - 1];
  return last ? addressOf(last, openInside()) : 'diagnose';
}

// a tab inside another one is there only after that one was opened
function open(tabs, tries = 100) {
  const [first, ...rest] = tabs;
  if (!first) return;
  const found = button(first);
  if (!found) {
    if (tries) setTimeout(() => open(tabs, tries - 1), 100);
    return;
  }
  if (found.getAttribute('aria-selected') === 'true') {
    open(rest, tries);
    return;
  }
  found.click();
  // a click before the page listens is lost: it counts once the tab is selected
  if (tries) setTimeout(() => open(tabs, tries - 1), 100);
}

/** Open a tab by its address. @param {string} tab */
export function goTo(tab) {
  if (location.hash.replace(/^#/, '') !== tab) history.pushState(null, '', `#${tab}`);
  open(tabsOf(location.hash));
}

/** Keep address and tabs together, from now on. */
export function followAddress() {
  document.addEventListener('click', (event) => {
    const tab = closest(event, '[role=tab][data-tab-id]');
    // what `open` clicks has its address already
    if (!tab || !event.isTrusted) return;
    const address = addressOf(tab.dataset.tabId, openInside());
    if (tabsOf(location.hash).pop() !== address) history.pushState(null, '', `#${address}`);
  }, true);
  addEventListener('popstate', () => {
    const tabs = tabsOf(location.hash);
    open(tabs.length ? tabs : ['diagnose']);
  });
  // an address is a tab's, and no place on the page: some of Gradio's elements have the same name
  addEventListener('hashchange', () => scrollTo({top: 0, behavior: 'instant'}));
  if (location.hash) open(tabsOf(location.hash));
}
