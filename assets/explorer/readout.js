// Beside the matrix: what is under the pointer, or pinned.

import {attentionOf, columnOf, largest, rowOf} from './payload.js';
import {fill, make} from '../shared/dom.js';
import {swatch} from './canvas.js';
import {colorOf} from './token_labels.js';
import {readoutOf} from './captions.js';
import {fixed} from './format.js';
import {asPair, isMarked} from './selectors.js';
import {t} from '../shared/i18n.js';

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
        make('span', {class: 'mx-top-name'}, side === 'regions' ? swatch(colorOf(model, i)) : null, names.long(side, i)),
        make('span', {class: 'mx-number'}, fixed(weights[i])),
        make('span', {class: 'mx-track', 'aria-hidden': 'true'}, bar));
    })));
}

/** Who is looked at most by the query, or looks most at the key, or what an average query looks at. */
function strongest(view, active) {
  const {axes: {from, to}, matrix, names, name} = view;
  if (!active) return topList(view, active, t(`explorer.where-average.${from}`), attentionOf(to, name, matrix), to);
  const {query, key} = asPair(view, active);
  return query === null
    ? topList(view, active, t('explorer.who-looks', {who: names.said(to, key)}), columnOf(matrix, key), from)
    : topList(view, active, t('explorer.where-looks', {who: names.said(from, query)}), rowOf(matrix, query), to);
}

export function paintReadout(holder, view, active, pin) {
  const free = pin ? make('button', {type: 'button', 'data-free': '', class: 'mx-free'}, t('explorer.free')) : null;
  if (!view.exists) {
    fill(holder, [make('p', {class: 'mx-headline'}, t('explorer.nothing-here')), free]);
    return;
  }
  const lines = readoutOf(view, active);
  if (!active) {
    const hint = make('p', {class: 'mx-headline'}, t('explorer.point'));
    fill(holder, [hint, make('p', {}, lines[0]), strongest(view, active)]);
    return;
  }
  fill(holder, [
    make('p', {class: 'mx-headline', 'data-readout': 'headline'}, pin ? `${t('explorer.pinned')} ` : '', lines[0]),
    ...lines.slice(1).map((line) => make('p', {}, line)),
    strongest(view, active),
    free,
  ]);
}
