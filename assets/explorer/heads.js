// Every head at once.

import {fill, make} from './dom.js';
import {paintCells} from './paint.js';
import {headsHint} from './sentences.js';
import {headsOf} from './view.js';

/** @param {function(string): Element} part a part of the page by its name */
export function headsPanel(part) {
  let shown = []; // each head's weights, the note below it, and what that says while nothing is under the pointer

  return {
    render(view) {
      const {rows, cols, base} = view;
      part('heads-part').hidden = !view.exists;
      shown = [];
      if (!view.exists) return;
      const {scale, heads} = headsOf(view);
      fill(part('heads'), heads.map(({weight, spread}, head) => {
        const canvas = make('canvas', {'aria-hidden': 'true'});
        paintCells(canvas, cols.length, rows.length, (i, j) => scale.rgb(weight(rows[i], cols[j]) - base));
        const note = make('span', {class: 'mx-head-note'});
        shown.push({weight, note, spread});
        return make('button', {
          type: 'button', class: 'mx-head', 'data-head': head, 'aria-pressed': String(view.head === head),
        }, make('span', {class: 'mx-head-name'}, `Head ${head + 1}`), canvas, note);
      }));
      part('heads-hint').textContent = headsHint(view, scale);
    },
    paint(view, active) {
      const isCell = active && active.row !== null && active.col !== null;
      for (const {weight, note, spread} of shown) {
        const text = isCell ? view.format(weight(active.row, active.col) - view.base) : spread;
        if (note.textContent !== text) note.textContent = text;
      }
    },
  };
}
