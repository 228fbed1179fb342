// The one view: the matrix on display with all that is shown of it, computed from a case and the state. Nothing here
// touches the page.

import {
  attentionOf, entropyOf, isUsable, largest, lengthOf, MAPS, marginOf, matrixOf, meanEntropy, rowOf, shownRegions,
  sum, whyAbsent,
} from './payload.js';
import {headName, namesOf} from './token_labels.js';
import {floorOf, isPracticallyEven, scaleOf} from './color_scales.js';
import {fixed, rounded, signed} from './format.js';
import {t} from '../shared/i18n.js';

const MOST_ROWS = 100;
const MOST_SQUARE = 40; // regions x regions: more cells than that are too small to hit

/** The most regions that the slider offers for a map. */
export function mostRegions(model, name) {
  const isSquare = MAPS[name].cols === 'regions';
  return Math.min(model.boxes.length, isSquare ? MOST_SQUARE : MOST_ROWS);
}

const tokenCount = (model, side) => model[lengthOf[side]].length;
const positions = (count) => Array.from({length: count}, (_, i) => i);

/**
 * @param {object} model a case, from data.js
 * @param {object} state what the reader chose, from state.js
 */
export function viewOf(model, state) {
  const {map: name, layer, head, reading, numbers, order} = state;
  const axes = MAPS[name];
  const map = model.maps[name];
  const exists = isUsable(map);
  const matrix = exists ? matrixOf(map, layer, head) : null;
  const involved = exists && (axes.rows === 'regions' || axes.cols === 'regions');
  const attention = involved ? attentionOf('regions', name, matrix) : null;
  const most = Math.min(state.top, mostRegions(model, name));
  const regions = shownRegions(model, order, most, attention, pinnedRegions(axes, state.pin));
  const tokens = (side) => (side === 'regions' ? regions : positions(model.words.length));
  const even = exists ? 1 / matrix.keys : 1;
  const base = exists && reading === 'difference' ? even : 0;
  const floor = floorOf(reading, even);
  return {
    model, name, layer, head, reading, numbers, order, axes, map, exists, matrix, regions, base, even, floor,
    names: namesOf(model),
    margin: marginOf(model, state.against),
    reason: exists ? '' : reasonFor(model, name),
    rows: tokens(axes.rows), cols: tokens(axes.cols),
    all: {rows: positions(tokenCount(model, axes.rows)), cols: positions(tokenCount(model, axes.cols))},
    weight: exists ? weightIn(matrix, axes) : null,
    scale: scaleOf(reading, exists ? furthest(matrix.values, base, floor) : 1),
    isEven: exists && isPracticallyEven(matrix.values, even),
    format: reading === 'weight' ? fixed : signed,
    sumsToOne: head !== 'max',
    title: titleOf(map, state),
  };
}

const pinnedRegions = ({rows, cols}, pin) => (
  [rows === 'regions' ? pin?.row : null, cols === 'regions' ? pin?.col : null]
    .filter((region, i, both) => Number.isInteger(region) && both.indexOf(region) === i));

/** The largest distance from `base`, and at least `floor`. */
const furthest = (values, base, floor) => values.reduce((top, value) => Math.max(top, Math.abs(value - base)), floor);

/** A function from a row and a column to the weight that stands there. */
const weightIn = ({values, keys}, {queryOnRows}) => (
  (row, col) => (queryOnRows ? values[row * keys + col] : values[col * keys + row]));

function reasonFor(model, name) {
  if (!model.maps[name]) return whyAbsent(model, name);
  return t('explorer.absent.metadata');
}

const NAMES = {
  words_to_regions: 'attention.words', regions_to_words: 'attention.regions', regions_to_regions: 'explorer.rr', words_to_words: 'explorer.ww',
};

/** What a map is called. */
export const mapName = (name) => t(NAMES[name]);

function titleOf(map, {map: name, layer, head, reading}) {
  const which = map && map.layers > 1 ? t('explorer.title-layer', {n: layer + 1, of: map.layers}) : '';
  return `${mapName(name)}${which}, ${headName(head, map ? map.heads : 0)}${reading === 'weight' ? '' : t('explorer.title-minus')}`;
}

/** Whether tokens of a side stand on the rows or columns. */
export const takesPart = ({exists, axes}, side) => exists && (axes.rows === side || axes.cols === side);

/** The query and the key among a row and a column token; either may be null. */
export const asPair = ({axes}, {row, col}) => (axes.queryOnRows ? {query: row, key: col} : {query: col, key: row});

/** Where a token or cell stands in the grid; 0 is the header's row or column. */
export const gridPlace = ({rows, cols}, {row, col}) => (
  [row === null ? 0 : rows.indexOf(row) + 1, col === null ? 0 : cols.indexOf(col) + 1]);

/** What an element with these data attributes stands for: {row, col}, or null. */
export function tokenOf({axes}, {region, word, row, col}) {
  if (region !== undefined) return axes.rows === 'regions' ? {row: Number(region), col: null} : null;
  if (word !== undefined) {
    if (axes.rows === 'words') return {row: Number(word), col: null};
    return axes.cols === 'words' ? {row: null, col: Number(word)} : null;
  }
  return {row: row === undefined ? null : Number(row), col: col === undefined ? null : Number(col)};
}

/**
 * Which numbers light the tokens of each side, given a row token, a column token, or both; with none of them, what
 * each token that is looked at gets on average.
 */
export function litBy(view, active) {
  const lit = {regions: null, words: null};
  if (!view.exists) return lit;
  const {axes, weight, all, base} = view;
  if (!active) {
    lit[axes.to] = Array.from(attentionOf(axes.to, view.name, view.matrix), (value) => value - base);
    return lit;
  }
  if (active.col !== null) lit[axes.rows] = all.rows.map((row) => weight(row, active.col) - base);
  if (active.row !== null) lit[axes.cols] = all.cols.map((col) => weight(active.row, col) - base);
  return lit;
}

/**
 * Whose numbers a picture shows: of what is under the pointer; where that is a region and words are on the other side,
 * or nothing, of an average query or of the word that regions look at most. Null is the average.
 */
export function subjectOf(view, active) {
  if (!takesPart(view, 'regions') || litBy(view, active).regions) return active;
  if (view.axes.to === 'regions') return null;
  return {row: null, col: largest(attentionOf('words', view.name, view.matrix), 1)[0]};
}

export function isMarked({axes}, active, side, token) {
  if (!active) return false;
  return (axes.rows === side && active.row === token) || (axes.cols === side && active.col === token);
}

/** What stands at the end of each query's line: the rest, the sum, the entropy. */
export function extrasOf(view) {
  const {axes, matrix} = view;
  const digits = view.numbers ? 4 : 2;
  const plain = (value) => (view.reading === 'weight' ? rounded(value, digits) : signed(value, digits));
  const shown = axes.to === 'regions' ? view.regions : view.all[axes.queryOnRows ? 'cols' : 'rows'];
  const hidden = matrix.keys - shown.length;
  const rest = (query) => {
    const weights = rowOf(matrix, query);
    return sum(weights) - sum(shown.map((key) => weights[key])) - hidden * view.base;
  };
  const list = [];
  if (hidden) list.push({name: t('explorer.rest', {n: hidden}), text: (query) => plain(rest(query))});
  list.push({name: t('explorer.sum'), text: (query) => plain(sum(rowOf(matrix, query)) - matrix.keys * view.base)});
  list.push({
    name: t('explorer.entropy'),
    text: (query) => (view.sumsToOne ? rounded(entropyOf(rowOf(matrix, query)), digits) : '–'),
  });
  return list;
}

/** Every head's matrix on the scale that they share, and over how many tokens it spreads. */
export function headsOf({map, layer, axes, base, floor, reading}) {
  const size = map.heads * map.queries * map.keys;
  const limit = furthest(map.values.subarray(layer * size, (layer + 1) * size), base, floor);
  const heads = positions(map.heads).map((head) => {
    const matrix = matrixOf(map, layer, head);
    return {matrix, weight: weightIn(matrix, axes), spread: t('explorer.spread-over', {n: rounded(2 ** meanEntropy(matrix), 1), of: matrix.keys})};
  });
  return {scale: scaleOf(reading, limit), heads};
}

/** What each token of a side gets: by the map in which the other side looks at it if there is one, else by its own. */
export function receivedBy({model, ...view}, side) {
  const other = side === 'regions' ? 'words' : 'regions';
  const name = [`${other}_to_${side}`, `${side}_to_${side}`].find((one) => isUsable(model.maps[one]));
  if (!name) return null;
  const map = model.maps[name];
  const layer = Math.min(view.layer, map.layers - 1);
  const head = typeof view.head === 'number' && view.head < map.heads ? view.head : 'mean';
  return {values: attentionOf(side, name, matrixOf(map, layer, head)), from: MAPS[name].from, head};
}
