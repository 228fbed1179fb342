// Beside the matrix: what is under the pointer, or pinned.

import {attentionOf, columnOf, largest, rowOf} from './data.js';
import {fill, make, swatch} from './dom.js';
import {colourOf, NOUNS} from './names.js';
import {readoutOf} from './sentences.js';
import {fixed} from './text.js';
import {asPair, isMarked} from './view.js';

const SHORT_LIST = 5;

/** @param {?{row: ?number, col: ?number}} active */
function topList(view, active, title, weights, side) {
  const {names, model} = view;
  const best = largest(weights, SHORT_LIST);
  const most = Math.max(weights[best[0]], 1e-9);
  return make('div', {class: 'mx-top'}, make('p', {}, title),
    make('ol', {'data-readout': 'top'}, ...best.map((i) => {
      const bar = make('span', {class: 'mx-fill mx-fill-received'});
      bar.style.width = `${(100 * weights[i]) / most}%`;
      return make('li', {'data-token': i, class: isMarked(view, active, side, i) ? 'mx-on' : null},
        make('span', {class: 'mx-top-name'}, side === 'regions' ? swatch(colourOf(model, i)) : null, names.long(side, i)),
        make('span', {class: 'mx-number'}, fixed(weights[i])),
        make('span', {class: 'mx-track', 'aria-hidden': 'true'}, bar));
    })));
}

/** Who is looked at most by the query, or looks most at the key, or what an average query looks at. */
function strongest(view, active) {
  const {axes: {from, to}, matrix, names, name} = view;
  if (!active) return topList(view, active, `Where an average ${NOUNS[from]} looks most`, attentionOf(to, name, matrix), to);
  const {query, key} = asPair(view, active);
  return query === null
    ? topList(view, active, `Who looks at ${names.said(to, key)} most`, columnOf(matrix, key), from)
    : topList(view, active, `Where ${names.said(from, query)} looks most`, rowOf(matrix, query), to);
}

export function paintReadout(holder, view, active, pin) {
  const free = pin ? make('button', {type: 'button', 'data-free': '', class: 'mx-free'}, 'Free the pin (Esc)') : null;
  if (!view.exists) {
    fill(holder, [make('p', {class: 'mx-headline'}, 'Nothing to point at in this direction.'), free]);
    return;
  }
  const lines = readoutOf(view, active);
  if (!active) {
    const hint = make('p', {class: 'mx-headline'}, 'Point at a word, a region or a cell; click to pin it.');
    fill(holder, [hint, make('p', {}, lines[0]), strongest(view, active)]);
    return;
  }
  fill(holder, [
    make('p', {class: 'mx-headline', 'data-readout': 'headline'}, pin ? 'Pinned. ' : '', lines[0]),
    ...lines.slice(1).map((line) => make('p', {}, line)),
    strongest(view, active),
    free,
  ]);
}
