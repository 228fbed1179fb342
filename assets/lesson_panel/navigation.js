// Where in a lesson one is, and where next and back lead. Nothing here touches the page.

/**
 * What the presenter shows of a step, one after the other; where the page would give the answer away, it comes last.
 * @param {?{shows: boolean, asks: ?object, waits: boolean}} step
 */
export function beatsOf(step) {
  if (!step) return ['say'];
  const look = step.shows ? ['look'] : [];
  const asked = step.asks ? ['ask', 'truth'] : [];
  return step.waits ? ['say', ...asked, ...look] : ['say', ...look, ...asked];
}

/**
 * One beat on or back. A place is {at, beat}: the step, from 0, and the beat within it; `at` is `steps` at the end.
 * @param {{at: number, beat: number}} place @param {number} way 1 or -1 @param {string[]} beats of the step where one is @param {number} steps of the lesson
 * @returns {{at: number, beat: number}} beat -1: the last one of that step
 */
export function moved({at, beat}, way, beats, steps) {
  const next = beat + way;
  if (at < steps && next >= 0 && next < beats.length) return {at, beat: next};
  if (way > 0) return at < steps ? {at: at + 1, beat: 0} : {at, beat};
  return at > 0 ? {at: at - 1, beat: -1} : {at, beat: 0};
}

const KEYS = {
  ArrowRight: 1, ArrowDown: 1, PageDown: 1, ' ': 1, Enter: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Escape: 0,
};
const EVERYWHERE = ['PageDown', 'PageUp', 'Escape']; // what a presenter's remote sends, and the way out

/**
 * What a key does in the presenter.
 * @param {{key: string, ctrlKey: boolean, altKey: boolean, metaKey: boolean, shiftKey: boolean}} event
 * @param {boolean} busy the focus is on something that uses keys itself
 * @returns {?number} 1: on, -1: back, 0: out; null: not ours
 */
export function keyMove(event, busy) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || !Object.hasOwn(KEYS, event.key)) return null;
  return busy && !EVERYWHERE.includes(event.key) ? null : KEYS[event.key];
}

/** The lesson and step of an address such as #lessons?of=heads&step=2, or null. @param {Array<{name, steps}>} lessons */
export function readLink(hash, lessons) {
  const [name, query] = hash.replace(/^#/, '').split('?');
  if (name !== 'lessons' || !query) return null;
  const values = new URLSearchParams(query);
  const lesson = lessons.find((one) => one.name === values.get('of'));
  if (!lesson) return null;
  const step = /^\d{1,3}$/.test(values.get('step') ?? '') ? Number(values.get('step')) : 1;
  return {name: lesson.name, at: Math.min(Math.max(step, 1), lesson.steps) - 1};
}

/** The address of a lesson. */
export const linkOf = (name) => `#lessons?of=${encodeURIComponent(name)}`;
