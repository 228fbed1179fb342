// From a click to its painted answer, as the page itself sees it: the last part of the line that says where time went.

import {afterFrame} from '../shared/after_frame.js';
import {query} from '../shared/dom.js';
import {localized} from '../shared/i18n.js';

const GESTURES = ['click', 'input', 'keydown', 'mousedown'];

/** What is said of a time in milliseconds. */
export const timeText = (ms) => (ms < 999.5 ? `${Math.round(ms)} ms` : localized(`${(ms / 1000).toFixed(1)} s`));

/**
 * Pairs of a question and its answer, by the name of the event that asks: one of a name is under way at a time.
 * @returns {{begin: function(string, number, string): void, end: function(string, number, string): ?number}}
 */
export function pairs() {
  const open = new Map();
  return {
    begin: (name, at, key) => { open.set(name, {at, key}); },
    /** Milliseconds that the answer took; null where none was asked for, or no other one came. */
    end(name, at, key) {
      const asked = open.get(name);
      open.delete(name);
      return asked && key && key !== asked.key ? at - asked.at : null;
    },
  };
}

const answer = () => query('#answer [data-case]');
const keyOf = (shown) => shown?.dataset.case ?? '';

const {begin, end} = pairs();
let gesture = 0;

/** Note when the reader does something, from now on. */
export function recordGestures() {
  for (const kind of GESTURES) document.addEventListener(kind, ({timeStamp}) => { gesture = timeStamp; }, true);
}

/** An event asks for an answer. @param {string} name @param {...any} inputs of the event, which are returned */
export function asks(name, ...inputs) {
  begin(name, gesture || performance.now(), keyOf(answer()));
  return inputs;
}

/** The answer to an event has come: show how long it took. @param {string} name */
export async function painted(name) {
  await afterFrame();
  const shown = answer();
  const ms = end(name, performance.now(), keyOf(shown));
  const line = shown?.querySelector('.took [data-part="screen"]');
  if (ms === null || !line) return;
  line.querySelector('[data-part="time"]').textContent = timeText(ms);
  line.hidden = false;
}
