// Values kept in this browser. A browser that refuses (private window, full disk) keeps them until the page ends.

/** 'localStorage' or 'sessionStorage', or null where the browser forbids it. @param {string} name @returns {?Storage} */
export function browserStorage(name) {
  try {
    return globalThis[name] ?? null;
  } catch {
    return null;
  }
}

/** A text, '' where there is none. @param {?Storage} storage @param {string} key */
export function readText(storage, key) {
  try {
    return storage?.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** Whether the text was stored. @param {?Storage} storage @param {string} key @param {string} text */
export function writeText(storage, key, text) {
  try {
    storage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

/**
 * One value kept as JSON.
 * @template T @param {?Storage} storage @param {string} key
 * @param {function(any): T} validate turns what was stored, or null, into a value; stored data is not trusted
 */
export function storedValue(storage, key, validate) {
  let value = validate(null);
  let persists = Boolean(storage);
  try {
    value = validate(JSON.parse(readText(storage, key) || 'null'));
  } catch {
    // damaged data counts as none
  }
  return {
    /** Whether the value outlives the page. */
    persists: () => persists,
    value: () => value,
    /** @param {T} next */
    put(next) {
      value = next;
      persists = writeText(storage, key, JSON.stringify(value));
    },
  };
}
