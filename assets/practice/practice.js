// Practice itself: one state (round.js), kept in the browser (store.js); the server is asked about one case at a time.

import {markPanel, modelPanel, truthPanel} from './casework.js';
import {questions} from '../shared/asking.js';
import {make} from '../shared/elements.js';
import {overlap} from './marks.js';
import {
  advanced, committed, completed, decided, drafted, isSameRound, linkOf, newRound, readLink,
} from './round.js';
import {scorePanel, startPanel} from './start.js';
import {browserStorage} from '../shared/keeping.js';
import {openStore} from './store.js';

const SILENT = 'The server does not answer.';
const WAIT = 'One moment: the next part is on its way.';

/** What is known of a case that nobody has asked about. has: the questions that are answered. */
const nothing = () => ({has: new Set()});

/** Bring the view in `element` to life. The first arguments are what Gradio's js_on_load has; facts: of practice.py. */
export function mountPractice(element, props, trigger, watch, facts) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const names = Object.fromEntries(facts.classes.map(([code, name]) => [code, name]));
  const store = openStore(browserStorage('localStorage'));
  let state = null; // null: no round is on the screen
  let found = nothing(); // what the server has said of the case on the screen
  const server = questions(trigger, () => SILENT, element);

  // --- asking ------------------------------------------------------------------------------------------------------

  const ask = (what) => server.ask('click', {ask: what, ...state.round, at: state.at});

  /** Ask for what the case on the screen still lacks, then show it. */
  async function fetchAll(...questions) {
    const mine = found;
    part('error').textContent = '';
    for (const what of questions) {
      if (mine.has.has(what)) continue;
      const answer = await ask(what);
      if (mine !== found) return false; // another case is on the screen by now
      if (answer.error) {
        part('error').textContent = answer.error;
        show(make('button', {type: 'button', class: 'pr-button', onclick: render}, 'Ask again'),
          make('button', {type: 'button', class: 'pr-button', onclick: another}, 'Leave the round'));
        return false;
      }
      Object.assign(mine, answer).has.add(what);
    }
    return true;
  }

  // --- showing -----------------------------------------------------------------------------------------------------

  function show(...children) {
    part('body').replaceChildren(...children);
    part('body').querySelector('h2')?.focus({preventScroll: true});
  }

  const wait = (text) => {
    part('status').textContent = text;
    show(make('p', {class: 'pr-fine'}, text));
  };

  async function render() {
    part('error').textContent = '';
    if (!state) {
      show(startPanel(facts, store, fresh(), {start, resume, clear: () => { store.clear(); render(); }}));
      return;
    }
    if (state.stage === 'score') {
      show(scorePanel(state, names, {another}));
      return;
    }
    const needed = {mark: ['case'], model: ['case', 'model'], truth: ['case', 'model', 'truth']}[state.stage];
    if (needed.some((what) => !found.has.has(what))) wait(WAIT);
    if (!await fetchAll(...needed)) return;
    part('status').textContent = '';
    if (state.stage === 'mark') show(markPanel(state, found, facts, {draft, commit}));
    if (state.stage === 'model') show(modelPanel(state, found, facts, names, {decide}));
    if (state.stage === 'truth') {
      showTruth();
      await lookFurther();
    }
  }

  const showTruth = () => show(truthPanel(state, found, facts, names, {next}));

  /** What mattered when hidden comes later than the truth, and never instead of it. */
  async function lookFurther() {
    const mine = found;
    if (mine.has.has('hidden')) return;
    const answer = await ask('hidden');
    if (mine !== found || state?.stage !== 'truth') return;
    Object.assign(mine, answer.error ? {failed: true} : answer).has.add('hidden');
    overlaps();
    const focused = part('body').querySelector('button.pr-main') === document.activeElement;
    showTruth();
    if (focused) part('body').querySelector('button.pr-main').focus();
    part('status').textContent = answer.error ? answer.error : answer.sentence;
  }

  // --- what the trainee does ---------------------------------------------------------------------------------------

  const fresh = () => ({kind: facts.first, count: 5, seed: crypto.getRandomValues(new Uint32Array(1))[0] >>> 1});

  function set(next) {
    state = next;
    store.save(state);
  }

  function draft(changes) {
    set(drafted(state, changes));
    return state.draft;
  }

  function start(round) {
    found = nothing();
    set(newRound(round));
    history.replaceState(null, '', linkOf(round));
    return render();
  }

  function resume() {
    found = nothing();
    state = store.current();
    history.replaceState(null, '', linkOf(state.round));
    return render();
  }

  function commit() {
    set(committed(state));
    return render();
  }

  async function decide(final) {
    const button = part('body').querySelector('button.pr-main');
    button.disabled = true; // one answer is enough
    button.textContent = WAIT;
    part('status').textContent = WAIT;
    if (!await fetchAll('truth')) return;
    set(decided(state, final, found));
    overlaps();
    render();
  }

  function overlaps() {
    const {marks} = state.answers.at(-1);
    set(completed(state, {
      attended: overlap(marks, found.attended), hidden: found.effect ? overlap(marks, found.effect) : null,
    }));
  }

  function next() {
    found = nothing();
    set(advanced(state));
    return render();
  }

  function another() {
    found = nothing();
    state = null;
    history.replaceState(null, '', location.pathname + location.search);
    return render();
  }

  /** A link in the address begins its round, or goes on with it. */
  function follow() {
    const round = readLink(location.hash, facts);
    if (!round || isSameRound(round, state?.round)) return false;
    if (isSameRound(round, store.current()?.round)) resume();
    else start(round);
    return true;
  }

  addEventListener('hashchange', follow);
  watch('value', () => server.hear(props.value));
  if (!follow()) render();
}
