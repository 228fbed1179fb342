// What the colours mean: one bar below the matrix, one below the picture.

import {largest} from './data.js';
import {fill, make} from './dom.js';
import {paintCells} from './paint.js';
import {colourUnit, pictureSubject} from './sentences.js';
import {scaleOf} from './scales.js';
import {fixed} from './text.js';
import {subjectOf} from './view.js';

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
  const middle = view.reading === 'weight' ? `an even share is ${fixed(view.even)}` : '0 = an even share';
  const ends = [view.format(low), middle, view.format(high)];
  fill(holder, [make('span', {}, colourUnit(view)), barOf(view.scale),
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
      say(subject, `${pictureSubject(view, subjectOf(view, active))}: ${isDifference ? 'weight minus an even share' : 'weight'}`);
      say(low, isDifference ? view.format(-top) : '0');
      say(high, `${view.format(top)}${top > view.floor && values[best] > 0 ? ` (region ${best + 1})` : ''}`);
    },
  };
}
