// What practice builds of elements.

import {make} from '../shared/elements.js';

/** The same for SVG, of what is drawn once. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A plain table; the first cell of a row names it. */
export const table = (label, head, rows) => make(
  'div', {class: 'pr-scroll', role: 'region', tabindex: '0', 'aria-label': label},
  make('table', {},
    make('thead', {}, make('tr', {}, ...head.map((name) => make('th', {scope: 'col'}, name)))),
    make('tbody', {}, ...rows.map(([first, ...rest]) => make('tr', {},
      make('th', {scope: 'row'}, String(first)), ...rest.map((value) => make('td', {}, String(value))))))));

/** A group of radio buttons. @param {Array<[value: string, text: string]>} options */
export function radios(name, legend, options, chosen, choose, disabled = false) {
  return make('fieldset', {disabled},
    make('legend', {}, legend),
    ...options.map(([value, text]) => make('label', {class: 'pr-choice'},
      make('input', {type: 'radio', name, value, checked: value === chosen, onchange: () => choose(value)}), text)));
}
