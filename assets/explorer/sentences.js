// What the page says of the view and of what is under the pointer. Nothing here touches the page.

import {columnOf, entropyOf, meanEntropy, rowOf, sum} from './data.js';
import {headName, NOUNS} from './names.js';
import {fixed, percent, plural, signed, started} from './text.js';
import {asPair, litBy} from './view.js';

const FEW_KEYS = 12; // with so few an even share is so large that everything looks alike

/** Which case this is: its name, the unit, the likeliest diagnosis, how much went in. */
export function caseLine(model) {
  const best = model.probabilities.reduce((a, b) => (b.value > a.value ? b : a));
  return [
    model.title,
    model.unit_name,
    `${best.name}${best.malignant ? ' (malignant)' : ''} ${percent(best.value)}`,
    plural(model.boxes.length, 'region'),
    model.reads_words ? plural(model.words.length, 'word') : 'image only',
    model.key ? '' : 'opened from a file',
  ].filter(Boolean).join(' · ');
}

/** What the matrix means, in a sentence or three. */
export function matrixSentence(view) {
  if (!view.exists) return view.reason;
  const {from, to, queryOnRows} = view.axes;
  const line = queryOnRows ? 'row' : 'column';
  const {keys} = view.matrix;
  const hidden = to === 'regions' ? keys - view.regions.length : 0;
  const even = `1/${keys} = ${fixed(1 / keys)}`;
  const among = keys === 1 ? `the only ${NOUNS[to]}` : `all ${keys} ${to}`;
  const texts = [view.sumsToOne
    ? `Each ${line} sums to 1: how one ${NOUNS[from]} shares its attention among ${among}.`
    : `The largest weight that any head gives: it says what some head looks at, but a ${line} no longer sums to 1, `
      + 'so it has no entropy.'];
  if (hidden) texts.push(`${view.regions.length} are shown; “rest” holds the other ${hidden}.`);
  if (view.reading === 'difference') {
    texts.push(`From each weight an even share, ${even}, is taken away: orange is read more than evenly, purple less.`);
  } else if (keys <= FEW_KEYS) {
    texts.push(`With only ${plural(keys, NOUNS[to])} an even share is ${even} already, so everything looks alike: `
      + 'switch to “minus even share” to see what differs.');
  }
  return texts.join(' ');
}

/** What is under the image. */
export function captionOf(view, active) {
  const {from, to} = view.axes;
  const shown = `The ${view.regions.length} boxes of ${view.model.boxes.length} are numbered by the detector’s score.`;
  if (!view.exists) return shown;
  if (from === 'words' && to === 'words') return `Words look at words here: the image takes no part. ${shown}`;
  if (!litBy(view, active).regions) return `${shown} Point at a ${NOUNS[to]} to see which regions look at it.`;
  const what = active ? '' : `What an average ${NOUNS[from]} looks at. `;
  const reading = view.reading === 'weight'
    ? 'Boxes crowd around the lesion, so even attention brightens the middle too: “minus even share” takes that away.'
    : 'Orange: more than an even share. Purple: less.';
  return `${what}Each region’s number is laid over its box as a smooth bump; bumps add up, and the strongest spot gets full colour. ${reading}`;
}

/** Every caption that a view can have, whatever is under the pointer. */
export function captionsOf(view) {
  const [row, col] = [view.rows[0] ?? null, view.cols[0] ?? null];
  const pointed = [null, {row, col: null}, {row: null, col}, {row, col}];
  return [...new Set(pointed.map((active) => captionOf(view, active)))];
}

/** What stands above the strip of heads. @param {object} scale the one that they share */
export function headsHint({axes: {from, to}, format}, scale) {
  return `The same matrix, head by head; all on one scale, ${format(scale.low)} to ${format(scale.high)}. `
    + `Under each, how many ${to} an average ${NOUNS[from]} spreads over (2 to the power of the entropy), or the weight of the cell under the pointer. Click one to see it large.`;
}

/** What is said of a token or a cell, the most important first; with none of them, of the whole matrix. */
export function readoutOf(view, active) {
  if (!view.exists) return [view.reason];
  if (!active) return [overview(view)];
  const {query, key} = asPair(view, active);
  if (query === null) return [keySentence(view, key)];
  return key === null ? [querySentence(view, query)] : [cellSentence(view, query, key), querySentence(view, query)];
}

function byHead({head, map}) {
  if (typeof head === 'number') return `, ${headName(head, map.heads)}`;
  return head === 'mean' ? ', on average over the heads' : ', in the head that gives most';
}

/** How often an even share this weight is. */
const timesEven = (weight, keys) => (
  `${(weight * keys).toFixed(2)} times an even share (1/${keys} = ${fixed(1 / keys)})`);

function spreads(bits, {axes, matrix}) {
  const most = Math.log2(matrix.keys).toFixed(2);
  return `spreads its attention as evenly as over ${(2 ** bits).toFixed(1)} of ${matrix.keys} ${axes.to} `
    + `(entropy ${bits.toFixed(2)} of at most ${most} bits).`;
}

function cellSentence(view, query, key) {
  const {axes, matrix, names} = view;
  const weight = matrix.values[query * matrix.keys + key];
  return `${started(names.said(axes.from, query))} gives ${fixed(weight)} of its attention to `
    + `${names.said(axes.to, key)}${byHead(view)}: ${timesEven(weight, matrix.keys)}.`;
}

function querySentence(view, query) {
  const name = view.names.said(view.axes.from, query);
  if (!view.sumsToOne) return `The largest weights of any head for ${name}.`;
  return `${started(name)} ${spreads(entropyOf(rowOf(view.matrix, query)), view)}`;
}

function keySentence(view, key) {
  const {axes, matrix, names} = view;
  const mean = sum(columnOf(matrix, key)) / matrix.queries;
  return `${started(names.said(axes.to, key))} gets ${fixed(mean)} of the attention of an average `
    + `${NOUNS[axes.from]}${byHead(view)}: ${timesEven(mean, matrix.keys)}.`;
}

function overview(view) {
  const {axes, matrix, scale, base} = view;
  if (!view.sumsToOne) {
    return `The largest weight is ${fixed(scale.high + base)}; an even share is ${fixed(1 / matrix.keys)}.`;
  }
  return `An average ${NOUNS[axes.from]} ${spreads(meanEntropy(matrix), view)}`;
}

/** What stands above the tables of the fusion. */
export function fusionSentence({model: {probabilities}, margin}) {
  const [label, other] = [margin.label, margin.other].map((i) => probabilities[i].name);
  const total = sum(margin.regions) + margin.constant;
  return 'After attention every token adds its part to one vector a side, and the two vectors are multiplied. From there '
    + `on tokens no longer mix, so the log-odds of ${label} against ${other}, ${signed(total, 2)}, are exactly the sum of `
    + 'what the regions add and a constant, and just as exactly of what the words add. Plus speaks for '
    + `${label}, minus for ${other}. Much looked at is not the same as adding much.`;
}
