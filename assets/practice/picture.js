// The picture under its tiles: marked with a brush, a finger or the arrow keys; later with what the model made of it.

import {make} from '../shared/elements.js';
import {marked, moveOnGrid} from './marks.js';

const LOOKED = '230, 159, 0'; // Okabe and Ito 2008
const FOR = '213, 94, 0';
const AGAINST = '0, 114, 178';
const FAINTEST = 0.05; // change of a probability that has full colour at least

/** What tile `i` is painted with, as CSS. @param {number[]} values @param {'attended'|'hidden'} kind */
export function colourOf(values, i, kind) {
  if (kind === 'attended') return `rgba(${LOOKED}, ${(0.75 * values[i] / Math.max(...values, 1e-9)).toFixed(3)})`;
  const most = Math.max(FAINTEST, ...values.map(Math.abs));
  return `rgba(${values[i] > 0 ? FOR : AGAINST}, ${(0.75 * Math.abs(values[i]) / most).toFixed(3)})`;
}

const frame = (found, tiles, label) => make('div', {class: 'pr-stage'},
  make('img', {src: found.picture, alt: 'The lesion', width: found.width, height: found.height, draggable: 'false'}),
  make('div', {
    class: 'pr-tiles', role: 'group', 'aria-label': label,
    style: `grid-template: repeat(${found.rows}, 1fr) / repeat(${found.columns}, 1fr)`,
  }, ...tiles));

/** The picture to mark on. @param {(marks: number[]) => void} change is told the marks after each stroke or key */
export function markable(found, first, change) {
  let marks = first;
  let painting = null;
  const nameOf = (i) => `Row ${Math.floor(i / found.columns) + 1}, column ${i % found.columns + 1}`;
  const tiles = Array.from({length: found.rows * found.columns}, (_, i) => make('button', {
    type: 'button', class: 'pr-tile', 'aria-label': nameOf(i), 'data-tile': i, tabindex: i ? '-1' : '0',
  }));

  function show() {
    tiles.forEach((tile, i) => {
      tile.classList.toggle('pr-own', marks.includes(i));
      tile.setAttribute('aria-pressed', marks.includes(i));
    });
  }

  function set(i, on) {
    if (marks.includes(i) === on) return;
    marks = marked(marks, i, on);
    show();
    change(marks);
  }

  const tileAt = (event) => tiles.indexOf(document.elementFromPoint(event.clientX, event.clientY));
  const stage = frame(found, tiles, 'Tiles of the picture: drag over them, or arrow keys move and Space marks');
  stage.addEventListener('pointerdown', (event) => {
    const i = tileAt(event);
    if (i < 0 || event.button) return;
    painting = !marks.includes(i);
    set(i, painting);
  });
  stage.addEventListener('pointermove', (event) => {
    const i = painting === null || !event.buttons ? -1 : tileAt(event);
    if (i >= 0) set(i, painting);
  });
  for (const kind of ['pointerup', 'pointercancel', 'pointerleave']) stage.addEventListener(kind, () => { painting = null; });
  stage.addEventListener('click', (event) => {
    const i = tiles.indexOf(event.target);
    if (i >= 0 && event.detail === 0) set(i, !marks.includes(i)); // Space and Enter: a pointer has painted already
  });
  stage.addEventListener('keydown', (event) => {
    const from = tiles.indexOf(event.target);
    const to = from < 0 ? null : moveOnGrid(event.key, from, found.rows, found.columns);
    if (to === null) return;
    event.preventDefault();
    tiles.forEach((tile, i) => { tile.tabIndex = i === to ? 0 : -1; });
    tiles[to].focus();
  });
  show();
  return make('figure', {}, stage);
}

/** The picture with own marks and, where `kind` says so, values of the model. */
export function painted(found, marks, kind, values, caption) {
  const tiles = Array.from({length: found.rows * found.columns}, (_, i) => make('span', {
    class: `pr-tile${marks.includes(i) ? ' pr-own' : ''}`,
    style: values ? `background-color: ${colourOf(values, i, kind)}` : null,
  }));
  return make('figure', {}, frame(found, tiles, caption), make('figcaption', {class: 'pr-fine'}, caption));
}
