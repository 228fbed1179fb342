// From a click to its painted answer, as the page itself sees it: the last part of the line that says where time went.

import {afterFrame} from './frames.js';

const GESTURES = ['click', 'input', 'keydown', 'mousedown'];

/** What is said of a time in milliseconds. */
export const timeText = (ms) => (ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

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

const answer = () => document.querySelector('#answer [data-case]');
const keyOf = (shown) => shown?.dataset.case ?? '';

/** Measure, from now on. @returns {{asks: function(string): void, painted: function(string): Promise<void>}} for Gradio's events */
export function measureAnswers() {
  const {begin, end} = pairs();
  let gesture = 0;
  for (const kind of GESTURES) document.addEventListener(kind, ({timeStamp}) => { gesture = timeStamp; }, true);

  return {
    asks: (name) => begin(name, gesture || performance.now(), keyOf(answer())),
    painted: async (name) => {
      await afterFrame();
      const shown = answer();
      const ms = end(name, performance.now(), keyOf(shown));
      const line = shown?.querySelector('.took [data-part="screen"]');
      if (ms === null || !line) return;
      line.querySelector('[data-part="time"]').textContent = timeText(ms);
      line.hidden = false;
    },
  };
}
