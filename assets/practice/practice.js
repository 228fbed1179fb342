// Practice: one state (round.js), stored in the browser (store.js). The server answers about one case at a time.

import {markPanel, modelPanel, truthPanel} from './case_panels.js';
import {rpcClient} from '../shared/rpc.js';
import {make, partsOf} from '../shared/dom.js';
import {overlap} from './marks.js';
import {
  advanced, committed, completed, decided, drafted, isSameRound, linkOf, newRound, probabilitiesIn, readLink, REST,
} from './round.js';
import {scorePanel, startPanel} from './start_and_score.js';
import {betweenPanel, firstOf} from './study.js';
import {browserStorage} from '../shared/storage.js';
import {openStore} from './store.js';
import {named, said, t} from '../shared/i18n.js';

const SILENT = t('practice.silent');
const WAIT = t('practice.moment');
const POLL = 1500; // ms between questions for what the server is still computing

// has: the questions about the case that are answered
/** @returns {any} */
const emptyCase = () => ({has: new Set()});

/** Bring the view in `element` to life. The first arguments are what Gradio's js_on_load has; facts: of practice.py. */
export function mountPractice(element, props, trigger, watch, server, facts) {
  const part = partsOf(element);
  const names = {...Object.fromEntries(facts.classes.map(([code, name]) => [code, named(name)])), [REST]: t('practice.rest')};
  const store = openStore(browserStorage('localStorage'));
  let state = null; // null: no round is on the screen
  let shownAt = 0; // when the case came, by the browser's clock
  let caseData = emptyCase(); // the server's answers about the current case
  const {call, receive} = rpcClient(trigger, () => SILENT, element);

  // --- asking ------------------------------------------------------------------------------------------------------

  const ask = (what) => call('click', {ask: what, ...state.round, at: state.at});

  /** Ask for what the case on the screen still lacks, then show it. */
  async function fetchAll(...questions) {
    const requested = caseData;
    part('error').textContent = '';
    for (const what of questions) {
      if (requested.has.has(what)) continue;
      const answer = await ask(what);
      if (requested !== caseData) return false; // another case is on the screen by now
      if (answer.error) {
        part('error').textContent = said(answer.error);
        show(make('button', {type: 'button', class: 'pr-button', onclick: render}, t('practice.again')),
          make('button', {type: 'button', class: 'pr-button', onclick: another}, t('practice.leave')));
        return false;
      }
      Object.assign(requested, answer).has.add(what);
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
    part('root').dataset.stage = state?.stage ?? '';
    if (!state) {
      show(startPanel(facts, names, server, store, defaultRound(), {start, resume, clear: () => { store.clear(); render(); }}));
      return;
    }
    if (state.stage === 'score') {
      const first = state.round.phase === 'post' ? firstOf(store.done(), state.round) : null;
      show(state.round.phase === 'pre' ? betweenPanel(state, {start, another}) : scorePanel(state, first, names, facts.criteria, {another}));
      return;
    }
    if (state.round.phase && state.stage !== 'mark') {
      await pass();
      return;
    }
    const needed = {mark: ['case'], model: ['case', 'model'], truth: ['case', 'model', 'truth']}[state.stage];
    if (needed.some((what) => !caseData.has.has(what))) wait(WAIT);
    if (!await fetchAll(...needed)) return;
    part('status').textContent = stageText();
    if (state.stage === 'mark') {
      shownAt = performance.now();
      show(markPanel(state, caseData, facts, names, {draft, commit, elapsed}));
    }
    if (state.stage === 'model') show(modelPanel(state, caseData, facts, names, {decide}));
    if (state.stage === 'truth') {
      showTruth();
      await fetchHidden();
    }
  }

  /** What has just become known, for who hears the page. */
  function stageText() {
    if (state.stage === 'mark') return '';
    const name = (code) => named(names[code]);
    if (state.stage === 'truth') return t('practice.truth-is', {name: name(caseData.truth), own: name(state.answers.at(-1).own)});
    const [top, p] = probabilitiesIn(state.round, caseData.probabilities)[0];
    return t('practice.model-said', {name: name(top), percent: Math.round(100 * p)});
  }

  const showTruth = () => show(truthPanel(state, caseData, facts, names, {next}));

  /** What mattered when hidden comes later than the truth, and never instead of it. */
  async function fetchHidden() {
    const requested = caseData;
    if (requested.has.has('hidden')) return;
    let answer = await ask('hidden');
    while (answer.pending && requested === caseData && state?.stage === 'truth') {
      await new Promise((done) => { setTimeout(done, POLL); });
      if (requested === caseData) answer = await ask('hidden');
    }
    if (requested !== caseData || state?.stage !== 'truth') return;
    Object.assign(requested, answer.error ? {failed: true} : answer).has.add('hidden');
    overlaps();
    const focused = part('body').querySelector('button.pr-main') === document.activeElement;
    showTruth();
    if (focused) part('body').querySelector('button.pr-main').focus();
    part('status').textContent = answer.error ? said(answer.error) : said(answer.sentence);
  }

  // --- what the trainee does ---------------------------------------------------------------------------------------

  const defaultRound = () => ({kind: facts.first, count: 5, seed: crypto.getRandomValues(new Uint32Array(1))[0] >>> 1});

  function set(next) {
    state = next;
    store.save(state);
  }

  const elapsed = () => (performance.now() - shownAt) / 1000;

  function draft(changes) {
    set(drafted(state, changes));
    return state.draft;
  }

  function start(round) {
    caseData = emptyCase();
    set(newRound(round));
    history.replaceState(null, '', linkOf(round));
    return render();
  }

  function resume() {
    caseData = emptyCase();
    state = store.current();
    history.replaceState(null, '', linkOf(state.round));
    return render();
  }

  function commit() {
    set(committed(state, Math.round(elapsed())));
    return render();
  }

  async function decide(final) {
    const button = part('body').querySelector('button.pr-main');
    button.disabled = true; // one answer is enough
    button.textContent = WAIT;
    part('status').textContent = WAIT;
    if (!await fetchAll('truth')) return;
    set(decided(state, final, caseData));
    overlaps();
    render();
  }

  /** A round of a study shows neither the model nor the truth before the study is over. */
  async function pass() {
    wait(WAIT);
    if (!await fetchAll('case', 'model', 'truth')) return;
    set(decided(state, state.draft.diagnosis, caseData));
    overlaps();
    next();
  }

  function overlaps() {
    const {marks} = state.answers.at(-1);
    set(completed(state, {
      attended: overlap(marks, caseData.attended), hidden: caseData.effect ? overlap(marks, caseData.effect) : null,
    }));
  }

  function next() {
    caseData = emptyCase();
    set(advanced(state));
    return render();
  }

  function another() {
    caseData = emptyCase();
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

  part('leave').addEventListener('click', another);
  addEventListener('hashchange', follow);
  watch('value', () => receive(props.value));
  if (!follow()) render();
}
