// What is kept in this browser: the round under way and those that are done. It never leaves the browser.

import {isState} from './round.js';

const KEY = 'mat-practice';
const MOST_ROUNDS = 50;

/**
 * A store on `storage`, localStorage or null; where that refuses (a private window, a full disk), the page's own
 * memory, which ends with it.
 */
export function openStore(storage) {
  let value = {current: null, done: []};
  let keeps = Boolean(storage);
  try {
    const read = JSON.parse(storage?.getItem(KEY) ?? 'null');
    if (isState(read?.current)) value.current = read.current;
    if (Array.isArray(read?.done)) value.done = read.done.filter((one) => isState(one)).slice(-MOST_ROUNDS);
  } catch {
    // what cannot be read is as good as nothing
  }

  function write() {
    try {
      storage.setItem(KEY, JSON.stringify(value));
      keeps = true;
    } catch {
      keeps = false;
    }
  }

  return {
    current: () => value.current,
    done: () => value.done,
    /** Whether it outlives the page. */
    keeps: () => keeps,
    /** Keep a round's state; one at its score joins those that are done. */
    save(state) {
      const done = state?.stage === 'score' ? [...value.done, state].slice(-MOST_ROUNDS) : value.done;
      value = {current: state?.stage === 'score' ? null : state, done};
      write();
    },
    clear() {
      value = {current: null, done: []};
      write();
    },
  };
}

/** The browser's store, or null where it may not be asked for. */
export function browserStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
