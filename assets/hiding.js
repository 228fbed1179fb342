// The tiles of 'Hide': marked by dragging, tapping or with the keyboard; the server is asked about the marked ones.

const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

/** What the button says. */
export const hideText = (count) => (count ? `Hide the marked part (${count})` : 'Hide the marked part');

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

const mark = (tile, on) => tile.setAttribute('aria-pressed', on);
const isMarked = (tile) => tile.getAttribute('aria-pressed') === 'true';
const centreOf = (tile) => {
  const box = tile.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
};

/** Bring the view in `element` to life. The arguments are what Gradio's js_on_load has. */
export function mountHiding(element, trigger) {
  let last = 'mouse';
  let painting = null;
  const tiles = () => [...element.querySelectorAll('.tile')];

  function say() {
    const count = tiles().filter(isMarked).length;
    const button = element.querySelector('.hide-marked');
    if (button) {
      button.disabled = !count;
      button.textContent = hideText(count);
    }
  }

  element.addEventListener('pointerdown', (event) => {
    last = event.pointerType;
    const tile = event.target.closest('.tile');
    if (!tile || last === 'touch') return;
    painting = !isMarked(tile);
    mark(tile, painting);
    say();
  });
  element.addEventListener('pointerover', (event) => {
    const tile = event.target.closest('.tile');
    if (tile && painting !== null && event.buttons === 1) {
      mark(tile, painting);
      say();
    }
  });
  addEventListener('pointerup', () => { painting = null; });

  element.addEventListener('click', (event) => {
    const tile = event.target.closest('.tile');
    // a finger, or Space and Enter: the mouse has marked already
    if (tile && (last === 'touch' || event.detail === 0)) {
      mark(tile, !isMarked(tile));
      say();
    }
    if (event.target.closest('.clear-marked')) {
      tiles().forEach((one) => mark(one, false));
      say();
    }
    if (event.target.closest('.hide-marked')) {
      trigger('click', {tiles: tiles().filter(isMarked).map((one) => Number(one.dataset.tile))});
    }
  });

  element.addEventListener('keydown', (event) => {
    const from = event.target.closest('.tile');
    if (!from) return;
    const all = tiles();
    const to = nextTile(event.key, all.map(centreOf), all.indexOf(from));
    if (to === null) return;
    event.preventDefault();
    if (to === -1) return;
    all.forEach((tile, i) => { tile.tabIndex = i === to ? 0 : -1; });
    all[to].focus();
  });
}
