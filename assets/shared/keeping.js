// One value that is kept in this browser as JSON.

/**
 * Where the browser refuses (a private window, a full disk), the value lives in the page's own memory, which ends with it.
 * @param {?Storage} storage @param {string} key @param {function(*): *} read what was kept, or null, to a value; it must
 * not trust what it gets
 */
export function keeping(storage, key, read) {
  let value = read(null);
  let keeps = Boolean(storage);
  try {
    value = read(JSON.parse(storage?.getItem(key) ?? 'null'));
  } catch {
    // what cannot be read is as good as nothing
  }
  return {
    /** Whether it outlives the page. */
    keeps: () => keeps,
    value: () => value,
    put(next) {
      value = next;
      try {
        storage.setItem(key, JSON.stringify(value));
        keeps = true;
      } catch {
        keeps = false;
      }
    },
  };
}

/** One of the browser's stores, 'localStorage' or 'sessionStorage', or null where it may not be asked for. */
export function browserStorage(name) {
  try {
    return globalThis[name] ?? null;
  } catch {
    return null;
  }
}
