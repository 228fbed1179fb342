// The words as chips by field, apart from missing fields and padding.

import {fill, make} from '../shared/dom.js';
import {isMarked, takesPart} from './selectors.js';
import {hasText, t} from '../shared/i18n.js';

const chips = (...children) => make('span', {class: 'mx-chips'}, ...children);
const note = (kind, text) => make('span', {class: `mx-chip ${kind}`}, text);

/** @param {function(string): any} part a part of the page by its name */
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
    return chips(note('mx-unknown', t('explorer.not-given', {field: hasText(`field.${field}`) ? t(`field.${field}`) : field})));
  }

  return {
    render(view) {
      const {model} = view;
      shown = [];
      if (!model.reads_words) {
        fill(part('words'), [make('p', {class: 'mx-hint'}, t('explorer.no-words', {unit: model.unit_name}))]);
        return;
      }
      const padding = Math.max(0, model.slots - model.words.length);
      fill(part('words'), [
        make('span', {class: 'mx-label'}, t('explorer.words-read')),
        ...Object.entries(model.fields).map(([field, value]) => groupOf(view, field, value)),
        padding ? chips(note('mx-padding', t('explorer.padding', {count: t('count.place', {n: padding})}))) : null,
      ]);
    },
    /** @param {?Array<number>} values one number a word */
    paint(view, active, pin, values) {
      shown.forEach(({chip, number}, word) => {
        const on = isMarked(view, active, 'words', word);
        chip.classList.toggle('mx-on', on);
        const pressed = String(Boolean(pin) && on);
        if (chip.getAttribute('aria-pressed') !== pressed) chip.setAttribute('aria-pressed', pressed);
        chip.style.background = values ? view.scale.css(values[word]) : '';
        chip.style.color = values ? view.scale.ink(values[word]) : '';
        number.textContent = values ? view.format(values[word]) : '';
      });
    },
  };
}
