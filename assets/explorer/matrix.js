// The matrix, and the marks on it.

import {fill, make, rove} from '../shared/dom.js';
import {moveInGrid} from '../shared/keyboard_navigation.js';
import {colorOf} from './token_labels.js';
import {swatch} from './canvas.js';
import {shortened} from './format.js';
import {extrasOf, gridPlace} from './selectors.js';
import {named, t} from '../shared/i18n.js';

const LONGEST_NAME = 24; // letters of a region's name in the matrix; it is in full beside it
const CROP = 22; // pixels of a region's picture, as in the style sheet
const WIDE = 12; // columns that fit without scrolling

function columnHeader({axes, names}, col) {
  return make('th', {
    role: 'columnheader', tabindex: -1, 'data-col': col, class: axes.cols === 'words' ? 'mx-turned' : null,
  }, make('span', {class: 'mx-name'}, names.short(axes.cols, col)));
}

/** A little square picture of a region. Not a canvas: each would be a layer, and a hundred cost every repaint. */
function cropOf({boxes, image}, region) {
  const [x1, y1, x2, y2] = boxes[region];
  const scale = CROP / Math.max(x2 - x1, y2 - y1, 8);
  const crop = make('span', {class: 'mx-crop', 'aria-hidden': 'true'});
  crop.style.backgroundSize = `${image.width * scale}px ${image.height * scale}px`;
  crop.style.backgroundPosition = `${CROP / 2 - ((x1 + x2) / 2) * scale}px ${CROP / 2 - ((y1 + y2) / 2) * scale}px`;
  return crop;
}

function rowHeader({axes, names, model}, row) {
  const attributes = {role: 'rowheader', tabindex: -1, 'data-row': row};
  if (axes.rows === 'words') return make('th', attributes, make('span', {class: 'mx-name'}, names.short('words', row)));
  return make('th', attributes,
    cropOf(model, row),
    swatch(colorOf(model, row)),
    make('span', {class: 'mx-name'}, make('b', {}, String(row + 1)),
      make('span', {class: 'mx-kind'}, ` ${shortened(named(model.names[row]), LONGEST_NAME)}`)));
}

function cellOf(view, row, col) {
  const {axes, names, scale, numbers} = view;
  const value = view.weight(row, col) - view.base;
  const text = view.format(value);
  const cell = make('td', {
    role: 'gridcell', tabindex: -1, 'data-row': row, 'data-col': col,
    'aria-label': `${names.said(axes.rows, row)}, ${names.said(axes.cols, col)}: ${text}`,
  }, numbers ? text : null);
  cell.style.background = scale.css(value);
  if (numbers) cell.style.color = scale.ink(value);
  return cell;
}

/** The table, and its headers and cells line by line, with nothing in the corner. */
function tableOf(view) {
  const {axes, rows, cols, numbers} = view;
  const beside = axes.queryOnRows ? extrasOf(view) : [];
  const below = axes.queryOnRows ? [] : extrasOf(view);
  const headers = cols.map((col) => columnHeader(view, col));
  const grid = [[null, ...headers], ...rows.map((row) => (
    [rowHeader(view, row), ...cols.map((col) => cellOf(view, row, col))]))];
  const head = make('tr', {role: 'row'},
    make('th', {role: 'columnheader', class: 'mx-corner'}, t(`explorer.corner.${axes.queryOnRows ? 'row' : 'column'}`)),
    ...headers,
    ...beside.map(({name}) => (
      make('th', {role: 'columnheader', class: 'mx-turned mx-extra'}, make('span', {class: 'mx-name'}, name)))));
  const lines = rows.map((row, i) => make('tr', {role: 'row'}, ...grid[i + 1],
    ...beside.map(({text}) => make('td', {role: 'gridcell', class: 'mx-extra'}, text(row)))));
  const foot = below.map(({name, text}) => make('tr', {role: 'row', class: 'mx-extra'},
    make('th', {role: 'rowheader'}, name), ...cols.map((col) => make('td', {role: 'gridcell'}, text(col)))));
  const table = make('table', {
    role: 'grid',
    'aria-label': t('explorer.grid-keys', {title: view.title}),
    class: `mx-grid${numbers ? ' mx-with-numbers' : ''}${cols.length > WIDE ? ' mx-wide-grid' : ''}`,
  }, make('thead', {role: 'rowgroup'}, head), make('tbody', {role: 'rowgroup'}, ...lines, ...foot));
  return {table, grid};
}

/** The place around all cells from the first to the last, as a style. */
function placeOf(first, last) {
  if (!first) return null;
  const {offsetLeft: left, offsetTop: top} = first;
  const width = last.offsetLeft + last.offsetWidth - left;
  const height = last.offsetTop + last.offsetHeight - top;
  return `transform: translate(${left}px, ${top}px); width: ${width}px; height: ${height}px`;
}

/** @param {function(string): any} part a part of the page by its name */
export function matrixPanel(part) {
  let grid = [];
  let frames = [];
  let marked = [];

  return {
    render(view) {
      const holder = part('matrix');
      holder.hidden = !view.exists;
      [grid, frames, marked] = [[], [], []];
      if (!view.exists) {
        fill(holder, []);
        return;
      }
      const {table, grid: cells} = tableOf(view);
      grid = cells;
      frames = Array.from({length: 3}, () => make('div', {class: 'mx-frame', hidden: true}));
      table.tHead.append(frames[2]); // the head of the table stays in sight, and its frame with it
      fill(holder, [table, ...frames.slice(0, 2)]);
      grid[1]?.[1]?.setAttribute('tabindex', '0');
    },
    /** Marks lie over the table in frames of their own, so that its many cells are not painted again. */
    paint(view, active) {
      const [i, j] = active && view.exists ? gridPlace(view, active) : [0, 0];
      const atRow = i ? grid[i][0] : null;
      const atColumn = j ? grid[0][j] : null;
      const last = grid.length - 1;
      const places = [ // all are read before the first is written, or each would lay out anew
        placeOf(i || j ? grid[i || 1][j] : null, grid[i || last]?.[j || grid[i].length - 1]),
        placeOf(j ? atRow : null, atRow),
        placeOf(atColumn, atColumn),
      ];
      frames.forEach((frame, at) => {
        if (places[at]) frame.style.cssText = places[at];
        frame.hidden = !places[at];
      });
      const next = [atRow, atColumn].filter(Boolean);
      for (const header of marked) if (!next.includes(header)) header.classList.remove('mx-on');
      for (const header of next) header.classList.add('mx-on');
      marked = next;
    },
    /** Say what is cut off: where the bars of scrolling are hidden, nothing else tells. */
    cue() {
      const {scrollWidth, clientWidth, scrollHeight, clientHeight} = part('matrix');
      const [sideways, down] = [scrollWidth > clientWidth + 1, scrollHeight > clientHeight + 1];
      part('cue').hidden = !sideways && !down;
      part('cue').textContent = t(`explorer.scroll.${sideways && down ? 'both' : sideways ? 'sideways' : 'down'}`);
    },
    /** Arrow keys: to the neighbour. */
    move(event, target) {
      const i = grid.findIndex((line) => line.includes(target));
      const to = moveInGrid(event, [i, grid[i].indexOf(target)], [grid.length - 1, grid[i].length - 1]);
      if (!to) return;
      event.preventDefault();
      const next = grid[to[0]]?.[to[1]];
      if (next) rove(grid.flat(), next);
    },
    /** Put the focus on a token or cell, if it is there. */
    focus(view, active) {
      const [i, j] = gridPlace(view, active);
      grid[i]?.[j]?.focus();
    },
  };
}
