// Enter diagnoses, wherever the focus is on the first view, unless the focused thing uses Enter itself.

import {query} from '../shared/dom.js';

/** Listen for it, from now on. */
export function diagnoseOnEnter() {
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const focused = /** @type {Element} */ (event.target);
    const plain = focused === document.body || focused.matches('input[type=radio], input[type=range]');
    const button = query('#diagnose');
    if (plain && button && button.offsetParent !== null) button.click();
  });
}
