// Small drawings: cells, the overlay, squares of one color.

import {make} from '../shared/dom.js';
import {heatOf, heatPixels} from './color_scales.js';

/** Fill a canvas with one pixel a cell; the style sheet scales it up with hard edges. */
export function paintCells(canvas, columns, rows, colorAt) {
  canvas.width = Math.max(1, columns);
  canvas.height = Math.max(1, rows);
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(canvas.width, canvas.height);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      pixels.data.set([...colorAt(row, column), 255], 4 * (row * columns + column));
    }
  }
  context.putImageData(pixels, 0, 0);
}

/**
 * The overlay.
 * @param {?ArrayLike<number>} values one number a region; null clears the canvas
 * @param {number} floor see heatPixels
 */
export function paintOverlay(canvas, bumps, values, reading, floor) {
  const {width, height} = bumps;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext('2d');
  if (!values) {
    context.clearRect(0, 0, width, height);
    return;
  }
  const pixels = context.createImageData(width, height);
  pixels.data.set(heatPixels(heatOf(bumps, values), reading, floor));
  context.putImageData(pixels, 0, 0);
}

/** A little square of one color. @param {string} color */
export function swatch(color) {
  const square = make('span', {class: 'mx-swatch', 'aria-hidden': 'true'});
  square.style.background = color;
  return square;
}
