// What a round adds up to. Nothing here touches the page.

import {CONFIDENCES} from './round.js';

const sum = (values) => values.reduce((a, b) => a + b, 0);
const isRight = (answer) => answer.own === answer.truth;

/** Rows [code, cases, own right, right after the model, model right], in the order of `codes`, without empty ones. */
export const byClass = (answers, codes) => codes
  .map((code) => [code, answers.filter((a) => a.truth === code)])
  .filter(([, ofGroup]) => ofGroup.length)
  .map(([code, ofGroup]) => [
    code, ofGroup.length, ofGroup.filter(isRight).length, ofGroup.filter((a) => a.final === a.truth).length,
    ofGroup.filter((a) => a.model === a.truth).length,
  ]);

/** The same over all classes: [cases, own right, right after the model, model right]. */
export const totals = (answers) => [
  answers.length, answers.filter(isRight).length, answers.filter((a) => a.final === a.truth).length,
  answers.filter((a) => a.model === a.truth).length,
];

/** Rows [confidence in percent, answers given with it, right ones among them]. */
export const calibration = (answers) => CONFIDENCES
  .map((confidence) => [confidence, answers.filter((a) => a.confidence === confidence)])
  .filter(([, ofGroup]) => ofGroup.length)
  .map(([confidence, ofGroup]) => [confidence, ofGroup.length, ofGroup.filter(isRight).length]);

/**
 * How far confidence and right answers are apart: the mean of the first less the share of the second, in points of 100.
 * Positive: too sure. @returns {?number} null without an answer
 */
export const overconfidence = (answers) => (answers.length
  ? sum(answers.map((a) => a.confidence - (isRight(a) ? 100 : 0))) / answers.length : null);

/** Mean squared distance of the confidence from what came true, 0 to 1: 0 is best, 0.25 is a coin. */
export const brier = (answers) => (answers.length
  ? sum(answers.map((a) => (a.confidence / 100 - (isRight(a) ? 1 : 0)) ** 2)) / answers.length : null);

/**
 * What seeing the model did to each answer.
 * @returns {'helped'|'misled'|'resisted'|'unhelped'|'agreed'|'moved'}
 */
export function influence(answer) {
  const [before, after, model] = [answer.own, answer.final, answer.model].map((code) => code === answer.truth);
  if (!before && after) return 'helped';
  if (before && !after) return 'misled';
  if (before) return model ? 'agreed' : 'resisted';
  return model ? 'unhelped' : answer.own === answer.final ? 'agreed' : 'moved';
}

export const INFLUENCES = ['helped', 'misled', 'resisted', 'unhelped'];

/**
 * The classes that one knows least: at most three, of those answered wrong at least once the ones with the smallest share of
 * right answers; of one alone, also what it is taken for most often. Answers of rounds of two answers do not count.
 * @returns {string[]} codes
 */
export function weakClasses(answers, codes) {
  const whole = answers.filter((a) => [a.truth, a.own].every((code) => codes.includes(code)));
  const weak = byClass(whole, codes).filter(([, cases, right]) => right < cases)
    .sort((a, b) => a[2] / a[1] - b[2] / b[1] || b[1] - a[1]).slice(0, 3).map(([code]) => code);
  if (weak.length !== 1) return weak;
  const taken = whole.filter((a) => a.truth === weak[0] && a.own !== a.truth).map((a) => a.own);
  const times = (code) => taken.filter((one) => one === code).length;
  return [weak[0], codes.reduce((most, code) => (times(code) > times(most) ? code : most))];
}

/** Names of the cases for each of INFLUENCES. */
export const influences = (answers) => Object.fromEntries(INFLUENCES.map((kind) => [
  kind, answers.filter((a) => influence(a) === kind).map((a) => a.name),
]));

/** The mean share of own tiles among the strongest, and what chance would give; null where nothing is known. */
export function meanOverlap(answers, key) {
  const known = answers.map((a) => a[key]).filter((one) => one && one.of);
  if (!known.length) return null;
  return [sum(known.map((o) => o.hit / o.of)) / known.length, sum(known.map((o) => o.of / o.cells)) / known.length];
}
