// Lessons: where next and back lead, keys, links, what was predicted, what is kept, words.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {rpcClient} from '../../assets/shared/rpc.js';
import {beatsOf, keyMove, linkOf, moved, readLink} from '../../assets/lesson_panel/navigation.js';
import {judged, numberOf, offText, saidText, tally} from '../../assets/lesson_panel/prediction.js';
import {isPlace, isProgress, openStore} from '../../assets/lesson_panel/store.js';
import {messagesOf} from '../../assets/lesson_panel/messages.js';

const ASKED = {shows: true, asks: {choices: []}, waits: false};

test('a presenter sees one thing after the other', () => {
  assert.deepEqual(beatsOf(null), ['say']);
  assert.deepEqual(beatsOf({shows: false, asks: null}), ['say']);
  assert.deepEqual(beatsOf(ASKED), ['say', 'look', 'ask', 'truth']);
  assert.deepEqual(beatsOf({...ASKED, waits: true}), ['say', 'ask', 'truth', 'look']);
});

test('next and back go through the beats of a step, then to the next step', () => {
  const beats = beatsOf(ASKED);
  let place = {at: 0, beat: 0};
  const seen = [];
  for (let i = 0; i < 5; i++) {
    seen.push([place.at, place.beat]);
    place = moved(place, 1, beats, 2);
  }
  assert.deepEqual(seen, [[0, 0], [0, 1], [0, 2], [0, 3], [1, 0]]);
  assert.deepEqual(moved({at: 1, beat: 0}, -1, beats, 2), {at: 0, beat: -1}); // the last beat of the step before
  assert.deepEqual(moved({at: 0, beat: 0}, -1, beats, 2), {at: 0, beat: 0});
  assert.deepEqual(moved({at: 1, beat: 3}, 1, beats, 2), {at: 2, beat: 0}); // the end
  assert.deepEqual(moved({at: 2, beat: 0}, 1, ['say'], 2), {at: 2, beat: 0});
  assert.deepEqual(moved({at: 2, beat: 0}, -1, ['say'], 2), {at: 1, beat: -1});
});

test('keys of the presenter leave fields their own', () => {
  const key = (name, more = {}) => ({key: name, ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, ...more});
  for (const name of ['ArrowRight', 'PageDown', ' ']) assert.equal(keyMove(key(name), false), 1);
  for (const name of ['ArrowLeft', 'PageUp']) assert.equal(keyMove(key(name), false), -1);
  assert.equal(keyMove(key('Escape'), true), 0);
  assert.equal(keyMove(key('PageDown'), true), 1); // what a remote sends
  assert.equal(keyMove(key('ArrowRight'), true), null);
  assert.equal(keyMove(key('a'), false), null);
  assert.equal(keyMove(key('ArrowRight', {ctrlKey: true}), false), null);
});

test('an address leads to a lesson and a step of it', () => {
  const lessons = [{name: 'heads', steps: 5}];
  assert.deepEqual(readLink(linkOf('heads'), lessons), {name: 'heads', at: 0});
  assert.deepEqual(readLink('#lessons?of=heads&step=3', lessons), {name: 'heads', at: 2});
  assert.deepEqual(readLink('#lessons?of=heads&step=99', lessons), {name: 'heads', at: 4});
  for (const hash of ['', '#lessons', '#lessons?of=tails', '#practice?of=heads', '#lessons?step=2']) {
    assert.equal(readLink(hash, lessons), null, hash);
  }
});

test('a prediction is right, or so far off', () => {
  const choice = {choices: [['up', 'It rises'], ['down', 'It falls']], unit: ''};
  const number = {choices: [], unit: '%', least: 0, most: 100};
  assert.equal(judged(choice, 'up', {key: 'up', number: null}).right, true);
  assert.equal(judged(choice, 'down', {key: 'up', number: null}).right, false);
  assert.equal(judged(choice, 'up', {key: null, number: null}).right, null); // the model does not have it
  assert.equal(judged(number, 30, {key: null, number: 84.5}).off, 54.5);
  assert.deepEqual(judged(number, null, {key: null, number: 1}), {said: null, right: null, off: null});
  assert.equal(saidText(choice, 'down'), 'It falls');
  assert.equal(saidText(number, 30), '30%');
  assert.equal(offText(54.5, '%'), '55 points');
  assert.equal(offText(0.25, ''), '0.3');
  assert.deepEqual(tally({0: {right: true}, 1: {right: false}, 2: {right: null}}), {right: 1, of: 2});
});

test('a number that is none, or lies outside, is no prediction', () => {
  const asks = {least: 0, most: 100};
  assert.equal(numberOf('12,5', asks), 12.5);
  assert.equal(numberOf(' 0 ', asks), 0);
  for (const text of ['', ' ', 'x', '101', '-1', 'Infinity']) assert.equal(numberOf(text, asks), null, text);
});

const memory = () => {
  const kept = new Map();
  return {getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text)};
};

test('progress and predictions are found again, in this browser', () => {
  const [storage, session] = [memory(), memory()];
  const store = openStore(storage, session);
  assert.equal(store.current(), null);
  store.place({name: 'heads', at: 2});
  store.answer('heads', 2, {said: 4, right: null, off: 4});
  store.place({name: 'heads', at: 1});
  store.finish('heads');
  store.setOpen(true);
  const again = openStore(storage, session);
  assert.deepEqual(again.current(), {name: 'heads', at: 1});
  assert.deepEqual(again.of('heads'), {reached: 2, done: true, answers: {2: {said: 4, right: null, off: 4}}});
  assert.equal(again.wasOpen(), true);
  again.begin('heads');
  assert.deepEqual(again.of('heads'), {reached: 0, done: true, answers: {}});
  assert.deepEqual(openStore(memory(), memory()).of('heads'), {reached: 0, done: false, answers: {}}); // another browser
  again.clear();
  assert.equal(openStore(storage, session).of('heads').done, false);
});

test('a browser that keeps nothing remembers until the page ends', () => {
  const refuses = {getItem() { throw new Error('refused'); }, setItem() { throw new Error('refused'); }};
  const store = openStore(refuses, refuses);
  store.place({name: 'heads', at: 3});
  store.setOpen(true);
  assert.deepEqual([store.keeps(), store.of('heads').reached, store.wasOpen()], [false, 3, false]);
  assert.equal(openStore(null, null).keeps(), false);
});

test('what lies in a store and is no progress is as good as nothing', () => {
  for (const value of [null, {}, {reached: -1, done: false, answers: {}}, {reached: 0, done: 1, answers: {}},
    {reached: 0, done: true, answers: {x: {said: 1, right: null, off: null}}},
    {reached: 0, done: true, answers: {1: {said: {}, right: null, off: null}}}]) assert.equal(isProgress(value), false);
  assert.equal(isPlace({name: 'a', at: 1.5}), false);
  for (const text of ['{', '3', '{"current": {"name": 3}, "lessons": {"a": {"reached": "x"}}}', '{"lessons": 7}']) {
    const store = openStore({getItem: () => text, setItem() {}}, null);
    assert.deepEqual([store.current(), store.of('a').reached], [null, 0]);
  }
});

test('one question at a time, and only its own answer counts', async () => {
  const sent = [];
  const {call: ask, receive: hear} = rpcClient((event, question) => sent.push([event, question]), () => 'silent');
  const [first, second] = [ask('click', {ask: 'step'}), ask('submit', {at: 1})];
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(sent, [['click', {ask: 'step', ticket: 1}]]);
  hear('{"ticket": 7, "html": "of another"}');
  hear('no JSON');
  hear('{"ticket": 1, "html": "one"}');
  assert.equal((await first).html, 'one');
  await new Promise((resolve) => { setTimeout(resolve, 5); });
  assert.equal(sent.length, 2);
  hear('{"ticket": 2, "error": "no"}');
  assert.equal((await second).error, 'no');
});

test('words come in a language that is there, English where one is missing', () => {
  const facts = {words: {en: {step: 'step {at} of {of}', next: 'Next'}, de: {step: 'Schritt {at} von {of}'}}};
  for (const wanted of [undefined, '', 'fr', '__proto__']) assert.equal(messagesOf(facts, wanted).language, 'en');
  const {language, say} = messagesOf(facts, 'de-AT');
  assert.equal(language, 'de');
  assert.equal(say('step', {at: 2, of: 5}), 'Schritt 2 von 5');
  assert.equal(say('next'), 'Next');
  assert.equal(say('unknown'), 'unknown');
});
