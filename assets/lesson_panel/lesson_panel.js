// The panel that runs a lesson beside the page: docked, put away or presenting.

import {rpcClient} from '../shared/rpc.js';
import {beatsOf, keyMove, moved, readLink} from './navigation.js';
import {closest, make, partsOf} from '../shared/dom.js';
import {downloadUri} from '../shared/download.js';
import {judged} from './prediction.js';
import {askPart, endPart, notePart, textPart, truthPart} from './panels.js';
import {showJoinSlide} from '../shared/join_slide.js';
import {t} from '../shared/i18n.js';
import {setPage} from './apply_step.js';
import {browserStorage} from '../shared/storage.js';
import {openStore} from './store.js';
import {messagesOf} from './messages.js';
import {goTo} from '../page/tab_router.js';

const SMALLEST = 18; // pixels of the presenter's type

/** The panel as the list of lessons uses it; null until it is mounted. @type {?Object<string, function>} */
export let guide = null;

/** Bring the panel in `element` to life. The first arguments are what Gradio's js_on_load has; facts: LessonService.facts(). */
export function mountLessonPanel(element, props, trigger, watch, server, facts) {
  const part = partsOf(element);
  const store = openStore(browserStorage('localStorage'), browserStorage('sessionStorage'));
  let mode = 'closed'; // or 'docked', 'away', 'presenting'
  let place = null; // {name, at, beat}
  let loaded = {}; // of this step: step, truth
  let visit = 0; // counts the steps shown, to ignore answers about an earlier one

  const {language, say} = messagesOf(facts);
  const {call: ask, receive} = rpcClient(trigger, () => say('silent'), element);
  const lessons = () => facts.lessons[language];
  const lesson = () => lessons().find((one) => one.name === place?.name);
  const isEnd = () => place.at >= lesson().steps;
  const beats = () => (isEnd() ? ['say'] : beatsOf(loaded.step));
  const beat = () => beats()[place.beat] ?? 'say';
  const answer = () => store.of(place.name).answers[place.at];
  const question = () => ({lesson: place.name, at: place.at, language});

  // --- showing -----------------------------------------------------------------------------------------------------

  const announce = () => dispatchEvent(new CustomEvent('mat-lessons'));

  function body() {
    if (isEnd()) {
      const all = lessons();
      const next = all[all.findIndex(({name}) => name === place.name) + 1];
      return [endPart(lesson(), store.of(place.name), next, say, {begin, list})];
    }
    const {step, truth} = loaded;
    if (!step) return [make('p', {class: 'ls-fine'}, say('waiting'))];
    const text = [textPart(step), notePart(step)];
    const questionForm = () => askPart(step, say, predict);
    const revealed = () => (truth ? truthPart(step, truth, answer() ?? judged(step.asks, null, truth), say)
      : make('p', {class: 'ls-fine'}, say('asking')));
    if (mode === 'presenting') {
      return {say: () => text, look: () => [], ask: () => [questionForm()], truth: () => [revealed()]}[beat()]();
    }
    return [...text, step.asks ? (answer() ? revealed() : questionForm()) : null];
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
    const isLooking = mode === 'presenting' && place && beat() === 'look';
    for (const name of ['docked', 'presenting']) {
      part('root').classList.toggle(`ls-${name}`, mode === name);
      document.documentElement.classList.toggle(`ls-${name}`, mode === name);
    }
    for (const one of [part('root'), document.documentElement]) one.classList.toggle('ls-looking', Boolean(isLooking));
    if (!place) return;
    const {title, steps} = lesson();
    part('pill').textContent = say('resume', {title});
    part('name').textContent = title;
    part('count').textContent = isEnd() ? say('the-end') : say('step', {at: place.at + 1, of: steps});
    part('bar').style.width = `${100 * Math.min(1, (place.at + 1) / steps)}%`;
    part('heading').textContent = isEnd() ? say('done') : loaded.step?.title ?? '…';
    part('body').replaceChildren(...body().filter(Boolean));
    const labels = {
      back: 'back', next: place.at === steps - 1 && (mode !== 'presenting' || place.beat >= beats().length - 1) ? 'finish' : 'next',
      present: mode === 'presenting' ? 'unpresent' : 'present', away: 'away', leave: 'leave', again: 'set-again', sheet: 'sheet',
    };
    for (const [name, key] of Object.entries(labels)) part(name).textContent = say(key);
    part('back').disabled = place.at === 0 && place.beat <= 0;
    part('next').hidden = isEnd();
    for (const name of ['away', 'sheet']) part(name).hidden = mode === 'presenting';
    part('join').hidden = mode !== 'presenting';
    part('join').textContent = t('join');
    part('again').hidden = mode === 'presenting' || isEnd() || !loaded.step || Boolean(loaded.step.waits && !loaded.truth);
    part('root').setAttribute('aria-label', say('panel', {title}));
    if (focus && shown) part('heading').focus({preventScroll: true});
    if (shown) part('body').scrollTop = 0;
    fit();
    announce();
  }

  const status = (text) => { part('status').textContent = text; };
  const fail = (text) => { part('error').textContent = text; };

  // --- going -------------------------------------------------------------------------------------------------------

  /** Go to a step, say it, and set the page as it wants; `sets`: false leaves the page as it is. */
  async function go(next, sets = true) {
    const thisVisit = ++visit;
    const isCurrent = () => thisVisit === visit && place !== null;
    const same = place && loaded.step && place.name === next.name && place.at === next.at;
    place = next;
    store.place({name: place.name, at: Math.min(place.at, lesson().steps)});
    fail('');
    status(''); // what was said of the step before
    if (!same) {
      loaded = {};
      part('root').removeAttribute('data-set');
    }
    if (isEnd()) {
      store.finish(place.name);
      store.place(null);
      render(true);
      return;
    }
    render(true);
    if (!loaded.step) {
      const step = await ask('click', {ask: 'step', ...question()});
      if (!isCurrent()) return;
      if (step.error) {
        fail(step.error);
        return;
      }
      loaded = {step};
      if (place.beat < 0) place = {...place, beat: mode === 'presenting' ? beats().length - 1 : 0};
      render(true);
    }
    if (sets && !same && (!loaded.step.waits || answer())) await set(isCurrent);
    if (isCurrent() && (answer() || (mode === 'presenting' && beat() === 'truth'))) await reveal(isCurrent);
  }

  async function set(isCurrent) {
    loaded = {...loaded, isSet: true};
    status(say('setting'));
    const opened = await ask('submit', question());
    if (!isCurrent()) return;
    if (opened.error) fail(opened.error);
    else await setPage(opened, isCurrent);
    if (!isCurrent()) return;
    status(opened.error ? '' : say('set'));
    part('root').setAttribute('data-set', String(place.at));
  }

  async function reveal(isCurrent) {
    if (loaded.truth || !loaded.step?.asks) return;
    status(say('asking'));
    const truth = await ask('click', {ask: 'truth', ...question()});
    if (!isCurrent()) return;
    if (truth.error) {
      fail(truth.error);
      return;
    }
    loaded = {...loaded, truth};
    if (answer()) store.answer(place.name, place.at, judged(loaded.step.asks, answer().said, truth));
    render();
    status('');
    part('live').textContent = truth.text;
    if (loaded.step.waits && !loaded.isSet) await set(isCurrent);
  }

  /** What the reader predicts; null: nothing, show it. */
  function predict(said) {
    const thisVisit = visit;
    store.answer(place.name, place.at, {said, right: null, off: null});
    if (mode === 'presenting') {
      move(1);
      return;
    }
    render();
    reveal(() => thisVisit === visit);
  }

  function move(way) {
    const steps = lesson().steps;
    const next = mode === 'presenting' ? moved(place, way, beats(), steps)
      : {at: Math.min(Math.max(place.at + way, 0), steps), beat: 0};
    if (next.at !== place.at) return go({name: place.name, ...next});
    place = {...place, ...next};
    render(true);
    const thisVisit = visit;
    return mode === 'presenting' && beat() === 'truth' ? reveal(() => thisVisit === visit) : undefined;
  }

  function setMode(next) {
    mode = next;
    store.setOpen(mode === 'docked' || mode === 'presenting');
    if (place) place = {...place, beat: 0};
    render(true);
  }

  function begin(name, presenting = false, at = 0) {
    store.begin(name);
    mode = presenting ? 'presenting' : 'docked';
    store.setOpen(true);
    loaded = {};
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
    announce();
  }

  function list() {
    leave();
    goTo('lessons');
  }

  async function saveWorksheet() {
    part('sheet').disabled = true;
    fail('');
    status(say('sheet-making'));
    const file = await ask('click', {ask: 'paper', ...question()});
    part('sheet').disabled = false;
    status(file.error ? '' : say('sheet-made'));
    if (file.error) fail(file.error);
    else downloadUri(file.uri, file.name);
  }

  // --- life --------------------------------------------------------------------------------------------------------

  part('next').addEventListener('click', () => move(1));
  part('back').addEventListener('click', () => move(-1));
  part('away').addEventListener('click', () => setMode('away'));
  part('leave').addEventListener('click', leave);
  part('present').addEventListener('click', () => setMode(mode === 'presenting' ? 'docked' : 'presenting'));
  part('sheet').addEventListener('click', saveWorksheet);
  part('join').addEventListener('click', () => showJoinSlide(server, `#lessons?of=${place.name}`, lesson().title));
  part('again').addEventListener('click', () => { const thisVisit = ++visit; set(() => thisVisit === visit && place !== null); });
  part('pill').addEventListener('click', () => (loaded.step ? setMode('docked') : resume(false)));
  addEventListener('resize', fit);
  document.addEventListener('keydown', (event) => {
    if (mode !== 'presenting' || event.isComposing || closest(event, 'dialog')) return;
    const busy = closest(event, 'input, select, textarea, button, [role=slider], [role=grid], [contenteditable]');
    const way = keyMove(event, Boolean(busy));
    if (way === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (way === 0) setMode('docked');
    else move(way);
  }, true);
  addEventListener('hashchange', follow);
  watch('value', () => receive(props.value));

  function follow() {
    const link = readLink(location.hash, lessons());
    if (link) begin(link.name, false, link.at);
    return Boolean(link);
  }

  guide = {
    begin, resume, keeps: store.keeps, progress: store.of, current: () => store.current()?.name ?? null,
    clear() { leave(); store.clear(); announce(); },
  };
  if (!follow() && store.current()) {
    if (store.wasOpen()) resume(false);
    else if (lessons().some(({name}) => name === store.current().name)) {
      mode = 'away';
      place = {...store.current(), beat: 0};
      render();
    }
  }
  announce();
}
