// Two plain tables: what each token adds in the fusion, and the matrix for those who would rather read it.

import {sum} from './data.js';
import {fill, make} from './dom.js';
import {NOUNS} from './names.js';
import {matrixSentence} from './sentences.js';
import {fixed, started} from './text.js';
import {extrasOf, receivedBy} from './view.js';

export function renderFusion(part, view) {
  part('fusion-hint').textContent = 'After attention every token adds its part to one pooled vector a side, and the '
    + 'two vectors are multiplied. Behind the ReLU nothing is negative, so the parts add up to 1. Much looked at is '
    + 'not the same as adding much.';
  fill(part('fusion'), ['regions', 'words'].map((side) => fusionSide(view, side)));
}

function fusionSide(view, side) {
  const {model} = view;
  const shares = model.shares[side] ?? [];
  if (!shares.length) {
    return make('p', {class: 'mx-hint'}, model.reads_words
      ? 'No word was read: a learned constant stands in for the words, so that the regions still count.'
      : `${model.unit_name} pools the regions alone.`);
  }
  const received = receivedBy(view, side);
  const columns = [{kind: 'share', title: 'share of the pooled vector', values: shares}];
  if (received) {
    const head = received.head === 'mean' ? 'mean of heads' : `head ${received.head + 1}`;
    columns.push({kind: 'received', title: `attention from ${received.from} (${head})`, values: received.values});
  }
  const shown = side === 'regions' ? view.regions : shares.map((_, i) => i);
  const most = Math.max(...shown.flatMap((i) => columns.map(({values}) => values[i])), 1e-9);
  const bar = (kind, value) => {
    const filled = make('span', {class: `mx-fill mx-fill-${kind}`});
    filled.style.width = `${(100 * value) / most}%`;
    return make('td', {[`data-${kind}`]: ''},
      make('span', {class: 'mx-track', 'aria-hidden': 'true'}, filled),
      make('span', {class: 'mx-number'}, fixed(value)));
  };
  const lines = shown.map((i) => make('tr', {}, make('th', {scope: 'row'}, view.names.long(side, i)),
    ...columns.map(({kind, values}) => bar(kind, values[i]))));
  if (shown.length < shares.length) {
    const rest = (values) => sum(values) - sum(shown.map((i) => values[i]));
    lines.push(make('tr', {class: 'mx-extra'}, make('th', {scope: 'row'}, `rest (${shares.length - shown.length})`),
      ...columns.map(({values}) => make('td', {}, make('span', {class: 'mx-number'}, fixed(rest(values)))))));
  }
  const titles = [NOUNS[side], ...columns.map(({title}) => title)];
  const table = make('table', {class: 'mx-shares', 'data-side': side},
    make('caption', {}, started(side)),
    make('thead', {}, make('tr', {}, ...titles.map((title) => make('th', {scope: 'col'}, title)))),
    make('tbody', {}, ...lines));
  return make('div', {class: 'mx-scroll', role: 'region', tabindex: 0, 'aria-label': `Shares of the ${side}`}, table);
}

/** The matrix as a plain table, while its part of the page is open. */
export function renderTable(part, view) {
  if (!part('table-part').open) return;
  if (!view.exists) {
    fill(part('table'), [make('p', {}, view.reason)]);
    return;
  }
  const {axes, rows, cols, names} = view;
  const beside = axes.queryOnRows ? extrasOf(view) : [];
  const below = axes.queryOnRows ? [] : extrasOf(view);
  const top = [...cols.map((col) => names.long(axes.cols, col)), ...beside.map(({name}) => name)];
  const line = (name, texts) => (
    make('tr', {}, make('th', {scope: 'row'}, name), ...texts.map((text) => make('td', {}, text))));
  fill(part('table'), [make('table', {class: 'mx-plain'},
    make('caption', {}, `${view.title}. ${matrixSentence(view)}`),
    make('thead', {}, make('tr', {}, make('td', {}), ...top.map((name) => make('th', {scope: 'col'}, name)))),
    make('tbody', {},
      ...rows.map((row) => line(names.long(axes.rows, row), [
        ...cols.map((col) => view.format(view.weight(row, col) - view.base)),
        ...beside.map(({text}) => text(row)),
      ])),
      ...below.map(({name, text}) => line(name, cols.map((col) => text(col))))))]);
}
