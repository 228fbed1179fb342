// Pointer and keyboard events as actions.

import {isSame} from './reducer.js';
import {tokenOf} from './selectors.js';
import {closest} from '../shared/dom.js';

const TOKENS = '[data-region], [data-word], [data-row], [data-col]';

/** What an element of the page stands for: {row, col}, or null. */
function tokenAt(target, view) {
  const found = target.closest?.(TOKENS);
  return found && view?.exists ? tokenOf(view, found.dataset) : null;
}

/**
 * @param {HTMLElement} element all of the explorer
 * @param {any} actions of explorer.js: view, isLit, hover, pin, free, moveCell, moveBox, chooseHead, save
 */
export function listen(element, actions) {
  // The page may scroll below a resting pointer when the keyboard moves the focus: that is no hover.
  let keyed = false;
  let pressed = null; // what the pointer went down on
  const tokenUnder = (event) => tokenAt(event.target, actions.view());
  const point = (event) => keyed || event.pointerType === 'touch' || actions.hover(tokenUnder(event));

  element.addEventListener('keydown', () => {
    keyed = true;
  }, true);
  element.addEventListener('pointerover', point);
  element.addEventListener('pointermove', (event) => {
    if (!keyed || !(event.movementX || event.movementY)) return;
    keyed = false;
    point(event);
  });
  element.addEventListener('pointerdown', (event) => {
    pressed = {token: tokenUnder(event), element: closest(event, TOKENS)};
  });
  element.addEventListener('pointerup', (event) => {
    // When another answer comes between pressing and releasing, the cell is drawn anew and no click will name it.
    const isOther = pressed && closest(event, TOKENS) !== pressed.element;
    if (isOther && isSame(tokenUnder(event), pressed.token)) actions.pin(pressed.token);
    pressed = null;
  });
  element.addEventListener('pointerleave', () => keyed || actions.hover(null));
  element.addEventListener('focusin', (event) => {
    const token = tokenUnder(event);
    if (token) actions.hover(token);
  });
  element.addEventListener('focusout', () => actions.hover(null));

  element.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && actions.isLit()) {
      event.preventDefault();
      actions.free();
      return;
    }
    const cell = closest(event, '[data-row], [data-col]');
    const box = closest(event, '[data-region]');
    if ((cell || box) && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      const token = tokenUnder(event);
      if (token) actions.pin(token);
    } else if (cell) actions.moveCell(event, cell);
    else if (box) actions.moveBox(event, Number(box.dataset.region));
  });

  element.addEventListener('click', (event) => {
    const head = closest(event, '[data-head]');
    const kind = closest(event, '[data-export]')?.dataset.export;
    if (closest(event, '[data-free]')) actions.pin(null);
    else if (head) actions.chooseHead(Number(head.dataset.head));
    else if (kind) actions.save(kind);
    else {
      const token = tokenUnder(event);
      if (token) actions.pin(token);
    }
  });
}
