// What was predicted, against what was computed. Nothing here touches the page.

import {localized, t} from '../shared/i18n.js';

/**
 * @param {{choices: Array}} asks @param {?(string|number)} said null: nothing was predicted
 * @param {{key: ?string, number: ?number}} truth
 * @returns {{said: ?(string|number), right: ?boolean, off: ?number}} right: of a choice; off: of a number
 */
export function judged(asks, said, truth) {
  const nothing = {said, right: null, off: null};
  if (said === null) return nothing;
  if (asks.choices.length) return truth.key === null ? nothing : {...nothing, right: said === truth.key};
  return truth.number === null ? nothing : {...nothing, off: Math.abs(Number(said) - truth.number)};
}

/** A distance with its unit: two shares lie points apart. */
export function offText(off, unit) {
  const number = off >= 9.95 || Number.isInteger(off) ? String(Math.round(off)) : localized(off.toFixed(1));
  return unit ? t('lesson.points', {n: number}) : number;
}

/** What was said, as a sentence has it. */
export function saidText(asks, said) {
  const choice = asks.choices.find(([key]) => key === said);
  if (choice) return choice[1];
  return localized(asks.unit === '%' ? `${said}%` : asks.unit ? `${said} ${asks.unit}` : String(said));
}

/** Of a lesson's answers: how many choices were right, of how many. @param {Object<string, object>} answers */
export function tally(answers) {
  const choices = Object.values(answers).filter(({right}) => right !== null);
  return {right: choices.filter(({right}) => right).length, of: choices.length};
}

/** A number that somebody typed, or null where it is none that may be said. */
export function numberOf(text, {least, most}) {
  const value = Number(String(text).trim().replace(',', '.'));
  return String(text).trim() === '' || !Number.isFinite(value) || value < least || value > most ? null : value;
}
