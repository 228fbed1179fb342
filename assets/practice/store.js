// What is kept in this browser: the round under way and those that are done. It never leaves the browser.

import {storedValue} from '../shared/storage.js';
import {isState} from './round.js';

const KEY = 'mat-practice';
const MOST_ROUNDS = 50;

/** What was kept, as far as it can be used. */
const usable = (read) => ({
  current: isState(read?.current) ? read.current : null,
  done: Array.isArray(read?.done) ? read.done.filter((one) => isState(one)).slice(-MOST_ROUNDS) : [],
});

/** A store on `storage`, localStorage or null. */
export function openStore(storage) {
  const {persists: keeps, value, put} = storedValue(storage, KEY, usable);
  return {
    current: () => value().current,
    done: () => value().done,
    /** Whether it outlives the page. */
    keeps,
    /** Keep a round's state; one at its score joins those that are done. */
    save(state) {
      const done = state?.stage === 'score' ? [...value().done, state].slice(-MOST_ROUNDS) : value().done;
      put({current: state?.stage === 'score' ? null : state, done});
    },
    clear() {
      put({current: null, done: []});
    },
  };
}
