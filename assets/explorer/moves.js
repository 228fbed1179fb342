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
