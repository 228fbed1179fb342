// What the panel shows of a step: its text, its question, the truth, and the end of a lesson.

import {make, makeTrusted} from '../shared/dom.js';
import {localized} from '../shared/i18n.js';
import {numberOf, offText, saidText, tally} from './prediction.js';

/** A step's own words. */
export const textPart = (step) => makeTrusted('div', {class: 'ls-text', 'data-lesson': 'text'}, step.html);

/** Whose the picture is, or that a drawing stands in. */
export const notePart = (step) => (step.note ? make('p', {class: 'ls-fine', 'data-lesson': 'note'}, step.note) : null);

/**
 * The question, open until something is said.
 * @param {object} step @param {function(string, object=): string} say @param {function(?(string|number)): void} predict
 */
export function askPart(step, say, predict) {
  const {question, choices, unit, least, most} = step.asks;
  const reveal = make('button', {type: 'submit', class: 'ls-button ls-main', disabled: true}, say('reveal'));
  let said = null;
  const follow = (value) => {
    said = value;
    reveal.disabled = value === null;
  };
  const field = choices.length
    ? choices.map(([key, text]) => make('label', {class: 'ls-choice'},
      make('input', {type: 'radio', name: 'ls-guess', value: key, onchange: () => follow(key)}), make('span', {}, text)))
    : [make('label', {class: 'ls-number'}, `${say('your-number')} (${localized(`${least}–${most}`)}${unit ? ` ${unit}` : ''})`,
      make('input', {type: 'number', name: 'ls-guess', min: least, max: most, step: 'any', inputmode: 'decimal',
        oninput: (event) => follow(numberOf(event.target.value, step.asks))}))];
  return make('form', {class: 'ls-ask', 'data-lesson': 'ask', onsubmit: (event) => { event.preventDefault(); if (said !== null) predict(said); }},
    make('fieldset', {}, make('legend', {}, make('small', {}, say('predict')), question), ...field),
    make('p', {class: 'ls-buttons'}, reveal,
      make('button', {type: 'button', class: 'ls-button', onclick: () => predict(null)}, say('unsure'))));
}

/** The truth, beside what was said. @param {{said: ?(string|number), right: ?boolean, off: ?number}} answer */
export function truthPart(step, truth, answer, say) {
  const {asks} = step;
  const predicted = answer.said === null ? null : say('said', {said: saidText(asks, answer.said)});
  const judged = answer.right !== null ? say(answer.right ? 'right' : 'wrong')
    : answer.off !== null ? answer.off < 0.05 ? say('exact') : say('off', {off: offText(answer.off, asks.unit)}) : null;
  return make('div', {class: 'ls-truth', 'data-lesson': 'truth', 'data-right': answer.right === null ? null : String(answer.right)},
    make('p', {class: 'ls-fine'}, asks.question),
    make('p', {class: 'ls-answer'}, make('strong', {}, truth.text)),
    predicted && make('p', {}, [predicted, judged].filter(Boolean).join(' ')),
    makeTrusted('div', {class: 'ls-text'}, truth.html));
}

/** The end: what was predicted, and what comes next. @param {?object} next the lesson behind this one */
export function endPart(lesson, progress, next, say, actions) {
  const {right, of} = tally(progress.answers);
  return make('div', {'data-lesson': 'end'},
    make('p', {}, say('end', {title: lesson.title})),
    of ? make('p', {}, say('tally', {right, of})) : null,
    make('p', {class: 'ls-buttons'},
      next && make('button', {type: 'button', class: 'ls-button ls-main', onclick: () => actions.begin(next.name)}, say('next-lesson', {title: next.title})),
      make('button', {type: 'button', class: 'ls-button', onclick: actions.list}, say('to-list'))));
}
