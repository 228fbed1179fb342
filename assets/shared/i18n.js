// Texts by key, in the language of the address (?lang=), of an earlier choice, or of the browser: one file each in
// assets/languages/.

import {browserStorage, readText, writeText} from './storage.js';

const STORED = 'mat-language';
export const ENGLISH = 'en';

/** The first wanted language that is available, also without its region; else English. @param {string[]} available @param {string[]} wanted */
export function chooseLanguage(available, wanted) {
  for (const code of wanted) {
    const found = available.find((one) => one === code) ?? available.find((one) => one === (code || '').split('-')[0]);
    if (found) return found;
  }
  return ENGLISH;
}

/** A number and its sign, or an interval: what a text in English and one in another language write differently. */
const NUMBER = /^[\s\d.,%<>=+\u2212±→()\u2013/-]*(\d\.\d|\d%)[\s\d.,%<>=+\u2212±→()\u2013/-]*$/;

/** Numbers of a text with the decimal and the percent sign of the page's language. @param {string} text */
export const localized = (text) => (language === ENGLISH ? text : text.replace(/(\d)\.(?=\d)/g, `$1${loaded._decimal ?? '.'}`)
  .replace(/(\d)%/g, (_, digit) => (loaded._percent ?? '{n}%').replace('{n}', digit)));

/** The same for a text that may be more than a number, which stays as it is. @param {string} text */
export const localizedIfNumber = (text) => (NUMBER.test(text) ? localized(text) : text);

/** A value for a text's {braces}: a number, a text of another key as {key, values}, or a list of these. @param {any} value @param {Object<string, string>} texts */
function written(value, texts) {
  if (Array.isArray(value)) return value.map((one) => written(one, texts)).join(', ');
  if (value?.key) return formatter(texts)(value.key, value.values);
  return localizedIfNumber(String(value));
}

/** The text of a key; of `key.one`, `key.other` … by the number {n} where the language has these. @param {Object<string, string>} texts @param {string} key @param {Object<string, any>} values */
const patternOf = (texts, key, values) => texts[key] ?? texts[`${key}.${new Intl.PluralRules(language).select(values.n)}`] ?? texts[`${key}.other`] ?? key;

/** A function of a key and the values for its {braces}. @param {Object<string, string>} texts */
export const formatter = (texts) => (/** @type {string} */ key, /** @type {Object<string, any>} */ values = {}) => patternOf(texts, key, values)
  .replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? written(values[name], texts) : whole));

/** Remember a choice and load the page again in that language. @param {string} code */
export function switchLanguage(code) {
  writeText(browserStorage('localStorage'), STORED, code);
  const address = new URL(location.href);
  address.searchParams.delete('lang');
  history.replaceState(null, '', address);
  location.reload();
}

const meta = globalThis.document?.querySelector?.('meta[name="languages"]');
const available = meta?.getAttribute('content')?.split(' ') ?? [];

export const language = meta
  ? chooseLanguage(available, [new URLSearchParams(location.search).get('lang') ?? '', readText(browserStorage('localStorage'), STORED), ...navigator.languages])
  : ENGLISH;

/** @type {Object<string, string>} */
const loaded = meta ? await (await fetch(new URL(`../languages/${language}.json`, import.meta.url))).json() : {};

/** Other texts, as tests without a page have them. @param {Object<string, string>} texts */
export const useTexts = (texts) => Object.assign(loaded, texts);

/** The keys that start with one of these. @param {...string} prefixes */
export const keysOf = (...prefixes) => Object.keys(loaded).filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));

export const hasText = (/** @type {string} */ key) => Object.hasOwn(loaded, key);
const format = formatter(loaded);
const translated = new Set(); // texts of another language than the page's own English

/** The text of a key in the page's language. @param {string} key @param {Object<string, any>} values for its {braces} */
export function t(key, values = {}) {
  const text = format(key, values);
  if (language !== ENGLISH) translated.add(text);
  return text;
}

/**
 * The same in pieces, for `make`: a value may be an element.
 * @param {string} key @param {Object<string, any>} values @returns {any[]}
 */
export const pieces = (key, values) => patternOf(loaded, key, values).split(/\{(\w+)\}/)
  .map((piece, i) => (i % 2 === 0 ? piece : values[piece] instanceof Object ? values[piece] : written(values[piece], loaded)));

/** What the server says: a text as {key, values}, or any other string. @param {any} value */
export const said = (value) => (value?.key ? t(value.key, value.values) : value);

/** Whether a child of an element is such a text, so that the element says which language it is in. @param {any} child */
export const isTranslated = (child) => translated.has(child);

/** A name of a class, a choice or a kind of region in the page's language, where the language has it. @param {any} name */
export function named(name) {
  const key = [`option.${name}`, `kind.${name}`].find(hasText);
  return key ? t(key) : String(name);
}
