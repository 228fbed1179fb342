// One case on the screen, through its stages: mark and commit, the model's answer, the truth.

import {make} from '../shared/elements.js';
import {radios} from './dom.js';
import {overlap, overlapText} from './marks.js';
import {markable, painted} from './picture.js';
import {CONFIDENCES, lacking} from './round.js';

const LAYERS = {marks: 'Your marks', attended: 'Where the model looked', hidden: 'What mattered when hidden'};
const points = (share) => `${(100 * share).toFixed(1)}%`;

const heading = (state, text) => make('h2', {tabindex: '-1'}, `Case ${state.at + 1} of ${state.round.count}: ${text}`);

function patientOf({age, sex, site}) {
  const known = [age === null ? null : `${age} years`, sex, site].filter(Boolean);
  return known.length ? known.join(', ') : 'nothing is known of the patient';
}

/** Commit first. @param {{draft: Function, commit: Function}} acts */
export function markPanel(state, found, facts, acts) {
  const commit = make('button', {type: 'button', class: 'pr-button pr-main', onclick: acts.commit}, 'Commit');
  const hint = make('p', {class: 'pr-fine', role: 'status'});
  const follow = (draft) => {
    hint.textContent = lacking(draft) || 'Once committed, this answer stands.';
    commit.disabled = Boolean(lacking(draft));
  };
  const change = (changes) => follow(acts.draft(changes));
  const panel = make('div', {},
    heading(state, 'what is it?'),
    make('div', {class: 'pr-two'},
      make('section', {}, markable(found, state.draft.marks, (marks) => change({marks})),
        make('p', {class: 'pr-fine'}, found.note)),
      make('section', {},
        make('p', {}, `Patient: ${patientOf(found.patient)}.`),
        make('p', {class: 'pr-fine'}, 'Drag over what decides, or use the arrow keys and Space.'),
        radios('own', 'Your diagnosis', facts.classes.map(([code, name]) => [code, name]), state.draft.diagnosis,
          (diagnosis) => change({diagnosis})),
        radios('confidence', 'How sure are you?', CONFIDENCES.map((c) => [String(c), `${c}%`]),
          String(state.draft.confidence), (confidence) => change({confidence: Number(confidence)})),
        hint, commit)));
  follow(state.draft);
  return panel;
}

/** The model's answer; the own one may be changed. @param {{decide: (final: string) => void}} acts */
export function modelPanel(state, found, facts, names, acts) {
  let final = state.draft.diagnosis;
  const [top, p] = found.probabilities[0];
  return make('div', {},
    heading(state, 'the model says'),
    make('div', {class: 'pr-two'},
      picturePart(state.draft.marks, found, names, ['marks', 'attended'], 'attended'),
      make('section', {},
        make('p', {}, `You: ${names[state.draft.diagnosis]}, ${state.draft.confidence}% sure. The model: ${names[top]}, ${points(p)}.`),
        bars(found, facts),
        ...found.doubts.map((sentence) => make('p', {}, `It is not sure: ${sentence}`)),
        radios('final', 'Your answer now', facts.classes.map(([code, name]) => [code, name]), final, (code) => { final = code; }),
        make('button', {type: 'button', class: 'pr-button pr-main', onclick: () => acts.decide(final)}, 'Show the truth'))));
}

/** The truth, and how far the marks lie where the model looked. @param {{next: Function}} acts */
export function truthPanel(state, found, facts, names, acts) {
  const answer = state.answers.at(-1);
  const said = (code) => `${names[code]} (${code === answer.truth ? 'right' : 'wrong'})`;
  const last = state.at + 1 === state.round.count;
  return make('div', {},
    heading(state, `it is ${names[answer.truth]}`),
    make('div', {class: 'pr-two'},
      picturePart(
        answer.marks, found, names, found.effect ? ['marks', 'attended', 'hidden'] : ['marks', 'attended'],
        found.effect ? 'hidden' : 'attended'),
      make('section', {},
        make('p', {class: 'pr-right'}, `${names[answer.truth]}: ${found.how}.`),
        make('p', {}, `You: ${said(answer.own)}, ${answer.confidence}% sure; after the model: ${said(answer.final)}.`),
        make('p', {}, `The model: ${said(answer.model)}, ${points(answer.probability)}.`),
        make('p', {'data-overlap': 'attended'}, overlapText(overlap(answer.marks, found.attended), 'that the model attended to most')),
        make('p', {class: 'pr-fine'}, `Attention here is ${found.looked}. It says where the network read from, not why it answered.`),
        found.effect
          ? make('div', {},
            make('p', {'data-overlap': 'hidden'}, overlapText(
              overlap(answer.marks, found.effect), `that lower ${names[found.label]} most when they are hidden`)),
            make('p', {class: 'pr-fine'}, found.sentence))
          : make('p', {class: 'pr-fine', 'data-part': 'wait'}, found.failed
            ? 'What mattered when hidden could not be asked.' : 'Hiding one tile after the other; this takes some seconds.'),
        make('button', {type: 'button', class: 'pr-button pr-main', onclick: acts.next}, last ? 'Score' : 'Next case'))));
}

function bars(found, facts) {
  const info = Object.fromEntries(facts.classes.map(([code, name, nature]) => [code, {name, nature}]));
  return make('ol', {class: 'pr-bars', 'aria-label': 'Probability of each class'}, ...found.probabilities.map(([code, p]) => make('li', {},
    make('span', {}, `${info[code].name}${info[code].nature === 'benign' ? '' : ` (${info[code].nature})`}`),
    make('span', {}, points(p)),
    make('span', {class: `pr-track pr-${info[code].nature}`, 'aria-hidden': 'true'}, make('span', {style: `width: ${(100 * p).toFixed(2)}%`})))));
}

function picturePart(marks, found, names, layers, first) {
  const holder = make('div', {});
  const captions = {
    marks: 'Framed: what you marked.',
    attended: `Yellow: ${found.looked}, stronger where there is more. Framed: what you marked.`,
    hidden: `Orange: hiding it lowers ${names[found.label]}; blue: hiding it raises it. Framed: what you marked.`,
  };
  const show = (layer) => holder.replaceChildren(painted(
    found, marks, layer, {attended: found.attended, hidden: found.effect}[layer] ?? null, captions[layer]));
  show(first);
  return make('section', {}, holder,
    radios('layer', 'On the picture', layers.map((layer) => [layer, LAYERS[layer]]), first, show),
    make('p', {class: 'pr-fine'}, found.note));
}
