// Building the page. Text only enters as text nodes and attributes, so no name or file can inject markup.

import {isTranslated, language} from './i18n.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Set attributes, and `on…` functions as handlers; null, undefined and false remove an attribute.
 * @template {Element} T @param {T} element @param {Object<string, any>} attributes @returns {T}
 */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  return element;
}

/**
 * Replace the children; null and undefined are left out.
 * @template {Element} T @param {T} element @param {Array<Node|string|null|undefined>} children @returns {T}
 */
export function fill(element, children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * An HTML element: make('p', {class: 'x', onclick: f}, 'text', child).
 * @param {string} tag @param {Object<string, any>} attributes @param {...(Node|string|null|undefined)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  const element = fill(setAttributes(document.createElement(tag), attributes), children);
  if (children.some(isTranslated)) element.setAttribute('lang', language);
  return element;
}

/**
 * The same for SVG.
 * @param {string} tag @param {Object<string, any>} attributes @param {...(Node|string|null|undefined)} children
 * @returns {any}
 */
export const draw = (tag, attributes = {}, ...children) => fill(setAttributes(document.createElementNS(SVG, tag), attributes), children);

/** An element with HTML that the server wrote and escaped. @param {string} tag @param {Object<string, any>} attributes @param {string} html */
export function makeTrusted(tag, attributes, html) {
  const element = make(tag, attributes);
  element.innerHTML = html;
  return element;
}

/**
 * The first element that fits, or null. @param {string} selector @param {ParentNode} root @returns {any}
 */
export const query = (selector, root = document) => root.querySelector(selector);

/** All elements that fit. @param {string} selector @param {ParentNode} root @returns {any[]} */
export const queryAll = (selector, root = document) => [...root.querySelectorAll(selector)];

/**
 * The element of an event or a touch, or the nearest one around it, that fits; or null.
 * @param {Event|Touch} event @param {string} selector @returns {?HTMLElement}
 */
export const closest = ({target}, selector) => (target instanceof Element ? target.closest(selector) : null);

/**
 * A function that finds the element marked `data-part="name"`.
 * @param {Element} element @returns {function(string): any}
 */
export const partsOf = (element) => (name) => element.querySelector(`[data-part="${name}"]`);

/** Make `next` the only tab stop of a set and focus it. @param {Iterable<?Element>} set @param {any} next */
export function rove(set, next) {
  for (const item of set) if (item) item.setAttribute('tabindex', item === next ? '0' : '-1');
  next.focus();
}

/**
 * Scroll an element into view now and, if `isWanted` then, again when it is filled.
 * @param {Element} element @param {Promise<any>} filled @param {function(): boolean} isWanted
 */
export async function reveal(element, filled, isWanted) {
  const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth';
  const scroll = () => element.scrollIntoView({behavior, block: 'nearest'});
  scroll();
  await filled;
  if (isWanted()) scroll();
}
