// A step's state of the page: its case, its tab, the explorer, what is hidden, what is brought into sight.

const SOON = 15_000; // milliseconds for what the page draws by itself
const LATER = 180_000; // for what the model is asked: other visitors may be before us
const COLOUR = 1600; // milliseconds that the place stays marked

/** What `find` gives as soon as it gives something; null after `patience`, or once `goesOn` says no. */
async function until(find, goesOn, patience = SOON) {
  for (const start = Date.now(); Date.now() - start < patience && goesOn();) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => { setTimeout(resolve, 80); });
  }
  return null;
}

const one = (selector) => document.querySelector(selector);

/** Open a tab by its address, as Back and Forward do. */
function openTab(tab) {
  if (location.hash.replace(/^#/, '') !== tab) history.pushState(null, '', `#${tab}`);
  dispatchEvent(new PopStateEvent('popstate'));
}

const isOpen = (tab) => one(`[role=tab][data-tab-id="${CSS.escape(tab)}"]`)?.getAttribute('aria-selected') === 'true';

/** Whether a view in sight still waits for its answer, which will push what is below it down. */
const isAsking = () => [...document.querySelectorAll('.of-case[data-outdated]')].some((view) => view.offsetParent);

/** Bring a place into sight, below what sticks to the top of the window, and mark it for a moment. */
function show(place) {
  const bar = one('#views > .tab-wrapper')?.getBoundingClientRect();
  const below = bar && bar.bottom > 0 ? bar.bottom : 0;
  scrollTo({top: place.getBoundingClientRect().top + scrollY - below - 12});
  place.animate?.([{outline: '3px solid #0f766e', outlineOffset: '4px'}, {outline: '3px solid transparent', outlineOffset: '4px'}],
    {duration: COLOUR, easing: 'ease-in'});
}

async function hideTiles(tiles, key, goesOn) {
  const view = `#hiding-view:not([data-outdated]) [data-case="${CSS.escape(key)}"]`;
  const shown = await until(() => one(`${view} .tile`)?.closest('[data-case]'), goesOn, LATER);
  if (!shown) return;
  shown.querySelector('.clear-marked')?.click();
  for (const tile of tiles) shown.querySelector(`.tile[data-tile="${tile}"]`)?.click();
  shown.querySelector('.hide-marked')?.click();
  await until(() => one(`#hidden-view [data-case="${CSS.escape(key)}"] .verdict`), goesOn, LATER);
}

async function heat(temperature, goesOn) {
  // of the cell that was just pinned, not of the one before
  const slider = await until(() => one('[aria-busy="false"] [data-walk="panel"] input[type=range]'), goesOn);
  if (!slider) return;
  slider.value = String(Math.log2(temperature));
  slider.dispatchEvent(new Event('input', {bubbles: true}));
}

/**
 * Set the page as a step wants it. @param {object} told what the server said of it @param {function(): boolean} goesOn
 * whether the reader is still at this step
 */
export async function setPage({key, tab, explore, temperature, hide, look}, goesOn) {
  await until(() => one(`#strip [data-case="${CSS.escape(key)}"]`), goesOn);
  if (!goesOn()) return;
  const other = !isOpen(tab);
  openTab(tab);
  await until(() => isOpen(tab), goesOn);
  if (other) scrollTo({top: 0});
  if (explore) {
    const explorer = await until(() => one(`.mx[data-case="${CSS.escape(key)}"]`), goesOn);
    explorer?.dispatchEvent(new CustomEvent('explore', {detail: explore, bubbles: true}));
    if (temperature) await heat(temperature, goesOn);
  }
  const place = look && await until(() => [...document.querySelectorAll(look)].find((found) => found.offsetParent), goesOn, hide ? LATER : SOON);
  if (place) await until(() => !isAsking(), goesOn, LATER);
  if (place && goesOn()) show(place);
  if (hide) {
    await hideTiles(hide, key, goesOn);
    const hidden = one('#hidden-view');
    if (hidden && goesOn()) show(hidden);
  }
}
