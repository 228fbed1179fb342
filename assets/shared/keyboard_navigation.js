// Where the arrow keys lead. Nothing here touches the page.

/**
 * Inside the matrix, with the headers as row 0 and column 0.
 * @param {{key: string, ctrlKey: boolean}} event
 * @param {[number, number]} from @param {[number, number]} last the last row and column
 * @returns {?[number, number]} null for keys that do not move; it may lie outside
 */
export function moveInGrid({key, ctrlKey}, [i, j], [lastRow, lastColumn]) {
  switch (key) {
    case 'ArrowUp': return [i - 1, j];
    case 'ArrowDown': return [i + 1, j];
    case 'ArrowLeft': return [i, j - 1];
    case 'ArrowRight': return [i, j + 1];
    case 'Home': return [i, ctrlKey ? 1 : Math.min(1, j)];
    case 'End': return [i, lastColumn];
    case 'PageUp': return [1, j];
    case 'PageDown': return [lastRow, j];
    default: return null;
  }
}

/** The same in a list of `count`. @returns {?number} */
export function moveInList(key, at, count) {
  switch (key) {
    case 'ArrowUp': case 'ArrowLeft': return at - 1;
    case 'ArrowDown': case 'ArrowRight': return at + 1;
    case 'Home': return 0;
    case 'End': return count - 1;
    default: return null;
  }
}

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

const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

/**
 * The next tile whose centre lies the way of an arrow key; one far aside counts as further.
 * @param {Array<[x: number, y: number]>} centres @param {number} from
 * @returns {?number} null for other keys, -1 where there is none
 */
export function nextTile(key, centres, from) {
  const way = WAYS[key];
  if (!way) return null;
  const [x, y] = centres[from];
  let best = {at: -1, cost: Infinity};
  centres.forEach(([tx, ty], at) => {
    const along = (tx - x) * way[0] + (ty - y) * way[1];
    const aside = Math.abs((tx - x) * way[1]) + Math.abs((ty - y) * way[0]);
    const cost = along + 3 * aside;
    if (at !== from && along > 1 && cost < best.cost) best = {at, cost};
  });
  return best.at;
}
