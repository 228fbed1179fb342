// Marks on the tiles of a picture, and how far they lie where the model looked. Nothing here touches the page.

import {t} from '../shared/i18n.js';

/** The marks with one tile marked or not, in order. */
export function marked(marks, tile, on) {
  const others = marks.filter((one) => one !== tile);
  return on ? [...others, tile].sort((a, b) => a - b) : others;
}

/** The `count` tiles of the largest values; of equals the earlier ones. */
export const strongest = (values, count) => (
  values.map((value, tile) => [value, tile]).sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, count).map(([, t]) => t));

/**
 * Of the marked tiles, how many are among as many of the largest values.
 * @returns {{hit: number, of: number, cells: number}} by chance, hit / of is of / cells on average
 */
export function overlap(marks, values) {
  const best = new Set(strongest(values, marks.length));
  return {hit: marks.filter((tile) => best.has(tile)).length, of: marks.length, cells: values.length};
}

/**
 * What an overlap says.
 * @param {{hit: number, of: number, cells: number}} overlap @param {'attended'|'hidden'} kind with what @param {string} name of the class
 */
export function overlapText({hit, of, cells}, kind, name = '') {
  const how = of > 1 ? 'many' : hit ? 'one-hit' : 'one-miss';
  return t(`practice.overlap.${kind}.${how}`, {of, n: hit, name, chance: ((of * of) / cells).toFixed(1)});
}
