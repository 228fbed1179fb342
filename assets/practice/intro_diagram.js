// How a round goes, in four small drawings: before it starts, one sees what will be asked.

import {draw, make} from '../shared/dom.js';
import {t} from '../shared/i18n.js';

const COLUMNS = 6;
const ROWS = 4;
const SIDE = 20; // of a tile, in units of the drawing
const WIDE = COLUMNS * SIDE;
const HIGH = ROWS * SIDE;
const OWN = [[2, 1], [3, 1], [2, 2]]; // tiles, column and row
const ATTENDED = [[3, 1, 0.9], [4, 1, 0.5], [3, 2, 0.6], [4, 2, 0.35]];
const DECISIVE = [3, 1];

const box = (column, row, attributes) => draw('rect', {
  x: column * SIDE + 1, y: row * SIDE + 1, width: SIDE - 2, height: SIDE - 2, rx: 2, ...attributes,
});

/** A lesion under its tiles, with marks on it. */
function lesion(...marks) {
  const lines = [];
  for (let c = 1; c < COLUMNS; c++) lines.push(draw('line', {x1: c * SIDE, x2: c * SIDE, y1: 0, y2: HIGH, class: 'pr-line'}));
  for (let r = 1; r < ROWS; r++) lines.push(draw('line', {x1: 0, x2: WIDE, y1: r * SIDE, y2: r * SIDE, class: 'pr-line'}));
  return drawing(
    draw('rect', {width: WIDE, height: HIGH, rx: 4, class: 'pr-skin'}),
    draw('path', {d: 'M38 26 Q50 10 70 16 Q92 14 94 34 Q100 54 80 64 Q62 72 46 62 Q28 50 38 26 Z', class: 'pr-lesion'}),
    draw('path', {d: 'M60 28 Q72 22 80 32 Q82 46 68 46 Q56 44 60 28 Z', class: 'pr-core'}),
    ...lines, ...marks);
}

const drawing = (...content) => draw('svg', {viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'pr-drawing', 'aria-hidden': 'true'}, ...content);

/** Lines of a list with a dot, the chosen one full, and a slider below. */
function choice() {
  const line = (y, width, isChosen) => [
    draw('circle', {cx: 16, cy: y, r: 4.5, class: isChosen ? 'pr-dot pr-chosen' : 'pr-dot'}),
    draw('rect', {x: 27, y: y - 2.5, width, height: 5, rx: 2.5, class: isChosen ? 'pr-ink' : 'pr-faint'}),
  ];
  return drawing(
    ...line(12, 60, false), ...line(28, 44, true), ...line(44, 70, false),
    draw('rect', {x: 12, y: 63, width: 96, height: 4, rx: 2, class: 'pr-faint'}),
    draw('circle', {cx: 78, cy: 65, r: 6, class: 'pr-dot pr-chosen'}));
}

/** @type {Array<[string, string, function(): Element]>} */
const STEPS = [
  [t('practice.mark-step'), t('practice.mark'), () => lesion(...OWN.map(([c, r]) => box(c, r, {class: 'pr-own-mark'})))],
  [t('practice.commit'), t('practice.choose'), choice],
  [t('practice.see'), t('practice.only-now'),
    () => lesion(...ATTENDED.map(([c, r, part]) => box(c, r, {class: 'pr-heat', 'fill-opacity': part})))],
  [t('practice.truth'), t('practice.is'),
    () => lesion(box(...DECISIVE, {class: 'pr-hidden-tile'}), draw('path', {d: 'M92 58 l8 9 l15 -20', class: 'pr-tick'}))],
];

/** The four steps of a case. */
export const stepsPanel = () => make('ol', {class: 'pr-steps'}, ...STEPS.map(([name, text, picture], i) => make('li', {},
  picture(), make('h3', {}, `${i + 1}. `, name), make('p', {}, text))));
