// What a marked term means, beside it: when the pointer or the focus is on it, or it was tapped. Escape closes.

import {tipOf} from './glossary_terms.js';
import {closest} from '../shared/dom.js';

const ROOM = 8; // pixels between a tip and its term, and the window's edges
const LINGER = 200; // milliseconds to get from the term to its tip

/**
 * Where a tip goes, in pixels of the window: below its term, above it where there is more room, never cut off at a side.
 * @param {{left: number, top: number, bottom: number}} term @param {{width: number, height: number}} tip
 * @param {{width: number, height: number}} page
 */
export function placeOf(term, tip, page) {
  const left = Math.max(ROOM, Math.min(term.left, page.width - tip.width - ROOM));
  const below = term.bottom + ROOM;
  const above = term.top - ROOM - tip.height;
  const fits = below + tip.height <= page.height - ROOM;
  return {left, top: fits || above < ROOM ? below : above};
}

/** Explain marked terms, from now on. @param {{term: string, meaning: string}[]} entries of the glossary */
export function explainTerms(entries) {
  let open = null; // {term, tip}
  let leaving = 0;

  function tipFor(number) {
    const known = document.getElementById(tipOf(number));
    if (known) return known;
    const tip = document.createElement('div');
    tip.id = tipOf(number);
    tip.className = 'term-tip';
    tip.setAttribute('role', 'tooltip');
    tip.hidden = true;
    const name = document.createElement('b');
    name.textContent = entries[number].term;
    tip.append(name, `: ${entries[number].meaning}`);
    document.body.append(tip);
    return tip;
  }

  function place() {
    if (!open) return;
    const rects = open.term.getClientRects();
    if (!rects.length) {
      close(); // its sentence is gone
      return;
    }
    const size = open.tip.getBoundingClientRect();
    const page = {width: document.documentElement.clientWidth, height: innerHeight};
    const {left, top} = placeOf(rects[0], size, page);
    open.tip.style.left = `${left}px`;
    open.tip.style.top = `${top}px`;
  }

  function show(term) {
    clearTimeout(leaving);
    if (open?.term === term) return;
    close();
    const tip = tipFor(Number(term.dataset.term));
    tip.hidden = false;
    open = {term, tip};
    place();
  }

  function close() {
    clearTimeout(leaving);
    if (open) open.tip.hidden = true;
    open = null;
  }

  const termAt = (event) => closest(event, '.term');
  const isFocused = () => open && document.activeElement === open.term;

  entries.forEach((_, number) => tipFor(number)); // a description is there before it is asked for
  document.addEventListener('pointerover', (event) => {
    const term = termAt(event);
    if (term) show(term);
    else if (open && closest(event, '.term-tip')) clearTimeout(leaving);
    else if (open && !isFocused()) {
      clearTimeout(leaving);
      leaving = setTimeout(close, LINGER);
    }
  });
  document.addEventListener('focusin', (event) => {
    const term = termAt(event);
    if (term) show(term);
    else close();
  });
  document.addEventListener('click', (event) => {
    const term = termAt(event);
    if (term) show(term);
    else if (!closest(event, '.term-tip')) close();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !open) return;
    event.stopPropagation(); // what else listens for Escape keeps what it has
    close();
  }, true);
  addEventListener('scroll', place, {capture: true, passive: true});
  addEventListener('resize', place);
}
