// What the panel builds of the server's own HTML.

import {make} from '../shared/elements.js';

/** An element with HTML of the server's own: it has escaped whatever came from a file or a case. */
export function trusted(tag, attributes, html) {
  const element = make(tag, attributes);
  element.innerHTML = html;
  return element;
}
