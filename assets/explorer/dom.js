// Building the page. Text only ever enters as text nodes and attributes, so no name or file can inject markup.

const SVG = 'http://www.w3.org/2000/svg';

/** @param {Element} element @param {Object<string, any>} attributes null and false leave the attribute out */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  return element;
}

const fill = (element, children) => {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

/** make('p', {class: 'x'}, 'text', child): an HTML element. */
const make = (tag, attributes = {}, ...children) => fill(setAttributes(document.createElement(tag), attributes), children);

/** The same for SVG. */
const draw = (tag, attributes = {}, ...children) => fill(setAttributes(document.createElementNS(SVG, tag), attributes), children);

const fixed = (value) => value.toFixed(4);
/** A true minus sign, a plus, and none on zero, so that a column of differences reads well. */
const signed = (value, digits = 4) => {
  const size = Math.abs(value).toFixed(digits);
  return (Number(size) === 0 ? '' : value < 0 ? '\u2212' : '+') + size;
};
const shortened = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;
const percent = (value) => `${(100 * value).toFixed(1)} %`;

/** Hand a file to the reader. */
function download(blob, name) {
  const link = make('a', {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
