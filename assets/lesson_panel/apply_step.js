// A step's state of the page: its case, its tab, the explorer, what is hidden, what is brought into sight.

import {goTo} from '../page/tab_router.js';
import {query, queryAll} from '../shared/dom.js';

const SOON = 15_000; // milliseconds for what the page draws by itself
const LATER = 180_000; // for what the model is asked: other visitors may be before us
const HIGHLIGHT_MS = 1600; // milliseconds that the place stays marked

/** What `find` gives as soon as it gives something; null after `patience`, or once `isCurrent` says no. */
async function until(find, isCurrent, patience = SOON) {
  for (const start = Date.now(); Date.now() - start < patience && isCurrent();) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 80); });
  }
  return null;
}

const isOpen = (tab) => query(`[role=tab][data-tab-id="${CSS.escape(tab)}"]`)?.getAttribute('aria-selected') === 'true';

/** Whether a view in sight still waits for its answer, which will push what is below it down. */
const isAsking = () => queryAll('.of-case[data-outdated]').some((view) => view.offsetParent);

/** Bring a place into sight, below what sticks to the top of the window, and mark it for a moment. */
function show(place) {
  const bar = query('#views > .tab-wrapper')?.getBoundingClientRect();
  const below = bar && bar.bottom > 0 ? bar.bottom : 0;
  scrollTo({top: place.getBoundingClientRect().top + scrollY - below - 12});
  place.animate?.([{outline: '3px solid #0f766e', outlineOffset: '4px'}, {outline: '3px solid transparent', outlineOffset: '4px'}],
    {duration: HIGHLIGHT_MS, easing: 'ease-in'});
}

async function hideTiles(tiles, key, isCurrent) {
  const view = `#hiding-view:not([data-outdated]) [data-case="${CSS.escape(key)}"]`;
  const shown = await until(() => query(`${view} .tile`)?.closest('[data-case]'), isCurrent, LATER);
  if (!shown) return;
  shown.querySelector('.clear-marked')?.click();
  for (const tile of tiles) shown.querySelector(`.tile[data-tile="${tile}"]`)?.click();
  shown.querySelector('.hide-marked')?.click();
  await until(() => query(`#hidden-view [data-case="${CSS.escape(key)}"] .verdict`), isCurrent, LATER);
}

async function heat(temperature, isCurrent) {
  // of the cell that was just pinned, not of the one before
  const slider = await until(() => query('[aria-busy="false"] [data-walk="panel"] input[type=range]'), isCurrent);
  if (!slider) return;
  slider.value = String(Math.log2(temperature));
  slider.dispatchEvent(new Event('input', {bubbles: true}));
}

/**
 * Set the page as a step wants it. @param {object} settings of the server @param {function(): boolean} isCurrent
 * whether the reader is still at this step
 */
export async function setPage({key, tab, explore, temperature, hide, look}, isCurrent) {
  await until(() => query(`#strip [data-case="${CSS.escape(key)}"]`), isCurrent);
  if (!isCurrent()) return;
  const other = !isOpen(tab);
  goTo(tab);
  await until(() => isOpen(tab), isCurrent);
  if (other) scrollTo({top: 0});
  if (explore) {
    const explorer = await until(() => query(`.mx[data-case="${CSS.escape(key)}"]`), isCurrent);
    explorer?.dispatchEvent(new CustomEvent('explore', {detail: explore, bubbles: true}));
    if (temperature) await heat(temperature, isCurrent);
  }
  const place = look && await until(() => queryAll(look).find((found) => found.offsetParent), isCurrent, hide ? LATER : SOON);
  if (place) await until(() => !isAsking(), isCurrent, LATER);
  if (place && isCurrent()) show(place);
  if (hide) {
    await hideTiles(hide, key, isCurrent);
    const hidden = query('#hidden-view');
    if (hidden && isCurrent()) show(hidden);
  }
}
