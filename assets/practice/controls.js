// Tables and radio buttons of practice.

import {make} from '../shared/dom.js';

/** A plain table; the first cell of a row names it. */
export const table = (label, head, rows) => make(
  'div', {class: 'pr-scroll', role: 'region', tabindex: '0', 'aria-label': label},
  make('table', {},
    make('thead', {}, make('tr', {}, ...head.map((name) => make('th', {scope: 'col'}, name)))),
    make('tbody', {}, ...rows.map(([first, ...rest]) => make('tr', {},
      make('th', {scope: 'row'}, String(first)), ...rest.map((value) => make('td', {}, String(value))))))));

/** A group of radio buttons. @param {string[][]} options value and text */
export function radios(name, legend, options, chosen, choose, disabled = false) {
  return make('fieldset', {disabled},
    make('legend', {}, legend),
    ...options.map(([value, text]) => make('label', {class: 'pr-choice'},
      make('input', {type: 'radio', name, value, checked: value === chosen, onchange: () => choose(value)}), text)));
}
