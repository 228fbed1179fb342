// The tiles of 'Hide': marked by dragging, tapping or with the keyboard; the server is asked about the marked ones.
let last = 'mouse';
let painting = null;

const tiles = () => [...element.querySelectorAll('.tile')];
const mark = (tile, on) => tile.setAttribute('aria-pressed', on);
const marked = (tile) => tile.getAttribute('aria-pressed') === 'true';

function say() {
    const count = tiles().filter(marked).length;
    const button = element.querySelector('.hide-marked');
    if (button) {
        button.disabled = !count;
        button.textContent = count ? `Hide the marked part (${count})` : 'Hide the marked part';
    }
}

element.addEventListener('pointerdown', (event) => {
    last = event.pointerType;
    const tile = event.target.closest('.tile');
    if (!tile || last === 'touch') return;
    painting = !marked(tile);
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
    if (tile && (last === 'touch' || event.detail === 0)) {  // a finger, or Space and Enter: the mouse has marked already
        mark(tile, !marked(tile));
        say();
    }
    if (event.target.closest('.clear-marked')) {
        tiles().forEach((one) => mark(one, false));
        say();
    }
    if (event.target.closest('.hide-marked')) {
        trigger('click', {tiles: tiles().filter(marked).map((one) => Number(one.dataset.tile))});
    }
});

// arrows go to the next tile whose centre lies that way
const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
element.addEventListener('keydown', (event) => {
    const way = WAYS[event.key];
    const from = event.target.closest('.tile');
    if (!way || !from) return;
    event.preventDefault();
    const centre = (tile) => {
        const box = tile.getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2];
    };
    const [x, y] = centre(from);
    const reach = tiles().filter((tile) => tile !== from).map((tile) => {
        const [tx, ty] = centre(tile);
        const along = (tx - x) * way[0] + (ty - y) * way[1];
        const aside = Math.abs((tx - x) * way[1]) + Math.abs((ty - y) * way[0]);
        return {tile, along, cost: along + 3 * aside};
    }).filter(({along}) => along > 1);
    if (reach.length) {
        const next = reach.reduce((best, one) => (one.cost < best.cost ? one : best)).tile;
        tiles().forEach((tile) => { tile.tabIndex = tile === next ? 0 : -1; });
        next.focus();
    }
});
