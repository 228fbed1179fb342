// The choices above the matrix.

import {isUsable, MAPS} from './payload.js';
import {fill, make} from '../shared/dom.js';
import {mapName, mostRegions, takesPart} from './selectors.js';
import {t} from '../shared/i18n.js';

const numbered = (count) => Array.from({length: count}, (_, i) => [i, String(i + 1)]);

/**
 * @param {function(string): any} part a part of the page by its name
 * @param {function(object): void} choose takes what changes in the state
 */
export function controlsPanel(part, choose) {
  const id = `mx-${Math.random().toString(36).slice(2)}`; // radio groups need names, and there may be other explorers

  /** A row of radio buttons. @param {string} name @param {any[][]} entries value and label @param {any} current */
  function radios(name, entries, current) {
    const holder = part(name).querySelector('.mx-options');
    const focused = holder.contains(document.activeElement);
    fill(holder, entries.map(([value, text]) => {
      const input = make('input', {type: 'radio', name: `${id}-${name}`, value: String(value)});
      input.checked = value === current;
      input.addEventListener('change', () => choose(name === 'map' ? {map: value, pin: null} : {[name]: value}));
      return make('label', {class: 'mx-option'}, input, make('span', {}, text));
    }));
    if (focused) holder.querySelector('input:checked')?.focus();
  }

  part('order').addEventListener('change', (event) => choose({order: event.target.value}));
  part('top').addEventListener('input', (event) => choose({top: Number(event.target.value)}));
  part('numbers').addEventListener('change', (event) => choose({numbers: event.target.checked}));

  return {
    render(view, state) {
      const {model, map} = view;
      const directions = Object.keys(MAPS).map((name) => (
        [name, isUsable(model.maps[name]) ? mapName(name) : t('explorer.none', {name: mapName(name)})]));
      radios('map', directions, state.map);
      radios('head', [['mean', t('explorer.mean')], ['max', t('explorer.max')], ...numbered(map ? map.heads : 0)], state.head);
      radios('layer', numbered(map ? map.layers : 0), state.layer);
      part('layer').hidden = !map || map.layers < 2;
      part('head').hidden = !map;
      radios('reading', [['weight', t('explorer.weight')], ['difference', t('explorer.minus')]], state.reading);
      const top = part('top');
      const most = mostRegions(model, state.map);
      top.max = String(most);
      top.value = String(Math.min(state.top, most));
      part('top-value').textContent = t('explorer.n-of', {n: top.value, of: model.boxes.length});
      part('order').value = state.order;
      part('regions').hidden = !takesPart(view, 'regions'); // where words look at words there is nothing to order
      part('numbers').checked = state.numbers;
    },
  };
}
