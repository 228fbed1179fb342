// The tiles of 'Hide': marked by dragging, tapping or with the keyboard; the server is asked about the marked ones.

import {nextTile} from '../shared/keyboard_navigation.js';
import {t} from '../shared/i18n.js';
import {closest, query, queryAll} from '../shared/dom.js';

/** What the button says. */
export const hideText = (count) => (count ? `${t('hide.marked')} (${count})` : t('hide.marked'));

const mark = (tile, on) => tile.setAttribute('aria-pressed', on);
const isMarked = (tile) => tile.getAttribute('aria-pressed') === 'true';
/** @param {Element} tile @returns {[x: number, y: number]} */
const centreOf = (tile) => {
  const box = tile.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
};

/** Bring the view to life. @param {HTMLElement} element @param {function(string, object): void} trigger Gradio's */
export function mountTileGrid(element, trigger) {
  let last = 'mouse';
  let painting = null;
  const tiles = () => queryAll('.tile', element);

  function say() {
    const count = tiles().filter(isMarked).length;
    const button = query('.hide-marked', element);
    if (button) {
      button.disabled = !count;
      button.textContent = hideText(count);
    }
  }

  element.addEventListener('pointerdown', (event) => {
    last = event.pointerType;
    const tile = closest(event, '.tile');
    if (!tile || last === 'touch') return;
    painting = !isMarked(tile);
    mark(tile, painting);
    say();
  });
  element.addEventListener('pointerover', (event) => {
    const tile = closest(event, '.tile');
    if (tile && painting !== null && event.buttons === 1) {
      mark(tile, painting);
      say();
    }
  });
  addEventListener('pointerup', () => { painting = null; });

  element.addEventListener('click', (event) => {
    const tile = closest(event, '.tile');
    // a finger, or Space and Enter: the mouse has marked already
    if (tile && (last === 'touch' || event.detail === 0)) {
      mark(tile, !isMarked(tile));
      say();
    }
    if (closest(event, '.clear-marked')) {
      tiles().forEach((one) => mark(one, false));
      say();
    }
    if (closest(event, '.hide-marked')) {
      trigger('click', {tiles: tiles().filter(isMarked).map((one) => Number(one.dataset.tile))});
    }
  });

  element.addEventListener('keydown', (event) => {
    const from = closest(event, '.tile');
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
