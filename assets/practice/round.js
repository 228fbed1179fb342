// A round of practice as a value: what was drawn, how far it is, what was answered. Nothing here touches the page.
//
// One case goes through four stages: 'mark' (the trainee commits), 'model' (its answer is shown and the own one may be
// changed), 'truth', and then the next case; after the last one the round is at 'score'.

import {t} from '../shared/i18n.js';

export const CONFIDENCES = [20, 40, 60, 80, 95]; // percent
export const LAST_SEED = 2 ** 31 - 1;
export const REST = 'rest'; // every class but the one that a round of two answers is about
export const LONGEST_CLOCK = 600; // seconds
const DRILL = /^(mel|bkl|wrong|only(-(akiec|bcc|bkl|df|mel|nv|vasc)){1,7})$/;

/**
 * The cases of a round and what is asked of them. drill: 'mel' or 'bkl' for this class against the rest, 'wrong' for
 * cases that the model gets wrong, 'only-mel-nv' for cases of these classes; none: all seven. prevalence: of melanoma,
 * or of the class in question, in percent; none: each answer equally often. clock: seconds for a case. phase: of a study.
 * @typedef {{kind: string, seed: number, count: number, drill?: string, prevalence?: number, clock?: number,
 *   phase?: 'pre'|'post'}} Round
 */

/**
 * What a link asks for: '#practice?seed=7&n=5', with '&of=phantoms', 'cases' or 'own', and the options of a round.
 * @param {string} hash @param {{most: number, first: string}} facts
 * @returns {?Round} null where it is no such link
 */
export function readLink(hash, facts) {
  const [place, query = ''] = hash.replace(/^#/, '').split('?');
  if (place !== 'practice') return null;
  const values = new URLSearchParams(query);
  const number = (name, most) => {
    const text = values.get(name) ?? '';
    return /^\d{1,10}$/.test(text) && Number(text) <= most ? Number(text) : null;
  };
  const [seed, count] = [number('seed', LAST_SEED), number('n', facts.most)];
  const kind = ['phantoms', 'cases', 'own'].includes(values.get('of')) ? values.get('of') : facts.first;
  /** @type {any} */
  const round = {kind, seed, count};
  if (values.has('drill')) round.drill = values.get('drill');
  if (values.has('prevalence')) round.prevalence = number('prevalence', 99);
  if (values.has('clock')) round.clock = number('clock', LONGEST_CLOCK);
  if (values.has('phase')) round.phase = values.get('phase');
  return seed === null || !count || !hasValidOptions(round) ? null : round;
}

/** Whether the options of a round are among those that there are. */
function hasValidOptions({drill, prevalence, clock, phase}) {
  return (drill === undefined || DRILL.test(drill)) && (prevalence === undefined || (prevalence >= 1 && canHaveMix(drill)))
    && (clock === undefined || clock >= 5) && (phase === undefined || phase === 'pre' || phase === 'post');
}

/** Whether the mix of such a round can be set. */
export const canHaveMix = (drill) => !drill || drill === 'mel' || drill === 'bkl';

/** The link of a round, which gives a whole class the same one. */
export const linkOf = ({kind, seed, count, ...options}) => `#practice?seed=${seed}&n=${count}&of=${kind}${
  ['drill', 'prevalence', 'clock', 'phase'].filter((name) => options[name]).map((name) => `&${name}=${options[name]}`).join('')}`;

/** The class that a round of two answers is about; '' where there are seven answers. @param {Round} round */
export const targetOf = ({drill}) => (drill === 'mel' || drill === 'bkl' ? drill : '');

/** A class as the answers of a round name it. @param {Round} round @param {string} code */
export const answerFor = (round, code) => (targetOf(round) && code !== targetOf(round) ? REST : code);

/**
 * The model's probabilities of the answers of a round, the largest first.
 * @param {Round} round @param {Array<[string, number]>} probabilities @returns {Array<[string, number]>}
 */
export function probabilitiesIn(round, probabilities) {
  const target = targetOf(round);
  if (!target) return probabilities;
  const p = probabilities.find(([code]) => code === target)[1];
  return p > 0.5 ? [[target, p], [REST, 1 - p]] : [[REST, 1 - p], [target, p]];
}

export const isSameRound = (a, b) => Boolean(a && b) && linkOf(a) === linkOf(b);

/** A round that has not begun. */
export const newRound = (round) => ({round, at: 0, stage: 'mark', draft: emptyDraft(), answers: []});

const emptyDraft = () => ({marks: [], diagnosis: '', confidence: 0, criteria: []});

/** The same round with the draft of the present case changed; once committed, nothing changes it. */
export const drafted = (state, changes) => (
  state.stage === 'mark' ? {...state, draft: {...state.draft, ...changes}} : state);

/** What is lacking before a commit, as a sentence; '' when nothing is. */
export function lacking({marks, diagnosis, confidence}) {
  const parts = [marks.length ? '' : 'marks', diagnosis ? '' : 'diagnosis', confidence ? '' : 'confidence'].filter(Boolean);
  return parts.length ? t(`practice.lack.${parts.join('-')}`) : '';
}

/** The draft is committed: from now on it stands. @param {Object} state @param {?number} [seconds] since the case was shown */
export const committed = (state, seconds = null) => (
  state.stage === 'mark' && !lacking(state.draft) ? {...state, stage: 'model', draft: {...state.draft, seconds}} : state);

/**
 * The trainee has seen the model's answer and keeps or changes the own one; the truth comes.
 * @param {string} final code @param {{name: string, truth: string, probabilities: Array}} found of the case
 */
export function decided(state, final, found) {
  if (state.stage !== 'model') return state;
  const {round, draft} = state;
  const [model, probability] = probabilitiesIn(round, found.probabilities)[0];
  const answer = {
    at: state.at, name: found.name, truth: answerFor(round, found.truth), class: found.truth, own: draft.diagnosis,
    confidence: draft.confidence, final, model, probability, seconds: draft.seconds, marks: draft.marks,
      criteria: draft.criteria ?? [], attended: null, hidden: null,
  };
  return {...state, stage: 'truth', answers: [...state.answers, answer]};
}

/** The last answer with what is known of it by now, such as how far its mark overlaps with what mattered. */
export const completed = (state, changes) => ({
  ...state, answers: state.answers.map((a, i) => (i === state.answers.length - 1 ? {...a, ...changes} : a)),
});

/** The next case, or the score after the last. */
export function advanced(state) {
  if (state.stage !== 'truth') return state;
  const at = state.at + 1;
  return at < state.round.count
    ? {...state, at, stage: 'mark', draft: emptyDraft()}
    : {...state, at, stage: 'score', draft: emptyDraft()};
}

/** Whether something read from elsewhere is such a state; a browser's store may hold anything. */
export function isState(value, most = 1000) {
  const isText = (text) => typeof text === 'string' && text.length < 100;
  const isCount = (number) => Number.isInteger(number) && number >= 0;
  const isMarks = (marks) => Array.isArray(marks) && marks.length <= most && marks.every(isCount);
  const isCriteria = (ids) => ids === undefined || (Array.isArray(ids) && ids.length <= 100 && ids.every(isText)); // not in older rounds
  const isOverlap = (one) => one === null || [one?.hit, one?.of, one?.cells].every(isCount);
  const round = value?.round;
  const draft = value?.draft;
  return Boolean(round && draft) && isText(round.kind) && isCount(round.seed) && isCount(round.count) && hasValidOptions(round)
    && ['mark', 'model', 'truth', 'score'].includes(value.stage) && isCount(value.at) && value.at <= round.count
    && isMarks(draft.marks) && isCriteria(draft.criteria) && isText(draft.diagnosis) && isCount(draft.confidence)
    && Array.isArray(value.answers) && value.answers.length <= round.count
    && value.answers.length === value.at + (value.stage === 'truth' ? 1 : 0)
    && value.answers.every((a) => [a?.name, a?.truth, a?.own, a?.final, a?.model].every(isText)
      && CONFIDENCES.includes(a.confidence) && typeof a.probability === 'number' && isMarks(a.marks) && isCriteria(a.criteria)
      && (a.class === undefined || isText(a.class)) && isCount(a.seconds ?? 0)
      && isOverlap(a.attended) && isOverlap(a.hidden));
}
