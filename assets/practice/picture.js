// The picture under its tiles: marked with a brush, a finger or the arrow keys; later with what the model made of it.

import {make} from '../shared/dom.js';
import {moveOnGrid} from '../shared/keyboard_navigation.js';
import {marked} from './marks.js';
import {t} from '../shared/i18n.js';

const LOOKED = '230, 159, 0'; // Okabe and Ito 2008
const FOR = '213, 94, 0';
const AGAINST = '0, 114, 178';
const FAINTEST = 0.05; // change of a probability that has full colour at least

/** What tile `i` is painted with, as CSS. @param {number[]} values @param {'attended'|'hidden'} kind */
export function colorOf(values, i, kind) {
  if (kind === 'attended') return `rgba(${LOOKED}, ${(0.75 * values[i] / Math.max(...values, 1e-9)).toFixed(3)})`;
  const most = Math.max(FAINTEST, ...values.map(Math.abs));
  return `rgba(${values[i] > 0 ? FOR : AGAINST}, ${(0.75 * Math.abs(values[i]) / most).toFixed(3)})`;
}

const frame = (caseData, tiles, label) => make('div', {class: 'pr-stage'},
  make('img', {src: caseData.picture, alt: t('practice.lesion'), width: caseData.width, height: caseData.height, draggable: 'false'}),
  make('div', {
    class: 'pr-tiles', role: 'group', 'aria-label': label,
    style: `grid-template: repeat(${caseData.rows}, 1fr) / repeat(${caseData.columns}, 1fr)`,
  }, ...tiles));

/** The picture to mark on. @param {(marks: number[]) => void} change is told the marks after each stroke or key */
export function markable(caseData, first, change) {
  let marks = first;
  let painting = null;
  let before = first; // the marks when the finger came down
  const nameOf = (i) => t('practice.tile', {row: Math.floor(i / caseData.columns) + 1, column: i % caseData.columns + 1});
  const tiles = Array.from({length: caseData.rows * caseData.columns}, (_, i) => make('button', {
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
  const stage = frame(caseData, tiles, t('practice.tiles'));
  stage.addEventListener('pointerdown', (event) => {
    const i = tileAt(event);
    if (i < 0 || event.button) return;
    before = marks;
    painting = !marks.includes(i);
    set(i, painting);
  });
  stage.addEventListener('pointermove', (event) => {
    const i = painting === null || !event.buttons ? -1 : tileAt(event);
    if (i >= 0) set(i, painting);
  });
  stage.addEventListener('pointercancel', () => { // two fingers zoom: the first one marked nothing
    marks = before;
    show();
    change(marks);
  });
  for (const kind of ['pointerup', 'pointercancel', 'pointerleave']) stage.addEventListener(kind, () => { painting = null; });
  stage.addEventListener('click', (event) => {
    const i = tiles.indexOf(event.target);
    if (i >= 0 && event.detail === 0) set(i, !marks.includes(i)); // Space and Enter: a pointer has painted already
  });
  stage.addEventListener('keydown', (event) => {
    const from = tiles.indexOf(event.target);
    const to = from < 0 ? null : moveOnGrid(event.key, from, caseData.rows, caseData.columns);
    if (to === null) return;
    event.preventDefault();
    tiles.forEach((tile, i) => { tile.tabIndex = i === to ? 0 : -1; });
    tiles[to].focus();
  });
  show();
  return make('figure', {}, stage);
}

/** The picture with own marks and, where `kind` says so, values of the model. */
export function painted(caseData, marks, kind, values, caption) {
  const tiles = Array.from({length: caseData.rows * caseData.columns}, (_, i) => make('span', {
    class: `pr-tile${marks.includes(i) ? ' pr-own' : ''}`,
    style: values ? `background-color: ${colorOf(values, i, kind)}` : null,
  }));
  return make('figure', {}, frame(caseData, tiles, caption), make('figcaption', {class: 'pr-fine'}, caption));
}
