// Marks on the tiles of a picture, and how far they lie where the model looked. Nothing here touches the page.

/**
 * Where an arrow key leads on a grid that is numbered row by row.
 * @returns {?number} null for other keys; the same tile at the edge
 */
export function moveOnGrid(key, at, rows, columns) {
  const [row, column] = [Math.floor(at / columns), at % columns];
  switch (key) {
    case 'ArrowUp': return Math.max(0, row - 1) * columns + column;
    case 'ArrowDown': return Math.min(rows - 1, row + 1) * columns + column;
    case 'ArrowLeft': return row * columns + Math.max(0, column - 1);
    case 'ArrowRight': return row * columns + Math.min(columns - 1, column + 1);
    case 'Home': return row * columns;
    case 'End': return row * columns + columns - 1;
    default: return null;
  }
}

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

/** What an overlap says; `what` is such as 'that the model attended to most'. */
export function overlapText({hit, of, cells}, what) {
  const tiles = of === 1 ? 'Your one tile' : `Of your ${of} tiles, ${hit}`;
  const are = of === 1 ? (hit ? 'is the one' : 'is not the one') : `${hit === 1 ? 'is' : 'are'} among the ${of}`;
  const chance = (of * of) / cells;
  return `${tiles} ${are} ${what}; by chance it would be ${chance.toFixed(1)}.`;
}
