// From numbers to colours and heat. Nothing here touches the page.

const COLORS = {
  // cividis (Nunez, Anderton and Renslow 2018): even in lightness, the same with and without colour-blindness
  weight: '00224e00285b002e6a0533711a386f273e6e32436d3b496c434e6c4b546c535a6d5a5f6e61656f686a716f70737676767d7c78848279'
    + '8c8878938e789b9476a39a74aba072b4a76fbcae6cc4b468cdbb63d5c25edec958e7d150f0d846f9e03afee838',
  // ColorBrewer's PuOr, purple below and orange above an even share: safe for colour-blind eyes
  difference: '2d004b5326878073acb1aad1d8daebf7f7f6fee0b6fcb761e08214b257067f3b08',
};

/** Three bytes for each of 256 steps between the stops. */
export function colorTable(stops) {
  const rgb = stops.match(/../g).map((pair) => parseInt(pair, 16));
  const last = rgb.length / 3 - 1;
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * last;
    const low = Math.min(Math.floor(at), last - 1);
    for (let c = 0; c < 3; c++) {
      const [from, to] = [rgb[3 * low + c], rgb[3 * low + 3 + c]];
      table[3 * i + c] = from + (at - low) * (to - from);
    }
  }
  return table;
}

const TABLES = {weight: colorTable(COLORS.weight), difference: colorTable(COLORS.difference)};

/**
 * From numbers to colours, for one reading.
 * @param {'weight'|'difference'} reading
 * @param {number} limit the number that gets the last colour; the first colour is 0, or -limit for differences
 */
export function scaleOf(reading, limit) {
  const table = TABLES[reading];
  const low = reading === 'weight' ? 0 : -limit;
  const index = (value) => Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (limit - low || 1))));
  const rgb = (value) => {
    const i = 3 * index(value);
    return [table[i], table[i + 1], table[i + 2]];
  };
  return {
    low, high: limit, rgb,
    css: (value) => `rgb(${rgb(value).join(' ')})`,
    hex: (value) => '#' + rgb(value).map((part) => part.toString(16).padStart(2, '0')).join(''),
    ink: (value) => (luminance(rgb(value)) > 0.179 ? '#000' : '#fff'),
  };
}

/** Relative luminance as WCAG defines it: black reads better than white above .179, and either has 4.5 : 1. */
export function luminance(rgb) {
  const [r, g, b] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** A scale ends no lower than at twice an even share, or an even share off it: what differs by nothing looks alike. */
export const floorOf = (reading, even) => (reading === 'weight' ? 2 * even : even);

/** Whether no weight is further from an even share than a fifth of it. @param {number[]|Float32Array} weights @param {number} even */
export const isPracticallyEven = (weights, even) => weights.every((weight) => Math.abs(weight - even) <= even / 5);

const OVERLAY_WIDTH = 96; // pixels; the browser scales it smoothly to the image

/** A smooth bump: 1 at the middle of [start, end], 0 at its ends (a Hann window). */
export function bump(start, end, length) {
  const first = Math.max(0, Math.floor(start));
  const last = Math.min(length, Math.ceil(end));
  const values = new Float32Array(Math.max(0, last - first));
  const span = Math.max(end - start, 1e-6);
  for (let i = 0; i < values.length; i++) {
    const share = Math.min(1, Math.max(0, (first + i + 0.5 - start) / span));
    values[i] = 0.5 - 0.5 * Math.cos(2 * Math.PI * share);
  }
  return {first, values};
}

/** The bumps of every box at the overlay's size, computed once an image. @param {number} width of the overlay, in pixels */
export function bumpsOf(model, width = OVERLAY_WIDTH) {
  const height = Math.max(1, Math.round((width * model.image.height) / model.image.width));
  const factor = width / model.image.width;
  const boxes = model.boxes.map(([x1, y1, x2, y2]) => ({
    x: bump(x1 * factor, x2 * factor, width),
    y: bump(y1 * factor, y2 * factor, height),
  }));
  return {width, height, boxes};
}

/**
 * One number a pixel: that of the strongest region over it, fading to the edge of its box. Boxes that lie on each other
 * do not add up, so a crowd of them is no brighter than one, and the brightest pixel lies in the strongest region.
 * (A mean over the boxes drowns a region in its crowd: of 20 real cases, 3 were then brightest elsewhere.)
 * @param {{width: number, height: number, boxes: Array<{x: any, y: any}>}} bumps of `bumpsOf`
 * @param {ArrayLike<number>} values one number a region; of differences the one furthest from 0 is the strongest
 */
export function heatOf({width, height, boxes}, values) {
  const heat = new Float32Array(width * height);
  boxes.forEach(({x, y}, region) => {
    for (let row = 0; row < y.values.length; row++) {
      const factor = values[region] * y.values[row];
      const start = (y.first + row) * width + x.first;
      for (let column = 0; column < x.values.length; column++) {
        const value = factor * x.values[column];
        if (Math.abs(value) > Math.abs(heat[start + column])) heat[start + column] = value;
      }
    }
  });
  return heat;
}

/**
 * Heat as RGBA bytes; the strongest pixel gets full colour, and where nothing is read, the skin stays bare.
 * @param {number} floor nothing below this gets full colour, so that what is practically even does not glow
 */
export function heatPixels(heat, reading, floor = 0) {
  let top = Math.max(floor, 1e-12);
  for (const value of heat) top = Math.max(top, Math.abs(value));
  const table = TABLES[reading];
  const pixels = new Uint8ClampedArray(4 * heat.length);
  for (let i = 0; i < heat.length; i++) {
    if (!heat[i]) continue;
    const share = heat[i] / top;
    const step = 3 * Math.round(255 * (reading === 'weight' ? share : 0.5 + share / 2));
    pixels[4 * i] = table[step];
    pixels[4 * i + 1] = table[step + 1];
    pixels[4 * i + 2] = table[step + 2];
    pixels[4 * i + 3] = 255 * Math.min(1, Math.abs(share) ** 0.7);
  }
  return pixels;
}
