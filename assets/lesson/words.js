// What the panel and the list say, in the reader's language. Nothing here touches the page.

/** The language that the page is in: what chooses it tells `window.mat`; else the browser's, as far as it is there. */
export function languageOf(facts, wanted) {
  const short = String(wanted ?? '').toLowerCase().split('-')[0];
  return Object.hasOwn(facts.words, short) ? short : 'en';
}

/** A function of a key and what goes into its braces: say('step', {at: 2, of: 5}). */
export const wordsOf = (facts, language) => (key, values = {}) => (facts.words[language][key] ?? facts.words.en[key] ?? key)
  .replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
