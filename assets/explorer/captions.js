// What the page says of the view and of what is under the pointer. Nothing here touches the page.

import {columnOf, entropyOf, meanEntropy, rowOf, sum} from './payload.js';
import {fixed, percent, rounded, signed, started} from './format.js';
import {asPair, subjectOf, takesPart} from './selectors.js';
import {named, t} from '../shared/i18n.js';

const FEW_KEYS = 12; // with so few an even share is so large that everything looks alike

/** Which case this is: its name, the unit, the likeliest diagnosis, how much went in. */
export function caseLine(model) {
  const best = model.probabilities.reduce((a, b) => (b.value > a.value ? b : a));
  // a file of an earlier version has no nature, but says what is malignant
  const nature = best.nature ?? (best.malignant ? 'malignant' : 'benign');
  return [
    model.title,
    model.unit_name,
    `${named(best.name)}${nature === 'benign' ? '' : ` (${t(`nature.${nature}`)})`} ${percent(best.value)}`,
    t('count.region', {n: model.boxes.length}),
    model.reads_words ? t('count.word', {n: model.words.length}) : t('explorer.image-only'),
    model.key ? '' : t('explorer.from-file'),
  ].filter(Boolean).join(' · ');
}

const countOf = (side, n) => (side === 'regions' ? t('count.region', {n}) : t('count.word', {n}));

/** What the matrix means, in a sentence or three. */
export function matrixSentence(view) {
  if (!view.exists) return view.reason;
  const {from, to, queryOnRows} = view.axes;
  const line = queryOnRows ? 'row' : 'column';
  const {keys} = view.matrix;
  const hidden = to === 'regions' ? keys - view.regions.length : 0;
  const even = `1/${keys} = ${fixed(1 / keys)}`;
  const among = keys === 1 ? t(`explorer.only.${to}`) : t(`explorer.all.${to}`, {n: keys});
  const texts = [view.sumsToOne ? t(`explorer.sums.${line}`, {how: t(`explorer.shares.${from}`, {among})}) : t(`explorer.largest.${line}`)];
  if (hidden) texts.push(t('explorer.rest-holds', {n: view.regions.length, rest: hidden}));
  if (view.reading === 'difference') texts.push(t('explorer.minus-even', {even}));
  else if (keys <= FEW_KEYS) texts.push(t('explorer.few', {count: countOf(to, keys), even}));
  if (view.isEven && keys > 1) {
    const most = view.matrix.values.reduce((top, value) => Math.max(top, Math.abs(value - view.even)), 0);
    texts.push(t('explorer.practically', {most: fixed(most), even}));
  }
  if (takesPart(view, 'regions')) texts.push(orderSentence(view));
  return texts.join(' ');
}

/** By what the regions are ordered. A region's number is its place in the detector's order, whatever the order. */
export function orderSentence({axes: {from, to}, order, model: {scores}}) {
  const isSorted = scores.every((score, i) => i === 0 || score <= scores[i - 1]);
  if (order === 'attention') return t(`explorer.ordered.${to === 'regions' ? from : 'given'}`);
  if (order === 'position') return t('explorer.ordered.position');
  return t(isSorted ? 'explorer.ordered.score' : 'explorer.ordered.turns');
}

/** What a colour of the matrix stands for. */
export function colorUnit({axes: {from, to}, reading, sumsToOne, even}) {
  const ends = {of: t(`explorer.of-one.${from}`), to: t(`explorer.one.${to}`)};
  const colour = sumsToOne ? t('explorer.colour-share', ends) : t('explorer.colour-max', ends);
  return reading === 'weight' ? colour : t('explorer.colour-minus', {colour, even: fixed(even)});
}

/** Whose numbers a picture shows. @param {?object} subject from view.js, where regions take part */
export function pictureSubject(view, subject) {
  const {axes: {from, to}, names} = view;
  if (!subject) return t(`explorer.average-looks.${from}`);
  const {query, key} = asPair(view, subject);
  return to === 'regions' && query !== null
    ? t('explorer.looks-at', {who: names.said(from, query)})
    : t('explorer.looked-at', {who: names.said(to, key)});
}

/** What is under the image. Whose numbers it shows follows the pointer and stands above the colour bar. */
export function captionOf(view, pin) {
  const {axes: {to}, names, model} = view;
  const shown = t('explorer.drawn', {n: view.regions.length, boxes: t('count.box', {n: model.boxes.length})});
  if (!view.exists) return shown;
  if (!takesPart(view, 'regions')) return `${t('explorer.no-part')} ${shown}`;
  const subject = subjectOf(view, pin);
  const texts = [];
  if (pin && subject !== pin) { // a region where words are on the other side: its numbers are there
    const who = started(names.said('regions', pin.row));
    texts.push(to === 'regions' ? t('explorer.picked-gets', {who}) : t('explorer.picked-looks', {who}));
  }
  if (subject !== pin && to === 'words') texts.push(t('explorer.picture-of', {who: names.said('words', subject.col)}));
  texts.push(t('explorer.strongest'));
  if (view.reading !== 'weight') texts.push(t('explorer.orange'));
  return [...texts, shown].join(' ');
}

/** Every caption that a view can have, whatever is pinned. */
export function captionsOf(view) {
  const [row, col] = [view.rows[0] ?? null, view.cols[0] ?? null];
  const pointed = [null, {row, col: null}, {row: null, col}, {row, col}];
  return [...new Set(pointed.map((pin) => captionOf(view, pin)))];
}

/**
 * What stands above the heads.
 * @param {?object} subject whose pictures are drawn, from view.js @param {object} scale that matrices of words share
 */
export function headsHint(view, subject, scale) {
  const {axes: {from, to}, format} = view;
  const hint = t('explorer.over-hint', {to: t(`explorer.many.${to}`), from: t(`explorer.average.${from}`)});
  return takesPart(view, 'regions')
    ? t('explorer.heads-own-scale', {subject: pictureSubject(view, subject), hint})
    : t('explorer.heads-one-scale', {low: format(scale.low), high: format(scale.high), hint});
}

/** Which region has most in a head. */
export const mostText = ({format}, region, value) => t('explorer.most', {n: region + 1, value: format(value)});

/** What is said of a token or a cell, the most important first; with none of them, of the whole matrix. */
export function readoutOf(view, active) {
  if (!view.exists) return [view.reason];
  if (!active) return [overview(view)];
  const {query, key} = asPair(view, active);
  if (query === null) return [keySentence(view, key)];
  return key === null ? [querySentence(view, query)] : [cellSentence(view, query, key), querySentence(view, query)];
}

const byHead = ({head}) => (typeof head === 'number' ? t('explorer.by.head', {n: head + 1}) : t(`explorer.by.${head}`));

/** How often an even share this weight is. */
const timesEven = (weight, keys) => t('explorer.times-even', {times: rounded(weight * keys, 2), even: `1/${keys} = ${fixed(1 / keys)}`});

const spreads = (who, bits, {axes, matrix}) => t('explorer.spreads', {
  who: started(who), n: rounded(2 ** bits, 1), of: matrix.keys, to: t(`explorer.of-many.${axes.to}`), bits: rounded(bits, 2),
  most: rounded(Math.log2(matrix.keys), 2),
});

function cellSentence(view, query, key) {
  const {axes, matrix, names} = view;
  const weight = matrix.values[query * matrix.keys + key];
  return t('explorer.gives', {
    who: started(names.said(axes.from, query)), weight: fixed(weight), to: names.said(axes.to, key), by: byHead(view),
    times: timesEven(weight, matrix.keys),
  });
}

function querySentence(view, query) {
  const who = view.names.said(view.axes.from, query);
  return view.sumsToOne ? spreads(who, entropyOf(rowOf(view.matrix, query)), view) : t('explorer.max-weights', {who});
}

function keySentence(view, key) {
  const {axes, matrix, names} = view;
  const mean = sum(columnOf(matrix, key)) / matrix.queries;
  return t('explorer.gets', {
    who: started(names.said(axes.to, key)), mean: fixed(mean), from: t(`explorer.of-average.${axes.from}`), by: byHead(view),
    times: timesEven(mean, matrix.keys),
  });
}

function overview(view) {
  const {axes, matrix} = view;
  if (view.sumsToOne) return spreads(t(`explorer.average.${axes.from}`), meanEntropy(matrix), view);
  const most = matrix.values.reduce((top, value) => Math.max(top, value), 0);
  return t('explorer.max-overview', {most: fixed(most), even: fixed(1 / matrix.keys)});
}

/** What stands above the tables of the fusion. */
export function fusionSentence({model: {probabilities}, margin}) {
  const [label, other] = [margin.label, margin.other].map((i) => named(probabilities[i].name));
  return t('explorer.fusion-what', {label, other, total: signed(sum(margin.regions) + margin.constant, 2)});
}
