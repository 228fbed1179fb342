// The named cases: filtered in the page, opened by a click.

import {t} from '../shared/i18n.js';
import {closest, queryAll} from '../shared/dom.js';

/**
 * Whether a case passes the filters; '' lets all through.
 * @param {{diagnosis: string, verdict: string}} tile verdict: words with blanks between them
 * @param {{diagnosis: string, verdict: string}} wanted
 */
export const passes = (tile, wanted) => (
  (!wanted.diagnosis || tile.diagnosis === wanted.diagnosis)
  && (!wanted.verdict || tile.verdict.split(' ').includes(wanted.verdict)));

/** What is said of the filter. */
export const countText = (shown, all) => (shown ? t('casebook.count', {shown, count: all}) : t('casebook.none'));

/** Bring the list in `element` to life. The arguments are what Gradio's js_on_load has. */
export function mountCaseFilter(element, trigger) {
  const picked = {}; // one for all clicks: one that has to wait is sent with what was clicked last
  function filter() {
    const wanted = {diagnosis: '', verdict: ''};
    for (const choice of queryAll('[data-filter]', element)) wanted[choice.dataset.filter] = choice.value;
    const tiles = queryAll('[data-case]', element);
    for (const tile of tiles) tile.hidden = !passes(tile.dataset, wanted);
    const count = element.querySelector('[data-part="count"]');
    if (count) count.textContent = countText(tiles.filter((tile) => !tile.hidden).length, tiles.length);
  }

  element.addEventListener('change', filter);
  element.addEventListener('click', (event) => {
    const tile = closest(event, '[data-case]');
    if (!tile) return;
    picked.case = tile.dataset.case;
    trigger('click', picked);
  });
  filter();
}
