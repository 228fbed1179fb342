// A study: the same round before and after a lesson, and the ten questions of the System Usability Scale (Brooke 1996).

import {make} from '../shared/dom.js';
import {named, t} from '../shared/i18n.js';
import {radios, table} from './controls.js';
import {isSameRound} from './round.js';
import {totals} from './score.js';

const QUESTIONS = [
  t('sus.1'), t('sus.2'), t('sus.3'), t('sus.4'), t('sus.5'), t('sus.6'), t('sus.7'), t('sus.8'), t('sus.9'), t('sus.10'),
];
const SCALE = [1, 2, 3, 4, 5];

/** The round of a study before a lesson, as the round after it. */
export const after = (round) => ({...round, phase: 'post'});

/** The latest first round of these whose second one is not among them; undefined where there is none. */
export const unfinished = (done) => done.filter(({round}) => round.phase === 'pre')
  .findLast(({round}) => !done.some((other) => isSameRound(other.round, after(round))));

/** The first round that belongs to a second one. */
export const firstOf = (done, round) => done.findLast((other) => isSameRound(other.round, {...round, phase: 'pre'}));

/** After the first round: nothing of it is shown. @param {{start: Function, another: Function}} actions */
export const betweenPanel = (state, actions) => make('div', {},
  make('h2', {tabindex: '-1'}, t('study.between')),
  make('p', {}, t('study.wait')),
  make('button', {type: 'button', class: 'pr-button pr-main', onclick: () => actions.start(after(state.round))}, t('study.second')),
  make('button', {type: 'button', class: 'pr-button', onclick: actions.another}, t('practice.another')));

/** Each case before and after the lesson. @param {Object<string, string>} names code -> class */
export function comparisonPart(first, state, names) {
  const right = (one) => totals(one.answers)[1];
  const name = (code) => named(names[code]);
  return make('section', {'data-part': 'study'}, make('h3', {}, t('study.both')),
    make('p', {}, t('study.right', {before: right(first), after: right(state), count: state.round.count})),
    table(t('study.both'), [t('practice.case'), t('practice.truth'), t('practice.phase-pre'), t('practice.phase-post')],
      state.answers.map((a, i) => [a.name, name(a.class ?? a.truth), name(first.answers[i].own), name(a.own)])));
}

/** The ten questions. @param {function(number[]): void} change is told the answers once all are given */
export function susPart(change) {
  const answers = QUESTIONS.map(() => 0);
  const choose = (i, value) => {
    answers[i] = Number(value);
    if (!answers.includes(0)) change(answers);
  };
  return make('section', {class: 'pr-sus'}, make('h3', {}, t('sus')), make('p', {class: 'pr-fine'}, t('sus.how')),
    ...QUESTIONS.map((text, i) => radios(`sus-${i + 1}`, `${i + 1}. ${text}`, SCALE.map((value) => [String(value), String(value)]), '', (value) => choose(i, value))));
}
