// Building the page. Text only ever enters as text nodes and attributes, so no name or file can inject markup.

const SVG = 'http://www.w3.org/2000/svg';

/** @param {Element} element @param {Object<string, any>} attributes null and false leave the attribute out */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  return element;
}

/** Put these children, without what is null, in the place of the old ones. */
export const fill = (element, children) => {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

/** make('p', {class: 'x'}, 'text', child): an HTML element. */
export const make = (tag, attributes = {}, ...children) => (
  fill(setAttributes(document.createElement(tag), attributes), children));

/** The same for SVG. */
export const draw = (tag, attributes = {}, ...children) => (
  fill(setAttributes(document.createElementNS(SVG, tag), attributes), children));

/** A little square of one colour. */
export function swatch(colour) {
  const square = make('span', {class: 'mx-swatch', 'aria-hidden': 'true'});
  square.style.background = colour;
  return square;
}

/**
 * Bring what is about to be filled into sight, as little as needed: at once, and again when it is full.
 * @param {Promise<void>} filled @param {function(): boolean} isWanted whether it is still asked for by then
 */
export async function reveal(element, filled, isWanted) {
  const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth';
  const scroll = () => element.scrollIntoView({behavior, block: 'nearest'});
  scroll();
  await filled;
  if (isWanted()) scroll();
}

/** One stop for Tab in a set, and the focus on it; the arrows move it. */
export function rove(set, next) {
  for (const item of set) if (item) item.setAttribute('tabindex', item === next ? '0' : '-1');
  next.focus();
}
