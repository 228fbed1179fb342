// Translates what the server and Gradio draw: elements marked with `data-i18n`, Gradio's labels by their elem_id, and
// numbers that stand by themselves.

import {fill, make, queryAll} from '../shared/dom.js';
import {ENGLISH, hasText, keysOf, language, localizedIfNumber, switchLanguage, t} from '../shared/i18n.js';
import {INSIDE} from './tab_router.js';

const INNER = INSIDE.question;
const OUTER = keysOf('tab.').map((key) => key.slice('tab.'.length)).filter((id) => !INNER.includes(id));
const MARKED = '[data-i18n], [data-i18n-texts], [data-i18n-attributes]';
const ATTRIBUTES = ['aria-label', 'placeholder', 'alt'];
const FIELDS = {placeholder: 'input', alt: 'img'}; // an attribute, and the element in a component that has it

/** @param {Element} element */
function translate(element) {
  const {i18n, i18nValues, i18nTexts, i18nAttributes, i18nAttributeValues} = /** @type {HTMLElement} */ (element).dataset;
  const text = i18n === undefined ? JSON.parse(i18nTexts ?? '{}')[language] : t(i18n, JSON.parse(i18nValues ?? '{}'));
  if (text !== undefined) {
    const parts = text.split('**'); // every second one is emphasized
    if (element.textContent !== parts.join('')) fill(element, parts.map((part, i) => (i % 2 ? make('strong', {}, part) : part)));
    if (element.getAttribute('lang') !== language) element.setAttribute('lang', language);
  }
  for (const pair of i18nAttributes?.split(' ') ?? []) { // "aria-label:key title:key"
    const [name, key] = pair.split(':');
    setAttribute(element, name, key, JSON.parse(i18nAttributeValues ?? '{}'));
  }
}

/** @param {?Element} element @param {string} name @param {string} key @param {Object<string, any>} values */
function setAttribute(element, name, key, values = {}) {
  const text = t(key, values);
  if (element && element.getAttribute(name) !== text) element.setAttribute(name, text);
}

const PLAIN = 'script, style, code, pre, textarea, [data-keep-language], .mx'; // .mx: the explorer writes its own

/** Numbers in a part of the page that the server has written. @param {Node} node */
function localizeNumbers(node) {
  const parent = node instanceof Element ? node : node.parentElement;
  if (!parent || parent.closest(PLAIN)) return;
  const texts = document.createTreeWalker(node, 4); // texts alone
  for (let text = node.nodeType === Node.TEXT_NODE ? node : texts.nextNode(); text; text = texts.nextNode()) {
    const shown = localizedIfNumber(text.nodeValue);
    if (shown !== text.nodeValue) text.nodeValue = shown;
  }
}

/** Replace an element's own words; what follows a colon is data. @param {?Element} element @param {string} key */
function relabel(element, key) {
  const node = element && [...element.childNodes].reverse().find((child) => child.nodeType === Node.TEXT_NODE && child.nodeValue.trim());
  if (!node) return;
  const text = t(key) + (node.nodeValue.match(/: .*$/)?.[0] ?? '');
  if (node.nodeValue.trim() === text) return;
  node.nodeValue = text;
  element.setAttribute('lang', language);
}

const optionKey = (/** @type {?string} */ value) => `option.${value}`;

/** @param {Element} element of Gradio's @param {string} key of its label */
function translateComponent(element, key) {
  relabel(element.matches('button') ? element : element.querySelector('[data-testid="block-info"], [data-testid="block-label"], .label-text, .label-content'), key);
  for (const input of element.querySelectorAll('input[aria-label]')) setAttribute(input, 'aria-label', key);
  for (const input of element.querySelectorAll('label > input[type=radio]')) {
    const option = optionKey(/** @type {HTMLInputElement} */ (input).value);
    if (hasText(option)) relabel(input.parentElement.querySelector('span'), option);
  }
}

/** The tabs, their copies by which Gradio measures whether they fit, and the menu of those that do not. @param {Element} wrapper */
function translateTabs(wrapper) {
  const copies = queryAll('.visually-hidden button', wrapper);
  const ids = [OUTER, INNER].find(({length}) => length === copies.length) ?? [];
  const tabs = queryAll('[role=tab][data-tab-id]', wrapper);
  const menu = queryAll('.overflow-dropdown button', wrapper);
  const rest = ids.filter((id) => !tabs.some(({dataset}) => dataset.tabId === id));
  for (const tab of tabs) relabel(tab, `tab.${tab.dataset.tabId}`);
  ids.forEach((id, i) => relabel(copies[i], `tab.${id}`));
  if (menu.length === rest.length) rest.forEach((id, i) => relabel(menu[i], `tab.${id}`));
}

/** @param {string[]} keys of the language that name a component */
function translateGradio(keys) {
  for (const key of keys) {
    const [kind, id] = key.split('.');
    const element = document.getElementById(id);
    if (!element) continue;
    if (kind === 'label') translateComponent(element, key);
    else setAttribute(element.querySelector(FIELDS[kind]), kind, key);
  }
  queryAll('.tab-wrapper').forEach(translateTabs);
  for (const item of document.querySelectorAll('li[role=option]')) {
    const option = optionKey(item.getAttribute('aria-label'));
    if (hasText(option)) relabel(item, option);
  }
}

/** The inputs of an event with the page's language as the last. @param {...any} inputs */
export const withLanguage = (...inputs) => [...inputs.slice(0, -1), language];

/** Translate the page, now and whenever something is drawn. */
export function translatePage() {
  document.addEventListener('change', ({target}) => {
    if (target instanceof HTMLSelectElement && target.id === 'language') switchLanguage(target.value);
  });
  const keys = keysOf('label.', 'placeholder.', 'alt.');
  const below = (/** @type {Node} */ node) => {
    localizeNumbers(node);
    if (!(node instanceof Element)) return;
    if (node.matches(MARKED)) translate(node);
    node.querySelectorAll(MARKED).forEach(translate);
  };
  const select = () => {
    const field = /** @type {?HTMLSelectElement} */ (document.querySelector('#language'));
    if (field && field.value !== language) field.value = language;
  };
  if (language === ENGLISH) return;
  for (const name of ['asking', 'waiting']) { // what the style sheet writes
    document.documentElement.style.setProperty(`--${name}`, JSON.stringify(t(`view.${name}`)));
  }
  const all = () => { select(); translateGradio(keys); };
  new MutationObserver((changes) => {
    for (const {target, addedNodes} of changes) {
      const marked = (target instanceof Element ? target : target.parentElement)?.closest(MARKED);
      if (marked) translate(marked); // Gradio writes the English over what has changed
      if (target.nodeType === Node.TEXT_NODE) localizeNumbers(target);
      addedNodes.forEach(below);
    }
    all();
  }).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['data-i18n', 'data-i18n-values', 'data-i18n-attribute-values', ...ATTRIBUTES],
  });
  below(document.body);
  all();
}
