// Two plain tables: what each token adds to the answer in the fusion, and the matrix for those who would rather read it.

import {sum} from './payload.js';
import {fill, make} from '../shared/dom.js';
import {fusionSentence, matrixSentence} from './captions.js';
import {fixed, signed} from './format.js';
import {extrasOf, receivedBy} from './selectors.js';
import {named, t} from '../shared/i18n.js';

/**
 * How the answer adds up, from regions and, cut the other way, from words.
 * @param {function(string): any} part a part of the page by its name
 * @param {function(object): void} choose takes what changes in the state
 */
export function fusionPanel(part, choose) {
  part('against').addEventListener('change', (event) => choose({against: event.target.value}));

  return {
    render(view) {
      const {model: {probabilities}, margin} = view;
      part('fusion-hint').textContent = fusionSentence(view);
      part('against-label').textContent = t('explorer.why', {label: named(probabilities[margin.label].name)});
      fill(part('against'), probabilities.flatMap(({code, name}, i) => (
        i === margin.label ? [] : [make('option', {value: code}, named(name))])));
      part('against').value = probabilities[margin.other].code;
      fill(part('fusion'), ['regions', 'words'].map((side) => fusionSide(view, side)));
    },
  };
}

/** A bar that begins in the middle: to the right what speaks for the class, to the left what speaks against it. */
function signedBar(value, most) {
  const width = (50 * Math.abs(value)) / most;
  const filled = make('span', {class: `mx-fill ${value < 0 ? 'mx-fill-against' : 'mx-fill-for'}`});
  filled.style.width = `${width}%`;
  filled.style.marginLeft = `${value < 0 ? 50 - width : 50}%`;
  return filled;
}

function plainBar(value, most) {
  const filled = make('span', {class: 'mx-fill mx-fill-received'});
  filled.style.width = `${(100 * value) / most}%`;
  return filled;
}

function fusionSide(view, side) {
  const {model, margin} = view;
  const added = margin[side];
  if (!added.length) {
    return make('p', {class: 'mx-hint'}, side === 'words' && model.reads_words
      ? t('explorer.no-word-read') : t(`explorer.reads-none.${side}`, {unit: model.unit_name}));
  }
  const received = receivedBy(view, side);
  /** @type {any[]} */
  const columns = [{kind: 'added', title: t('explorer.adds'), values: added, text: signed, bar: signedBar}];
  if (received) {
    const head = received.head === 'mean' ? t('explorer.mean-of-heads') : t('explorer.head-small', {n: Number(received.head) + 1});
    const title = t(`explorer.attention-from.${received.from}`, {head});
    columns.push({kind: 'received', title, values: received.values, text: fixed, bar: plainBar});
  }
  const shown = side === 'regions' ? view.regions : added.map((_, i) => i);
  const number = (text) => make('span', {class: 'mx-number'}, text);
  const barOf = ({kind, values, text, bar}, i) => {
    const most = Math.max(...Array.from(values, Math.abs), 1e-9); // of all, or bars would shrink as more are shown
    return make('td', {[`data-${kind}`]: ''},
      make('span', {class: 'mx-track', 'aria-hidden': 'true'}, bar(values[i], most)), number(text(values[i])));
  };
  const line = (name, ...cells) => make('tr', {class: 'mx-extra'}, make('th', {scope: 'row'}, name),
    ...cells.map((text) => make('td', {}, number(text))));
  const lines = shown.map((i) => make('tr', {'data-at': `${side} ${i}`}, make('th', {scope: 'row'}, view.names.long(side, i)),
    ...columns.map((column) => barOf(column, i))));
  if (shown.length < added.length) {
    const rest = (values) => sum(values) - sum(shown.map((i) => values[i]));
    lines.push(line(t('explorer.rest', {n: added.length - shown.length}), ...columns.map(({values, text}) => text(rest(values)))));
  }
  const empty = received ? [''] : [];
  lines.push(line(t('explorer.before'), signed(margin.constant), ...empty));
  lines.push(line(t('explorer.sum'), signed(sum(added) + margin.constant), ...empty));
  const titles = [t(side === 'words' ? 'explorer.word' : 'away.region'), ...columns.map(({title}) => title)];
  const table = make('table', {class: 'mx-added', 'data-side': side},
    make('caption', {}, side === 'words' ? t('words') : t('regions')),
    make('thead', {}, make('tr', {}, ...titles.map((title) => make('th', {scope: 'col'}, title)))),
    make('tbody', {}, ...lines));
  return make('div', {class: 'mx-scroll', role: 'region', tabindex: 0, 'aria-label': t(`explorer.added-${side}`)}, table);
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
  const top = [...cols.map((col) => [names.long(axes.cols, col), `${axes.cols} ${col}`]), ...beside.map(({name}) => [name, null])];
  const line = (name, texts, at = null) => (
    make('tr', {'data-at': at}, make('th', {scope: 'row'}, name), ...texts.map((text) => make('td', {}, text))));
  fill(part('table'), [make('table', {class: 'mx-plain'},
    make('caption', {}, `${view.title}. ${matrixSentence(view)}`),
    make('thead', {}, make('tr', {}, make('td', {}), ...top.map(([name, at]) => make('th', {scope: 'col', 'data-at': at}, name)))),
    make('tbody', {},
      ...rows.map((row) => line(names.long(axes.rows, row), [
        ...cols.map((col) => view.format(view.weight(row, col) - view.base)),
        ...beside.map(({text}) => text(row)),
      ], `${axes.rows} ${row}`)),
      ...below.map(({name, text}) => line(name, cols.map((col) => text(col))))))]);
}

/** Mark what is active in both tables. */
export function markTables(part, {axes}, active) {
  const wanted = [];
  if (active && active.row !== null) wanted.push(`${axes.rows} ${active.row}`);
  if (active && active.col !== null) wanted.push(`${axes.cols} ${active.col}`);
  for (const holder of [part('fusion'), part('table')]) {
    for (const old of holder.querySelectorAll('.mx-on')) {
      if (!wanted.includes(old.dataset.at)) old.classList.remove('mx-on');
    }
    for (const at of wanted) {
      for (const found of holder.querySelectorAll(`[data-at="${at}"]`)) found.classList.add('mx-on');
    }
  }
}
