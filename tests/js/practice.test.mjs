import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {takenFor} from '../../assets/practice/criteria.js';
import {csvOf} from '../../assets/practice/csv.js';
import {moveOnGrid} from '../../assets/shared/keyboard_navigation.js';
import {marked, overlap, overlapText, strongest} from '../../assets/practice/marks.js';
import {colorOf} from '../../assets/practice/picture.js';
import {
  advanced, committed, completed, decided, drafted, isState, lacking, linkOf, newRound, probabilitiesIn, readLink,
} from '../../assets/practice/round.js';
import {
  brier, byClass, calibration, influence, influences, meanOverlap, overconfidence, totals, weakClasses,
} from '../../assets/practice/score.js';
import {clockText} from '../../assets/practice/clock.js';
import {after, firstOf, unfinished} from '../../assets/practice/study.js';
import {openStore} from '../../assets/practice/store.js';

const FACTS = {most: 40, first: 'phantoms'};
const ROUND = {kind: 'phantoms', seed: 7, count: 2};
const FOUND = {name: 'Drawing 1', truth: 'mel', probabilities: [['nv', 0.75], ['mel', 0.25]]};
const DRAFT = {marks: [1, 2], diagnosis: 'mel', confidence: 80, criteria: ['streaks', 'cysts']};

/** An answer by hand. */
const answer = (truth, own, final, model, confidence = 60) => (
  {name: `${truth}-${own}-${final}-${model}`, truth, own, final, model, confidence, probability: 0.5, marks: [1], attended: null, hidden: null});

/** A round of two that is done: the first case as DRAFT has it, given up for the model's answer; the second alike. */
function finished() {
  let state = newRound(ROUND);
  for (const final of ['nv', 'mel']) {
    state = committed(drafted(state, DRAFT), 12);
    state = advanced(decided(state, final, FOUND));
  }
  return state;
}

test('a link gives its round, and the round its link', () => {
  assert.deepEqual(readLink('#practice?seed=7&n=2', FACTS), ROUND);
  assert.deepEqual(readLink('#practice?seed=7&n=2&of=cases', FACTS), {...ROUND, kind: 'cases'});
  assert.deepEqual(readLink(linkOf(ROUND), FACTS), ROUND);
});

for (const hash of ['', '#explore', '#practice', '#practice?seed=7', '#practice?n=2', '#practice?seed=-1&n=2',
  '#practice?seed=7&n=41', '#practice?seed=7&n=0', '#practice?seed=1e3&n=2', '#practice?seed=2147483648&n=2', '#practices?seed=7&n=2']) {
  test(`no round: ${hash || 'nothing'}`, () => assert.equal(readLink(hash, FACTS), null));
}

const OPTIONS = [
  {drill: 'mel', prevalence: 20, clock: 30}, {drill: 'only-mel-nv'}, {drill: 'wrong'}, {prevalence: 5}, {drill: 'bkl', phase: 'pre'},
];
for (const options of OPTIONS) {
  test(`the options of a round are in its link: ${JSON.stringify(options)}`, () => {
    assert.deepEqual(readLink(linkOf({...ROUND, ...options}), FACTS), {...ROUND, ...options});
    assert.ok(isState({...finished(), round: {...ROUND, ...options}}));
  });
}

for (const option of ['drill=', 'drill=nv', 'drill=only', 'drill=only-mole', 'prevalence=0', 'prevalence=100', 'prevalence=5&drill=wrong',
  'clock=4', 'clock=601', 'phase=mid']) {
  test(`no round: ${option}`, () => assert.equal(readLink(`#practice?seed=7&n=2&${option}`, FACTS), null));
}

test('a round of one class against the rest has two answers', () => {
  const round = {...ROUND, drill: 'mel'};
  assert.deepEqual(probabilitiesIn(round, FOUND.probabilities), [['rest', 0.75], ['mel', 0.25]]);
  assert.deepEqual(probabilitiesIn(ROUND, FOUND.probabilities), FOUND.probabilities);
  const state = committed(drafted(newRound(round), {...DRAFT, diagnosis: 'rest'}));
  const {answers: [one]} = decided(state, 'rest', {...FOUND, truth: 'nv'});
  assert.deepEqual([one.truth, one.class, one.own, one.model, one.probability], ['rest', 'nv', 'rest', 'rest', 0.75]);
});

test('weak classes are the least known, at most three, and of one alone also what it is taken for', () => {
  const codes = ['bcc', 'df', 'mel', 'nv'];
  assert.deepEqual(weakClasses(ANSWERS, codes), ['bcc', 'mel', 'nv']);
  assert.deepEqual(weakClasses([answer('mel', 'nv'), answer('mel', 'df'), answer('mel', 'nv'), answer('df', 'df')], codes), ['mel', 'nv']);
  assert.deepEqual(weakClasses([answer('mel', 'mel'), answer('rest', 'mel')], codes), []);
});

test('the clock goes on when the time is over', () => {
  assert.deepEqual([clockText(30, 0), clockText(30, 30), clockText(30, 31)], ['30 s left', '0 s left', '1 s over']);
});

test('a study goes from its first round to its second', () => {
  const first = {...finished(), round: {...ROUND, phase: 'pre'}};
  const second = {...finished(), round: after(first.round)};
  assert.equal(unfinished([finished(), first]), first);
  assert.equal(unfinished([first, second]), undefined);
  assert.equal(firstOf([finished(), first], second.round), first);
  const lines = csvOf([first, second], [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]).split('\r\n');
  assert.ok(lines[0].endsWith('phase,sus_1,sus_2,sus_3,sus_4,sus_5,sus_6,sus_7,sus_8,sus_9,sus_10'));
  assert.deepEqual(lines.slice(1, 5).map((line) => line.split(',').at(-11)), ['pre', 'pre', 'post', 'post']);
});

test('nothing is shown before all three are given, and a commit stands', () => {
  let state = newRound(ROUND);
  assert.equal(lacking(state.draft), 'Mark what decides, choose a diagnosis and say how sure you are first.');
  state = drafted(state, {marks: [3]});
  assert.equal(lacking(state.draft), 'Choose a diagnosis and say how sure you are first.');
  assert.equal(committed(state).stage, 'mark');
  state = committed(drafted(state, {diagnosis: 'nv', confidence: 20}));
  assert.equal(state.stage, 'model');
  assert.equal(drafted(state, {diagnosis: 'mel'}), state);
});

test('a case goes from mark to model to truth to the next, and the last to the score', () => {
  const state = finished();
  assert.equal(state.stage, 'score');
  assert.deepEqual(state.answers.map((a) => [a.at, a.own, a.final, a.truth, a.model, a.probability, a.confidence]), [
    [0, 'mel', 'nv', 'mel', 'nv', 0.75, 80], [1, 'mel', 'mel', 'mel', 'nv', 0.75, 80]]);
  assert.deepEqual(state.draft, {marks: [], diagnosis: '', confidence: 0, criteria: []});
  assert.equal(advanced(newRound(ROUND)).stage, 'mark'); // none is skipped
  assert.equal(decided(newRound(ROUND), 'nv', FOUND).answers.length, 0);
});

test('what is learnt later joins the last answer', () => {
  const done = completed(finished(), {hidden: {hit: 1, of: 2, cells: 48}});
  assert.deepEqual(done.answers.map((a) => a.hidden), [null, {hit: 1, of: 2, cells: 48}]);
});

test('arrows move on the grid and stay inside', () => {
  const go = (key, at) => moveOnGrid(key, at, 2, 3);
  assert.deepEqual(['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End'].map((key) => go(key, 1)), [1, 4, 0, 2, 0, 2]);
  assert.deepEqual(['ArrowDown', 'ArrowRight', 'End'].map((key) => go(key, 5)), [5, 5, 5]);
  assert.equal(go('a', 1), null);
});

test('marks are a set in order', () => {
  assert.deepEqual(marked([4], 2, true), [2, 4]);
  assert.deepEqual(marked([2, 4], 2, true), [2, 4]);
  assert.deepEqual(marked([2, 4], 2, false), [4]);
});

test('an overlap counts the marked among as many strongest', () => {
  const values = [0.1, 0.9, 0.5, 0.5, 0, 0, 0, 0];
  assert.deepEqual(strongest(values, 3), [1, 2, 3]);
  assert.deepEqual(overlap([1, 4], values), {hit: 1, of: 2, cells: 8});
  assert.deepEqual(overlap([1, 2], values), {hit: 2, of: 2, cells: 8});
  assert.equal(overlapText(overlap([1, 4], values), 'attended'), 'Of your 2 tiles, 1 is among the 2 that the model attended to most; by chance it would be 0.5.');
  assert.equal(overlapText(overlap([4], values), 'hidden', 'Melanoma'), 'Your one tile is not the one that lowers Melanoma most when it is hidden; by chance it would be 0.1.');
  assert.equal(overlap([...values.keys()], values).hit, 8); // who marks everything gets what chance gives
});

test('colours are full at the strongest, and faint where all is faint', () => {
  assert.equal(colorOf([0.2, 0.1], 0, 'attended'), 'rgba(230, 159, 0, 0.750)');
  assert.equal(colorOf([0.2, 0.1], 1, 'attended'), 'rgba(230, 159, 0, 0.375)');
  assert.equal(colorOf([0, 0], 0, 'attended'), 'rgba(230, 159, 0, 0.000)');
  assert.equal(colorOf([-0.5, 0.25], 0, 'hidden'), 'rgba(0, 114, 178, 0.750)');
  assert.equal(colorOf([0.01, 0], 0, 'hidden'), 'rgba(213, 94, 0, 0.150)');
});

const ANSWERS = [
  answer('mel', 'nv', 'mel', 'mel', 40), // helped
  answer('mel', 'mel', 'nv', 'nv', 60), // misled
  answer('nv', 'nv', 'nv', 'mel', 80), // resisted
  answer('nv', 'mel', 'mel', 'nv', 80), // unhelped
  answer('nv', 'nv', 'nv', 'nv', 95), // agreed
  answer('bcc', 'nv', 'mel', 'mel', 20), // moved from wrong to wrong
];

test('what the model did is told from before and after', () => {
  assert.deepEqual(ANSWERS.map(influence), ['helped', 'misled', 'resisted', 'unhelped', 'agreed', 'moved']);
  assert.deepEqual(influences(ANSWERS).misled, ['mel-mel-nv-nv']);
});

test('the score is by class, without classes that did not come', () => {
  assert.deepEqual(byClass(ANSWERS, ['bcc', 'df', 'mel', 'nv']), [['bcc', 1, 0, 0, 0], ['mel', 2, 1, 1, 1], ['nv', 3, 2, 2, 2]]);
  assert.deepEqual(totals(ANSWERS), [6, 3, 3, 3]);
});

test('calibration counts what was said against what came true', () => {
  assert.deepEqual(calibration(ANSWERS), [[20, 1, 0], [40, 1, 0], [60, 1, 1], [80, 2, 1], [95, 1, 1]]);
  assert.equal(overconfidence(ANSWERS), (40 + 60 + 80 + 80 + 95 + 20) / 6 - 50);
  const squares = [0.4 ** 2, 0.4 ** 2, 0.2 ** 2, 0.8 ** 2, 0.05 ** 2, 0.2 ** 2];
  assert.ok(Math.abs(brier(ANSWERS) - squares.reduce((a, b) => a + b) / 6) < 1e-12);
  assert.equal(brier([]), null);
  assert.equal(overconfidence([]), null);
});

test('overlaps are averaged over the cases that have one', () => {
  const some = [{...ANSWERS[0], hidden: {hit: 1, of: 2, cells: 8}}, {...ANSWERS[1], hidden: {hit: 1, of: 1, cells: 8}}, ANSWERS[2]];
  assert.deepEqual(meanOverlap(some, 'hidden'), [0.75, (2 / 8 + 1 / 8) / 2]);
  assert.equal(meanOverlap(some, 'attended'), null);
});

test('criteria are counted by the class that they were taken for', () => {
  const all = [{id: 'streaks', for: ['mel'], against: ['nv']}, {id: 'cysts', for: ['bkl'], against: ['mel']}, {id: 'scale', for: [], against: []}];
  const ticked = (a, criteria) => ({...a, criteria});
  const answers = [ticked(answer('mel', 'mel', 'mel', 'mel'), ['streaks', 'cysts']), ticked(answer('nv', 'mel', 'nv', 'nv'), ['streaks']),
    ticked(answer('nv', 'nv', 'nv', 'nv'), ['scale', 'streaks']), answer('nv', 'nv', 'nv', 'nv')];
  assert.deepEqual(takenFor(all, answers).map(([one, ...rest]) => [one.id, ...rest]), [
    ['streaks', 'mel', 2, 'for', 1], ['streaks', 'nv', 1, 'against', 1], ['cysts', 'mel', 1, 'against', 1], ['scale', 'nv', 1, 'neither', 1]]);
});

test('a round from before there were criteria is read, and criteria that are none are not', () => {
  const {criteria, ...answered} = finished().answers[0];
  const state = {...finished(), answers: [answered, answered]};
  assert.ok(isState(state));
  assert.deepEqual(takenFor([{id: 'streaks', for: [], against: []}], state.answers), []);
  assert.ok(csvOf([state]).includes('false,misled,2,,,,mel,'));
  assert.deepEqual(criteria, DRAFT.criteria);
  for (const wrong of ['streaks', [7], [['streaks']], {streaks: true}]) {
    assert.ok(!isState({...state, answers: [{...answered, criteria: wrong}, answered]}));
    assert.ok(!isState({...state, draft: {...state.draft, criteria: wrong}}));
  }
});

test('a CSV has a line a case, and no field of it is a formula', () => {
  const lines = csvOf([finished()]).split('\r\n');
  assert.equal(lines.length, 4);
  assert.equal(lines[1], 'phantoms-7-2,1,Drawing 1,mel,mel,true,80,nv,false,0.75,nv,false,misled,2,,,streaks cysts,mel,12,#practice?seed=7&n=2&of=phantoms,');
});

/** As much of localStorage as the store asks for. @param {boolean} full it refuses to keep */
const storage = (text = null, full = false) => {
  let kept = text;
  return {
    getItem: () => kept,
    setItem(_, value) {
      if (full) throw new Error('QuotaExceededError');
      kept = value;
    },
  };
};

test('a round goes on after a reload, and joins those that are done at its score', () => {
  const browser = storage();
  const half = advanced(decided(committed(drafted(newRound(ROUND), DRAFT)), 'nv', FOUND));
  openStore(browser).save(half);
  assert.deepEqual(openStore(browser).current(), half);
  openStore(browser).save(finished());
  const again = openStore(browser);
  assert.equal(again.current(), null);
  assert.deepEqual(again.done(), [finished()]);
  again.clear();
  assert.deepEqual(openStore(browser).done(), []);
});

test('without a store, or with a full one, the page remembers and says that it ends with it', () => {
  for (const browser of [null, storage(null, true)]) {
    const store = openStore(browser);
    store.save(newRound(ROUND));
    assert.deepEqual(store.current(), newRound(ROUND));
    assert.equal(store.keeps(), false);
  }
  assert.equal(openStore(storage()).keeps(), true);
});

for (const text of ['{', 'null', '[]', '{"current": 5, "done": [1, null, {}]}', '{"done": "x"}']) {
  test(`what a store holds that is no round is left out: ${text}`, () => {
    const store = openStore(storage(text));
    assert.equal(store.current(), null);
    assert.deepEqual(store.done(), []);
  });
}

test('a state is one only where all of it fits', () => {
  const good = finished();
  assert.ok(isState(good));
  assert.ok(isState(newRound(ROUND)));
  assert.ok(!isState({...good, at: 1}));
  assert.ok(!isState({...good, stage: 'other'}));
  assert.ok(!isState({...good, answers: [{...good.answers[0], confidence: 7}, good.answers[1]]}));
  assert.ok(!isState({...good, answers: [{...good.answers[0], hidden: {hit: '1'}}, good.answers[1]]}));
});
