// What is kept in this browser: how far one has come in each lesson, and what was predicted. It never leaves it.

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

/**
 * A store on `storage` and `session`, localStorage and sessionStorage or null; where they refuse (a private window, a
 * full disk), the page's own memory, which ends with it.
 */
export function openStore(storage, session) {
  let value = {current: null, lessons: {}};
  let keeps = Boolean(storage);
  try {
    const read = JSON.parse(storage?.getItem(KEY) ?? 'null');
    if (isPlace(read?.current)) value.current = read.current;
    const known = Object.entries(read?.lessons ?? {}).filter(([name, one]) => isText(name) && isProgress(one));
    value.lessons = Object.fromEntries(known.slice(-MOST));
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

  const of = (name) => (Object.hasOwn(value.lessons, name) ? value.lessons[name] : blank());
  const change = (name, changes) => {
    value = {...value, lessons: {...value.lessons, [name]: {...of(name), ...changes}}};
    write();
  };

  return {
    /** Whether it outlives the page. */
    keeps: () => keeps,
    of,
    /** The place where one is, or null. */
    current: () => value.current,
    /** One is at a step now; null: in no lesson. */
    place(current) {
      value = {...value, current};
      if (current) change(current.name, {reached: Math.max(of(current.name).reached, current.at)});
      else write();
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
      value = {current: null, lessons: {}};
      write();
    },
    /** Whether the panel was open in this tab before a reload. */
    wasOpen() {
      try {
        return session?.getItem(OPEN) === 'yes';
      } catch {
        return false;
      }
    },
    setOpen(open) {
      try {
        session?.setItem(OPEN, open ? 'yes' : 'no');
      } catch {
        // then a reload shows the panel put away
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
