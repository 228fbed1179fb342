// Numbers and words into text. Nothing here touches the page.

export const fixed = (value) => value.toFixed(4);
/** A true minus sign, a plus, and none on zero, so that a column of differences reads well. */
export const signed = (value, digits = 4) => {
  const size = Math.abs(value).toFixed(digits);
  return (Number(size) === 0 ? '' : value < 0 ? '\u2212' : '+') + size;
};
export const shortened = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
export const plural = (count, noun, many = `${noun}s`) => `${count} ${count === 1 ? noun : many}`;
/** As the whole page writes a share: what is not quite nothing or everything is not written as if it were. */
export function percent(value) {
  if (value > 0 && value < 0.0005) return '<0.1%';
  return value >= 0.9995 && value < 1 ? '>99.9%' : `${(100 * value).toFixed(1)}%`;
}
export const started = (text) => text.charAt(0).toUpperCase() + text.slice(1);
