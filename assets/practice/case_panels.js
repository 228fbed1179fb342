// One case on the screen, through its stages: mark and commit, the model's answer, the truth.

import {make} from '../shared/dom.js';
import {radios} from './controls.js';
import {criteriaCompared, criteriaField} from './criteria.js';
import {overlap, overlapText} from './marks.js';
import {markable, painted} from './picture.js';
import {clock} from './clock.js';
import {CONFIDENCES, lacking, probabilitiesIn, REST, targetOf} from './round.js';
import {roundText} from './round_options.js';
import {localized, named, said, t} from '../shared/i18n.js';

const LAYERS = {marks: t('practice.marks'), attended: t('practice.where'), hidden: t('practice.mattered')};
const points = (share) => localized(`${(100 * share).toFixed(1)}%`);

const heading = (state, text) => make('h2', {tabindex: '-1'}, t('practice.case-of', {at: state.at + 1, of: state.round.count, what: text}));

/** The answers of a round: code, name, nature. */
function choices(facts, round) {
  const target = targetOf(round);
  return target ? [facts.classes.find(([code]) => code === target), [REST, t('practice.rest'), '']] : facts.classes;
}

const classRadios = (name, legend, facts, round, chosen, choose) => radios(
  name, legend, choices(facts, round).map(([code, text]) => [code, named(text)]), chosen, choose);

function patientOf({age, sex, site}) {
  const known = [age === null ? null : t('patient.years', {n: age}), sex && named(sex), site && named(site)].filter(Boolean);
  return known.length ? known.join(', ') : t('practice.nothing-known');
}

/** Commit first. @param {{draft: Function, commit: Function, elapsed: function(): number}} actions */
export function markPanel(state, caseData, facts, names, actions) {
  const commit = make('button', {type: 'button', class: 'pr-button pr-main', onclick: actions.commit}, t('practice.commit'));
  const hint = make('p', {class: 'pr-fine', role: 'status'});
  const follow = (draft) => {
    hint.textContent = lacking(draft) || t('practice.stands');
    commit.disabled = Boolean(lacking(draft));
  };
  const change = (changes) => follow(actions.draft(changes));
  const about = roundText(state.round, names);
  const panel = make('div', {},
    heading(state, t('practice.what-is-it')),
    about ? make('p', {class: 'pr-fine'}, about) : null,
    clock(state.round.clock, actions.elapsed),
    make('div', {class: 'pr-two'},
      make('section', {}, markable(caseData, state.draft.marks, (marks) => change({marks})),
        make('p', {class: 'pr-fine'}, said(caseData.note))),
      criteriaField(facts.criteria, state.draft.criteria ?? [], (criteria) => change({criteria})),
      make('section', {},
        make('p', {}, t('practice.patient', {patient: patientOf(caseData.patient)})),
        make('p', {class: 'pr-fine'}, t('practice.drag')),
        classRadios('own', t('practice.diagnosis'), facts, state.round, state.draft.diagnosis, (diagnosis) => change({diagnosis})),
        radios('confidence', t('practice.sure'), CONFIDENCES.map((c) => [String(c), localized(`${c}%`)]),
          String(state.draft.confidence), (confidence) => change({confidence: Number(confidence)})),
        hint, commit)));
  follow(state.draft);
  return panel;
}

/** The model's answer; the own one may be changed. @param {{decide: (final: string) => void}} actions */
export function modelPanel(state, caseData, facts, names, actions) {
  let final = state.draft.diagnosis;
  const [top, p] = probabilitiesIn(state.round, caseData.probabilities)[0];
  return make('div', {},
    heading(state, t('practice.model-says')),
    make('div', {class: 'pr-two'},
      picturePart(state.draft.marks, caseData, names, ['marks', 'attended'], 'attended'),
      make('section', {},
        make('p', {}, t('practice.you-model', {own: names[state.draft.diagnosis], sure: `${state.draft.confidence}%`, model: names[top], p: points(p)})),
        bars(state.round, caseData, facts),
        ...caseData.doubts.map((sentence) => make('p', {}, t('practice.unsure', {why: sentence}))),
        classRadios('final', t('practice.now'), facts, state.round, final, (code) => { final = code; }),
        make('button', {type: 'button', class: 'pr-button pr-main', onclick: () => actions.decide(final)}, t('practice.show')))));
}

/** The truth, and how far the marks lie where the model looked. @param {{next: Function}} actions */
export function truthPanel(state, caseData, facts, names, actions) {
  const answer = state.answers.at(-1);
  const judged = (code) => t(code === answer.truth ? 'practice.right' : 'practice.wrong', {name: names[code]});
  const last = state.at + 1 === state.round.count;
  return make('div', {},
    heading(state, t('practice.it-is', {name: names[caseData.truth]})),
    make('div', {class: 'pr-two'},
      picturePart(
        answer.marks, caseData, names, caseData.effect ? ['marks', 'attended', 'hidden'] : ['marks', 'attended'],
        caseData.effect ? 'hidden' : 'attended'),
      make('section', {},
        make('p', {class: 'pr-right'}, t('practice.how', {name: names[caseData.truth], how: caseData.how})),
        make('p', {}, t('practice.you-after', {own: judged(answer.own), sure: `${answer.confidence}%`, final: judged(answer.final)})),
        make('p', {}, t('practice.model-was', {model: judged(answer.model), p: points(answer.probability)})),
        make('p', {'data-overlap': 'attended'}, overlapText(overlap(answer.marks, caseData.attended), 'attended')),
        make('p', {class: 'pr-fine'}, t('practice.attention-is', {what: caseData.looked})),
        caseData.effect
          ? make('div', {},
            make('p', {'data-overlap': 'hidden'}, overlapText(
              overlap(answer.marks, caseData.effect), 'hidden', names[caseData.label])),
            make('p', {class: 'pr-fine'}, said(caseData.sentence)))
          : make('p', {class: 'pr-fine', 'data-part': 'wait'}, caseData.failed
            ? t('practice.no-hidden') : t('practice.hiding')),
        make('button', {type: 'button', class: 'pr-button pr-main', onclick: actions.next}, last ? t('practice.score') : t('practice.next')))),
    criteriaCompared(facts.criteria, answer, names));
}

function bars(round, caseData, facts) {
  const info = Object.fromEntries(choices(facts, round).map(([code, name, nature]) => [code, {name, nature}]));
  return make('ol', {class: 'pr-bars', 'aria-label': t('practice.bars')}, ...probabilitiesIn(round, caseData.probabilities).map(([code, p]) => make('li', {},
    make('span', {}, ['benign', ''].includes(info[code].nature) ? named(info[code].name) : `${named(info[code].name)} (${t(`nature.${info[code].nature}`)})`),
    make('span', {}, points(p)),
    make('span', {class: `pr-track pr-${info[code].nature || 'benign'}`, 'aria-hidden': 'true'}, make('span', {style: `width: ${(100 * p).toFixed(2)}%`})))));
}

function picturePart(marks, caseData, names, layers, first) {
  const holder = make('div', {});
  const captions = {
    marks: t('practice.framed'),
    attended: t('practice.yellow', {what: caseData.looked}),
    hidden: t('practice.orange-blue', {name: names[caseData.label]}),
  };
  const show = (layer) => holder.replaceChildren(painted(
    caseData, marks, layer, {attended: caseData.attended, hidden: caseData.effect}[layer] ?? null, captions[layer]));
  show(first);
  return make('section', {}, holder,
    radios('layer', t('practice.layer'), layers.map((layer) => [layer, LAYERS[layer]]), first, show),
    make('p', {class: 'pr-fine'}, said(caseData.note)));
}
