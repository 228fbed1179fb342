// What is kept in this browser: how far one has come in each lesson, and what was predicted. It never leaves it.

import {readText, storedValue, writeText} from '../shared/storage.js';

const KEY = 'mat-lessons';
const OPEN = 'mat-lessons-open';
const MOST = 300; // lessons

const isText = (text) => typeof text === 'string' && text.length <= 100;
const isCount = (number) => Number.isInteger(number) && number >= 0 && number < 1000;
const isNumber = (value) => value === null || Number.isFinite(value);
const isAnswer = (a) => Boolean(a) && (a.said === null || isText(a.said) || Number.isFinite(a.said))
  && [true, false, null].includes(a.right) && isNumber(a.off);

/** Whether something read from elsewhere is the progress in one lesson. */
export const isProgress = (value) => Boolean(value) && isCount(value.reached) && typeof value.done === 'boolean'
  && Boolean(value.answers) && typeof value.answers === 'object'
  && Object.entries(value.answers).every(([at, answer]) => /^\d{1,3}$/.test(at) && isAnswer(answer));

/** The places {name, at} that may be kept. */
export const isPlace = (value) => Boolean(value) && isText(value.name) && isCount(value.at);

const blank = () => ({reached: 0, done: false, answers: {}});

/** What was kept, as far as it can be used. */
const usable = (read) => ({
  current: isPlace(read?.current) ? read.current : null,
  lessons: Object.fromEntries(
    Object.entries(read?.lessons ?? {}).filter(([name, one]) => isText(name) && isProgress(one)).slice(-MOST)),
});

/** A store on `storage` and `session`, localStorage and sessionStorage or null. */
export function openStore(storage, session) {
  const {persists: keeps, value, put} = storedValue(storage, KEY, usable);
  const of = (name) => (Object.hasOwn(value().lessons, name) ? value().lessons[name] : blank());
  const change = (name, changes) => {
    put({...value(), lessons: {...value().lessons, [name]: {...of(name), ...changes}}});
  };

  return {
    /** Whether it outlives the page. */
    keeps,
    of,
    /** The place where one is, or null. */
    current: () => value().current,
    /** One is at a step now; null: in no lesson. */
    place(current) {
      put({...value(), current});
      if (current) change(current.name, {reached: Math.max(of(current.name).reached, current.at)});
    },
    answer(name, at, answer) {
      change(name, {answers: {...of(name).answers, [at]: answer}});
    },
    finish(name) {
      change(name, {done: true});
    },
    /** Begin a lesson anew: its predictions are open again; that it was done stays. */
    begin(name) {
      change(name, {answers: {}, reached: 0});
    },
    clear() {
      put(usable(null));
    },
    /** Whether the panel was open in this tab before a reload. */
    wasOpen: () => readText(session, OPEN) === 'yes',
    setOpen(open) {
      writeText(session, OPEN, open ? 'yes' : 'no');
    },
  };
}
