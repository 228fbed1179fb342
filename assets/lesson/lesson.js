// The panel that runs a lesson beside the page: one state, asked for, shown, kept; docked, put away or presenting.

import {questions} from '../shared/asking.js';
import {beatsOf, keyMove, moved, readLink} from './course.js';
import {make} from '../shared/elements.js';
import {judged} from './guess.js';
import {listIn} from './list.js';
import {askPart, endPart, notePart, textPart, truthPart} from './parts.js';
import {setPage} from './setting.js';
import {printing} from './sheet.js';
import {browserStorage} from '../shared/keeping.js';
import {openStore} from './store.js';
import {languageOf, wordsOf} from './words.js';

const SMALLEST = 18; // pixels of the presenter's type

/** The list of all lessons, in its tab. */
export const mountList = listIn;

/** Bring the panel in `element` to life. The first arguments are what Gradio's js_on_load has; facts: of room.py. */
export function mountGuide(element, props, trigger, watch, facts) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const store = openStore(browserStorage('localStorage'), browserStorage('sessionStorage'));
  let mode = 'closed'; // or 'docked', 'away', 'presenting'
  let place = null; // {name, at, beat}
  let found = {}; // what the server said of this step: step, truth
  let visit = 0; // counts the steps that were gone to: what comes late belongs to another one

  const language = () => languageOf(facts, window.mat?.language ?? document.documentElement.lang);
  const say = (key, values) => wordsOf(facts, language())(key, values);
  const {ask, hear} = questions(trigger, () => say('silent'), element);
  const lessons = () => facts.lessons[language()];
  const lesson = () => lessons().find((one) => one.name === place?.name);
  const isEnd = () => place.at >= lesson().steps;
  const beats = () => (isEnd() ? ['say'] : beatsOf(found.step));
  const beat = () => beats()[place.beat] ?? 'say';
  const answer = () => store.of(place.name).answers[place.at];
  const question = () => ({lesson: place.name, at: place.at, language: language()});

  // --- showing -----------------------------------------------------------------------------------------------------

  const told = () => dispatchEvent(new CustomEvent('mat-lessons'));

  function body() {
    if (isEnd()) {
      const all = lessons();
      const next = all[all.findIndex(({name}) => name === place.name) + 1];
      return [endPart(lesson(), store.of(place.name), next, say, {begin, list})];
    }
    const {step, truth} = found;
    if (!step) return [make('p', {class: 'ls-fine'}, say('waiting'))];
    const text = [textPart(step), notePart(step)];
    const asked = () => askPart(step, say, guess);
    const revealed = () => (truth ? truthPart(step, truth, answer() ?? judged(step.asks, null, truth), say)
      : make('p', {class: 'ls-fine'}, say('asking')));
    if (mode === 'presenting') {
      return {say: () => text, look: () => [], ask: () => [asked()], truth: () => [revealed()]}[beat()]();
    }
    return [...text, step.asks ? (answer() ? revealed() : asked()) : null];
  }

  /** Make the presenter's type as large as the screen takes. */
  function fit() {
    const root = part('root');
    root.style.removeProperty('--ls-size');
    if (mode !== 'presenting' || beat() === 'look') return;
    const holder = part('body');
    for (let size = parseFloat(getComputedStyle(root).fontSize); size > SMALLEST && holder.scrollHeight > holder.clientHeight + 1; size -= 1) {
      root.style.setProperty('--ls-size', `${size}px`);
    }
  }

  function render(focus = false) {
    const shown = mode === 'docked' || mode === 'presenting';
    part('root').hidden = !shown;
    part('pill').hidden = mode !== 'away';
    const looking = mode === 'presenting' && place && beat() === 'look';
    for (const name of ['docked', 'presenting']) {
      part('root').classList.toggle(`ls-${name}`, mode === name);
      document.documentElement.classList.toggle(`ls-${name}`, mode === name);
    }
    for (const one of [part('root'), document.documentElement]) one.classList.toggle('ls-looking', Boolean(looking));
    if (!place) return;
    const {title, steps} = lesson();
    part('pill').textContent = say('resume', {title});
    part('name').textContent = title;
    part('count').textContent = isEnd() ? say('the-end') : say('step', {at: place.at + 1, of: steps});
    part('bar').style.width = `${100 * Math.min(1, (place.at + 1) / steps)}%`;
    part('heading').textContent = isEnd() ? say('done') : found.step?.title ?? '…';
    part('body').replaceChildren(...body().filter(Boolean));
    const labels = {
      back: 'back', next: place.at === steps - 1 && (mode !== 'presenting' || place.beat >= beats().length - 1) ? 'finish' : 'next',
      present: mode === 'presenting' ? 'unpresent' : 'present', away: 'away', leave: 'leave', again: 'set-again', sheet: 'sheet',
    };
    for (const [name, key] of Object.entries(labels)) part(name).textContent = say(key);
    part('back').disabled = place.at === 0 && place.beat <= 0;
    part('next').hidden = isEnd();
    for (const name of ['away', 'sheet']) part(name).hidden = mode === 'presenting';
    part('again').hidden = mode === 'presenting' || isEnd() || !found.step || Boolean(found.step.waits && !found.truth);
    part('root').setAttribute('aria-label', say('panel', {title}));
    if (focus && shown) part('heading').focus({preventScroll: true});
    if (shown) part('body').scrollTop = 0;
    fit();
    told();
  }

  const status = (text) => { part('status').textContent = text; };
  const fail = (text) => { part('error').textContent = text; };

  // --- going -------------------------------------------------------------------------------------------------------

  /** Go to a step, say it, and set the page as it wants; `sets`: false leaves the page as it is. */
  async function go(next, sets = true) {
    const mine = ++visit;
    const goesOn = () => mine === visit && place !== null;
    const same = place && found.step && place.name === next.name && place.at === next.at;
    place = next;
    store.place({name: place.name, at: Math.min(place.at, lesson().steps)});
    fail('');
    status(''); // what was said of the step before
    if (!same) {
      found = {};
      part('root').removeAttribute('data-set');
    }
    if (isEnd()) {
      store.finish(place.name);
      store.place(null);
      render(true);
      return;
    }
    render(true);
    if (!found.step) {
      const step = await ask('click', {ask: 'step', ...question()});
      if (!goesOn()) return;
      if (step.error) {
        fail(step.error);
        return;
      }
      found = {step};
      if (place.beat < 0) place = {...place, beat: mode === 'presenting' ? beats().length - 1 : 0};
      render(true);
    }
    if (sets && !same && (!found.step.waits || answer())) await set(goesOn);
    if (goesOn() && (answer() || (mode === 'presenting' && beat() === 'truth'))) await reveal(goesOn);
  }

  async function set(goesOn) {
    found = {...found, isSet: true};
    status(say('setting'));
    const opened = await ask('submit', question());
    if (!goesOn()) return;
    if (opened.error) fail(opened.error);
    else await setPage(opened, goesOn);
    if (!goesOn()) return;
    status(opened.error ? '' : say('set'));
    part('root').setAttribute('data-set', String(place.at));
  }

  async function reveal(goesOn) {
    if (found.truth || !found.step?.asks) return;
    status(say('asking'));
    const truth = await ask('click', {ask: 'truth', ...question()});
    if (!goesOn()) return;
    if (truth.error) {
      fail(truth.error);
      return;
    }
    found = {...found, truth};
    if (answer()) store.answer(place.name, place.at, judged(found.step.asks, answer().said, truth));
    render();
    status('');
    part('live').textContent = truth.text;
    if (found.step.waits && !found.isSet) await set(goesOn);
  }

  /** What the reader predicts; null: nothing, show it. */
  function guess(said) {
    const mine = visit;
    store.answer(place.name, place.at, {said, right: null, off: null});
    if (mode === 'presenting') {
      move(1);
      return;
    }
    render();
    reveal(() => mine === visit);
  }

  function move(way) {
    const steps = lesson().steps;
    const next = mode === 'presenting' ? moved(place, way, beats(), steps)
      : {at: Math.min(Math.max(place.at + way, 0), steps), beat: 0};
    if (next.at !== place.at) return go({name: place.name, ...next});
    place = {...place, ...next};
    render(true);
    const mine = visit;
    return mode === 'presenting' && beat() === 'truth' ? reveal(() => mine === visit) : undefined;
  }

  function turn(next) {
    mode = next;
    store.setOpen(mode === 'docked' || mode === 'presenting');
    if (place) place = {...place, beat: 0};
    render(true);
  }

  function begin(name, presenting = false, at = 0) {
    store.begin(name);
    mode = presenting ? 'presenting' : 'docked';
    store.setOpen(true);
    found = {};
    place = null;
    return go({name, at, beat: 0});
  }

  /** Go on where one was; sets: whether the page is set for it, too. */
  function resume(sets = true) {
    const current = store.current();
    if (!current || !lessons().some(({name}) => name === current.name)) return undefined;
    mode = 'docked';
    store.setOpen(true);
    return go({...current, at: Math.min(current.at, lessons().find(({name}) => name === current.name).steps - 1), beat: 0}, sets);
  }

  function leave() {
    visit += 1;
    mode = 'closed';
    store.setOpen(false);
    store.place(null);
    place = null;
    render();
    told();
  }

  function list() {
    leave();
    history.pushState(null, '', '#lessons');
    dispatchEvent(new PopStateEvent('popstate'));
  }

  // --- life --------------------------------------------------------------------------------------------------------

  part('next').addEventListener('click', () => move(1));
  part('back').addEventListener('click', () => move(-1));
  part('away').addEventListener('click', () => turn('away'));
  part('leave').addEventListener('click', leave);
  part('present').addEventListener('click', () => turn(mode === 'presenting' ? 'docked' : 'presenting'));
  printing(part('sheet'), {ask, say, status, fail, asked: question});
  part('again').addEventListener('click', () => { const mine = ++visit; set(() => mine === visit && place !== null); });
  part('pill').addEventListener('click', () => (found.step ? turn('docked') : resume(false)));
  addEventListener('resize', fit);
  document.addEventListener('keydown', (event) => {
    if (mode !== 'presenting' || event.isComposing) return;
    const busy = event.target.closest?.('input, select, textarea, button, [role=slider], [role=grid], [contenteditable]');
    const way = keyMove(event, Boolean(busy));
    if (way === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (way === 0) turn('docked');
    else move(way);
  }, true);
  addEventListener('hashchange', follow);
  addEventListener('mat-language', () => { found = {}; if (place) go(place, false); else told(); });
  watch('value', () => hear(props.value));

  function follow() {
    const asked = readLink(location.hash, lessons());
    if (asked) begin(asked.name, false, asked.at);
    return Boolean(asked);
  }

  window.mat.lessons = {
    begin, resume, language, keeps: store.keeps, progress: store.of, current: () => store.current()?.name ?? null,
    clear() { leave(); store.clear(); told(); },
  };
  if (!follow() && store.current()) {
    if (store.wasOpen()) resume(false);
    else if (lessons().some(({name}) => name === store.current().name)) {
      mode = 'away';
      place = {...store.current(), beat: 0};
      render();
    }
  }
  told();
}
