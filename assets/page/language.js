// The language of the page's chrome: texts that are written in English are shown in the one that was chosen.

const KEPT = 'mat-language';
const ENGLISH = 'en';
const ATTRIBUTES = ['aria-label', 'title', 'placeholder', 'alt'];
// what the model read, and what others wrote
const LEAVE = 'script, style, textarea, code, .chip, .strip .who span:first-child, .heat, [data-keep-language]';
const BLANK = /\\?\{(\w+)\\?\}/g;

const plain = (text) => text.replace(/\s+/g, ' ').trim();
const pattern = (text) => new RegExp(`^${plain(text).replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(BLANK, '(?<$1>.+?)')}$`);

/** A function that gives a text of `from` in the words of `to`, or null for a text that is not in the list. */
export function translator(from, to) {
  const exact = new Map();
  const patterns = [];
  for (const key of Object.keys(from)) {
    if (/\{\w+\}/.test(from[key])) patterns.push([pattern(from[key]), to[key]]);
    else exact.set(plain(from[key]), to[key]);
  }
  return (text) => {
    const said = plain(text);
    if (exact.has(said)) return exact.get(said);
    for (const [known, other] of patterns) {
      const found = known.exec(said);
      if (found) return other.replace(/\{(\w+)\}/g, (all, name) => exact.get(found.groups[name]) ?? found.groups[name]);
    }
    return null;
  };
}

/** The language to begin with. @param {string[]} known codes @param {string[]} wanted the likeliest first */
export function chosen(known, wanted) {
  for (const code of wanted) {
    const found = known.find((one) => one === code) || known.find((one) => one === (code || '').split('-')[0]);
    if (found) return found;
  }
  return ENGLISH;
}

const kept = () => {
  try {
    return localStorage.getItem(KEPT) || '';
  } catch {
    return '';
  }
};

/**
 * Show the page in a language, from now on.
 * @param {Object<string, Object<string, string>>} texts by language @param {function()} whole puts texts together that
 * were marked in pieces
 */
export function followLanguage(texts, whole = () => {}) {
  const codes = Object.keys(texts);
  if (!codes.length) return;
  const first = new WeakMap();
  let language = chosen(codes, [new URLSearchParams(location.search).get('lang'), kept(), ...navigator.languages]);
  let say = () => null;

  const put = (place, name, now, write) => {
    const known = first.get(place) || {};
    const original = known[name] && known[name].shown === now ? known[name].original : now;
    const told = say(original);
    const shown = told === null ? original : original.replace(/^(\s*)[^]*?(\s*)$/, (all, before, after) => before + told + after);
    if (shown !== now) write(shown);
    first.set(place, {...known, [name]: {original, shown}});
    return told !== null;
  };
  const text = (node) => {
    const parent = node.parentElement;
    if (!parent || !plain(node.nodeValue) || parent.closest(LEAVE)) return;
    const told = put(node, 'text', node.nodeValue, (shown) => { node.nodeValue = shown; });
    if (told && language !== ENGLISH) parent.lang = language;
    else if (parent.lang && parent.lang !== ENGLISH && language === ENGLISH) parent.removeAttribute('lang');
  };
  const attributes = (element) => {
    if (element.closest(LEAVE)) return;
    for (const name of ATTRIBUTES) {
      if (element.hasAttribute(name)) put(element, name, element.getAttribute(name), (shown) => element.setAttribute(name, shown));
    }
  };
  const below = (root) => {
    if (root.nodeType === Node.TEXT_NODE) return text(root);
    if (root.nodeType !== Node.ELEMENT_NODE) return undefined;
    attributes(root);
    for (const child of root.childNodes) below(child);
    return undefined;
  };
  const speak = (code) => {
    whole();
    language = code;
    say = translator(texts[ENGLISH], texts[code]);
    document.documentElement.dataset.language = code;
    window.mat.language = code;
    dispatchEvent(new Event('mat-language'));
    for (const name of ['asking', 'waiting']) { // what the style sheet says
      const said = texts[code][`view.${name}`];
      if (said) document.documentElement.style.setProperty(`--${name}`, JSON.stringify(said));
    }
    below(document.body);
    const select = document.querySelector('#language');
    if (select) select.value = code;
  };

  new MutationObserver((changes) => {
    if (document.querySelector('#language')?.options.length === 0) offer();
    if (language === ENGLISH) return;
    for (const change of changes) {
      if (change.type === 'childList') change.addedNodes.forEach(below);
      else if (change.type === 'characterData') text(change.target);
      else attributes(change.target);
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ATTRIBUTES});

  const offer = () => {
    const select = document.querySelector('#language');
    if (!select || select.options.length) return;
    for (const code of codes) {
      const option = new Option(texts[code]._name, code);
      option.lang = code;
      option.dataset.keepLanguage = '';
      select.add(option);
    }
    select.value = language;
  };
  document.addEventListener('change', (event) => {
    if (event.target.id !== 'language') return;
    try {
      localStorage.setItem(KEPT, event.target.value);
    } catch {
      // a browser that keeps nothing: the choice lasts until Reload
    }
    speak(event.target.value);
  });
  offer();
  speak(language);
}
