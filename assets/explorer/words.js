// The words as chips by field; what is missing, and the padding behind, told apart from words.

import {fill, make} from './dom.js';
import {plural} from './text.js';
import {isMarked, takesPart} from './view.js';

const FIELD_NAMES = {age: 'age', sex: 'sex', localization: 'localization', dx_type: 'how confirmed'};

const chips = (...children) => make('span', {class: 'mx-chips'}, ...children);
const told = (kind, text) => make('span', {class: `mx-chip ${kind}`}, text);

/** @param {function(string): Element} part a part of the page by its name */
export function wordsPanel(part) {
  let shown = []; // a word's chip, and the number in it

  function chipOf(view, word) {
    const number = make('span', {class: 'mx-chip-weight'});
    const chip = make('button', {
      type: 'button', class: 'mx-chip', 'data-word': word, 'aria-pressed': 'false', disabled: !takesPart(view, 'words'),
    }, make('span', {}, view.model.words[word].text), number);
    shown[word] = {chip, number};
    return chip;
  }

  function groupOf(view, field, value) {
    const {words} = view.model;
    const ofField = words.flatMap((word, i) => (word.field === field ? [chipOf(view, i)] : []));
    if (value !== null && ofField.length) return chips(...ofField);
    return chips(told('mx-unknown', `${FIELD_NAMES[field] ?? field}: not given, no word`));
  }

  return {
    render(view) {
      const {model} = view;
      shown = [];
      if (!model.reads_words) {
        fill(part('words'), [make('p', {class: 'mx-hint'}, `${model.unit_name} reads no words: only the image.`)]);
        return;
      }
      const padding = Math.max(0, model.slots - model.words.length);
      fill(part('words'), [
        make('span', {class: 'mx-label'}, 'Words read'),
        ...Object.entries(model.fields).map(([field, value]) => groupOf(view, field, value)),
        padding ? chips(told('mx-padding', `${plural(padding, 'empty place')}: padding, masked`)) : null,
      ]);
    },
    /** @param {?Array<number>} values one number a word */
    paint(view, active, pin, values) {
      shown.forEach(({chip, number}, word) => {
        const on = isMarked(view, active, 'words', word);
        chip.classList.toggle('mx-on', on);
        chip.setAttribute('aria-pressed', String(Boolean(pin) && on));
        chip.style.background = values ? view.scale.css(values[word]) : '';
        chip.style.color = values ? view.scale.ink(values[word]) : '';
        number.textContent = values ? view.format(values[word]) : '';
      });
    },
  };
}
