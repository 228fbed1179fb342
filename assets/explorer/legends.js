// What the colours mean: one bar below the matrix, one below the picture.

import {largest} from './payload.js';
import {fill, make} from '../shared/dom.js';
import {paintCells} from './canvas.js';
import {colorUnit, pictureSubject} from './captions.js';
import {scaleOf} from './color_scales.js';
import {fixed} from './format.js';
import {subjectOf} from './selectors.js';
import {t} from '../shared/i18n.js';

const STEPS = 128; // of a bar

function barOf({low, high, rgb}) {
  const canvas = make('canvas', {'aria-hidden': 'true'});
  paintCells(canvas, STEPS, 1, (_, i) => rgb(low + ((i + 0.5) / STEPS) * (high - low)));
  return canvas;
}

/** The bar below the matrix. */
export function renderLegend(holder, view) {
  if (!view.exists) {
    fill(holder, []);
    return;
  }
  const {low, high} = view.scale;
  const middle = view.reading === 'weight' ? t('explorer.even-is', {even: fixed(view.even)}) : t('explorer.zero-even');
  const ends = [view.format(low), middle, view.format(high)];
  fill(holder, [make('span', {}, colorUnit(view)), barOf(view.scale),
    make('span', {class: 'mx-ends'}, ...ends.map((text) => make('span', {}, text)))]);
}

/** The bar below the picture: its colours stay, its ends follow the pointer. @param {Element} holder */
export function pictureLegend(holder) {
  const [subject, low, high] = Array.from({length: 3}, () => make('span'));
  const say = (where, text) => where.textContent === text || (where.textContent = text);

  return {
    render(view) {
      fill(holder, [subject, barOf(scaleOf(view.reading, 1)), make('span', {class: 'mx-ends'}, low, high)]);
    },
    /** @param {?Array<number>} values one number a region */
    paint(view, active, values) {
      holder.classList.toggle('mx-away', !values);
      if (!values) return;
      const [best] = largest(values.map(Math.abs), 1);
      const top = Math.max(Math.abs(values[best]), view.floor);
      const isDifference = view.reading === 'difference';
      const whose = {subject: pictureSubject(view, subjectOf(view, active))};
      say(subject, isDifference ? t('explorer.subject-minus', whose) : t('explorer.subject-weight', whose));
      say(low, isDifference ? view.format(-top) : '0');
      const value = view.format(top);
      say(high, top > view.floor && values[best] > 0 ? t('explorer.end-region', {value, n: best + 1}) : value);
    },
  };
}
