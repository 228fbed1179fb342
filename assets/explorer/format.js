// Numbers and words into text. Nothing here touches the page.

import {localized} from '../shared/i18n.js';

export const rounded = (value, digits) => localized(value.toFixed(digits));
export const fixed = (value) => rounded(value, 4);
/** A true minus sign, a plus, and none on zero, so that a column of differences reads well. */
export const signed = (value, digits = 4) => {
  const size = Math.abs(value).toFixed(digits);
  return localized((Number(size) === 0 ? '' : value < 0 ? '\u2212' : '+') + size);
};
export const shortened = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
/** As the whole page writes a share: what is not quite nothing or everything is not written as if it were. */
export function percent(value) {
  if (value > 0 && value < 0.0005) return localized('<0.1%');
  return localized(value >= 0.9995 && value < 1 ? '>99.9%' : `${(100 * value).toFixed(1)}%`);
}
export const started = (text) => text.charAt(0).toUpperCase() + text.slice(1);
