// What the page says of the view and of what is under the pointer. Nothing here touches the page.

import {columnOf, entropyOf, meanEntropy, rowOf, sum} from './data.js';
import {headName, NOUNS} from './names.js';
import {fixed, percent, plural, signed, started} from './text.js';
import {asPair, subjectOf, takesPart} from './view.js';

const FEW_KEYS = 12; // with so few an even share is so large that everything looks alike

/** Which case this is: its name, the unit, the likeliest diagnosis, how much went in. */
export function caseLine(model) {
  const best = model.probabilities.reduce((a, b) => (b.value > a.value ? b : a));
  // a file of an earlier version has no nature, but says what is malignant
  const nature = best.nature ?? (best.malignant ? 'malignant' : 'benign');
  return [
    model.title,
    model.unit_name,
    `${best.name}${nature === 'benign' ? '' : ` (${nature})`} ${percent(best.value)}`,
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
    texts.push(`With only ${plural(keys, NOUNS[to])} an even share is ${even} already: “minus even share” shows what `
      + 'differs from it.');
  }
  if (view.isEven && keys > 1) {
    const most = view.matrix.values.reduce((top, value) => Math.max(top, Math.abs(value - view.even)), 0);
    texts.push(`Practically even: no weight is further than ${fixed(most)} from an even share, ${even}.`);
  }
  if (takesPart(view, 'regions')) texts.push(orderSentence(view));
  return texts.join(' ');
}

/** By what the regions are ordered. A region's number is its place in the detector's order, whatever the order. */
export function orderSentence({axes: {from, to}, order, model: {scores}}) {
  const isSorted = scores.every((score, i) => i === 0 || score <= scores[i - 1]);
  switch (order) {
    case 'attention': return to === 'regions'
      ? `Regions stand in the order of the attention that an average ${NOUNS[from]} gives them.`
      : 'Regions stand in the order of the largest weight that they give to a word.';
    case 'position': return 'Regions stand from the top of the image to its bottom: the first ones of the detector’s order.';
    default: return isSorted
      ? 'Regions stand in the detector’s order: by its score, best first.'
      : 'Regions stand in the detector’s order: the box of the whole lesion first, then by how sure the '
        + 'detector is, where each further box of the same kind counts a little less, so that kinds take turns.';
  }
}

/** What a colour of the matrix stands for. */
export function colourUnit({axes: {from, to}, reading, sumsToOne, even}) {
  const share = sumsToOne
    ? `share of one ${NOUNS[from]}’s attention, 0 to 1, that goes to one ${NOUNS[to]}`
    : `largest share of one ${NOUNS[from]}’s attention that any head gives to one ${NOUNS[to]}`;
  return `Colour: ${share}${reading === 'weight' ? '' : `, minus an even share, ${fixed(even)}`}`;
}

/** Whose numbers a picture shows. @param {?object} subject from view.js, where regions take part */
export function pictureSubject(view, subject) {
  const {axes: {from, to}, names} = view;
  if (!subject) return `What an average ${NOUNS[from]} looks at`;
  const {query, key} = asPair(view, subject);
  return to === 'regions' && query !== null
    ? `What ${names.said(from, query)} looks at`
    : `How much each region looks at ${names.said(to, key)}`;
}

/** What is under the image. Whose numbers it shows follows the pointer and stands above the colour bar. */
export function captionOf(view, pin) {
  const {axes: {to}, names, model} = view;
  const shown = `${view.regions.length} of ${plural(model.boxes.length, 'box', 'boxes')} are drawn; a number is the place in the detector’s order.`;
  if (!view.exists) return shown;
  if (!takesPart(view, 'regions')) return `Words look at words here: the image takes no part. ${shown}`;
  const subject = subjectOf(view, pin);
  const texts = [];
  if (pin && subject !== pin) { // a region where words are on the other side: its numbers are there
    texts.push(`${started(names.said('regions', pin.row))} is picked: the words show ${
      to === 'regions' ? 'how much of their attention it gets' : 'what it looks at'}.`);
  }
  if (subject !== pin && to === 'words') {
    texts.push(`The picture is of ${names.said('words', subject.col)}, which gets most: point at another word to see who looks at it.`);
  }
  texts.push('Each place has the number of the strongest region over it, fading to the edge of its box: boxes that lie '
    + 'on each other do not add up.');
  if (view.reading !== 'weight') texts.push('Orange: more than an even share. Purple: less.');
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
  const under = `“Over” says over how many ${to} an average ${NOUNS[from]} spreads (2 to the power of the entropy); `
    + 'under the pointer, a cell’s weight stands there. Click a head to see it large.';
  if (!takesPart(view, 'regions')) {
    return `The same matrix, head by head, all on one scale, ${format(scale.low)} to ${format(scale.high)}. ${under}`;
  }
  return `${pictureSubject(view, subject)}, head by head. Each head has its own scale: full colour is the most that one `
    + `region gets there, and that region is framed. ${under}`;
}

/** Which region has most in a head. */
export const mostText = ({format}, region, value) => `most: region ${region + 1}, ${format(value)}`;

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
  const {axes, matrix} = view;
  if (!view.sumsToOne) {
    const most = matrix.values.reduce((top, value) => Math.max(top, value), 0);
    return `The largest weight is ${fixed(most)}; an even share is ${fixed(1 / matrix.keys)}.`;
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
