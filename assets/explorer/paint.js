// Small canvases: cells, the overlay, crops of the image.

import {heatOf, heatPixels} from './scales.js';

/** Fill a canvas with one pixel a cell; the style sheet scales it up with hard edges. */
export function paintCells(canvas, columns, rows, colourAt) {
  canvas.width = Math.max(1, columns);
  canvas.height = Math.max(1, rows);
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(canvas.width, canvas.height);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      pixels.data.set([...colourAt(row, column), 255], 4 * (row * columns + column));
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

/** A little square picture of one region, from the lesion image. */
export function paintCrop(canvas, image, model, region) {
  const [x1, y1, x2, y2] = model.boxes[region];
  const factor = image.naturalWidth / model.image.width;
  const side = Math.max(x2 - x1, y2 - y1, 8) * factor;
  canvas.width = canvas.height = 44;
  const left = ((x1 + x2) / 2) * factor - side / 2;
  const top = ((y1 + y2) / 2) * factor - side / 2;
  canvas.getContext('2d').drawImage(image, left, top, side, side, 0, 0, 44, 44);
}
