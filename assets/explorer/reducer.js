// What the reader chose, and what may become of it. Each function takes a state and returns the next one.
//
// What is under the pointer (`hover`) or pinned (`pin`) is {row, col}: a token on the rows, on the columns, or a cell
// with both. Nothing here touches the page.

import {isUsable, MAPS} from './payload.js';

const ORDERS = ['attention', 'detector', 'position'];
const READINGS = ['weight', 'difference'];

export const FIRST = Object.freeze({
  map: 'words_to_regions', layer: 0, head: 'mean', order: 'attention', top: 12, reading: 'weight', numbers: false,
  against: null, pin: null, hover: null, walkHead: null,
});

/** Whether two tokens or cells are one and the same. */
export const isSame = (a, b) => Boolean(a && b) && a.row === b.row && a.col === b.col;

/** Whether it is a cell, and not a token alone. */
export const isCell = (active) => Boolean(active) && active.row !== null && active.col !== null;

/** What lights the page: the pin, or else what is under the pointer. */
export const activeOf = (state) => state.pin ?? state.hover;

/** Another choice. Another matrix has other numbers: which head the walk-through shows is open again. */
export function chosen(state, changes) {
  const other = ['pin', 'map', 'layer'].some((name) => name in changes);
  return {...state, ...changes, hover: null, walkHead: other ? null : state.walkHead};
}

export const hovered = (state, active) => ({...state, hover: active});

/** Pin a token or cell; the same one again, or null, frees it. */
export function pinned(state, active) {
  const pin = isSame(active, state.pin) ? null : active;
  return {...state, pin, hover: pin ? state.hover : null, walkHead: null};
}

/** Layer and head within what the chosen map has. */
export function fitted(state, model) {
  const map = model.maps[state.map];
  if (!map) return state;
  const layer = Math.min(state.layer, map.layers - 1);
  const head = typeof state.head === 'number' && state.head >= map.heads ? 'mean' : state.head;
  return {...state, layer, head};
}

/** Without a pin that is no longer among the tokens of `view`. */
export function pinShown(state, view) {
  if (!state.pin) return state;
  const isThere = (token, shown) => token === null || shown.includes(token);
  const kept = view.exists && isThere(state.pin.row, view.rows) && isThere(state.pin.col, view.cols);
  return kept ? state : {...state, pin: null};
}

/** What came with a file, as far as it makes sense here. */
export function takenUp(state, wanted) {
  if (!wanted || typeof wanted !== 'object') return state;
  const {map, order, reading, head, layer, top, against} = wanted;
  const next = {...state};
  if (Object.hasOwn(MAPS, map)) next.map = map;
  if (ORDERS.includes(order)) next.order = order;
  if (READINGS.includes(reading)) next.reading = reading;
  if (head === 'mean' || head === 'max' || (Number.isInteger(head) && head >= 0)) next.head = head;
  if (Number.isInteger(layer) && layer >= 0) next.layer = layer;
  if (Number.isInteger(top) && top > 0) next.top = top;
  if (typeof against === 'string') next.against = against;
  return next;
}

/** The pin in another answer for the same regions, as when the metadata change; null where its word is gone. */
export function movedPin({pin, map}, before, next) {
  if (JSON.stringify(next.boxes) !== JSON.stringify(before.boxes)) return null;
  const moved = (side, token) => {
    if (token === null || side === 'regions') return token;
    const {field} = before.words[token];
    const first = (words) => words.findIndex((word) => word.field === field);
    const rank = token - first(before.words);
    return next.words.findIndex((word, i) => word.field === field && i - first(next.words) === rank);
  };
  const {rows, cols} = MAPS[map];
  const there = {row: moved(rows, pin.row), col: moved(cols, pin.col)};
  return there.row === -1 || there.col === -1 ? null : there;
}

/** The state in which another case is shown. @param {?object} before the case on the screen until now */
export function loaded(state, before, next) {
  const pin = state.pin && movedPin(state, before, next);
  const taken = takenUp({...state, pin, hover: null}, next.view);
  if (next.view || isUsable(next.maps[taken.map])) return taken;
  return {...taken, map: Object.keys(MAPS).find((name) => isUsable(next.maps[name])) ?? taken.map};
}
