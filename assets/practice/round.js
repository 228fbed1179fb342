// A round of practice as a value: what was drawn, how far it is, what was answered. Nothing here touches the page.
//
// One case goes through four stages: 'mark' (the trainee commits), 'model' (its answer is shown and the own one may be
// changed), 'truth', and then the next case; after the last one the round is at 'score'.

export const CONFIDENCES = [20, 40, 60, 80, 95]; // percent
export const LAST_SEED = 2 ** 31 - 1;

/**
 * What a link asks for: '#practice?seed=7&n=5', with '&of=phantoms', 'cases' or 'own'.
 * @param {string} hash @param {{most: number, first: string}} facts
 * @returns {?{kind: string, seed: number, count: number}} null where it is no such link
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
  return seed === null || !count ? null : {kind, seed, count};
}

/** The link of a round, which gives a whole class the same one. */
export const linkOf = ({kind, seed, count}) => `#practice?seed=${seed}&n=${count}&of=${kind}`;

export const isSameRound = (a, b) => Boolean(a && b) && linkOf(a) === linkOf(b);

/** A round that has not begun. */
export const newRound = (round) => ({round, at: 0, stage: 'mark', draft: emptyDraft(), answers: []});

const emptyDraft = () => ({marks: [], diagnosis: '', confidence: 0});

/** The same round with the draft of the present case changed; once committed, nothing changes it. */
export const drafted = (state, changes) => (
  state.stage === 'mark' ? {...state, draft: {...state.draft, ...changes}} : state);

/** What is lacking before a commit, as a sentence; '' when nothing is. */
export function lacking({marks, diagnosis, confidence}) {
  const parts = [
    marks.length ? '' : 'mark what decides', diagnosis ? '' : 'choose a diagnosis',
    confidence ? '' : 'say how sure you are',
  ].filter(Boolean);
  if (!parts.length) return '';
  const text = parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : parts[0];
  return `${text[0].toUpperCase()}${text.slice(1)} first.`;
}

/** The draft is committed: from now on it stands. */
export const committed = (state) => (state.stage === 'mark' && !lacking(state.draft) ? {...state, stage: 'model'} : state);

/**
 * The trainee has seen the model's answer and keeps or changes the own one; the truth comes.
 * @param {string} final code @param {{name: string, truth: string, probabilities: Array}} found of the case
 */
export function decided(state, final, found) {
  if (state.stage !== 'model') return state;
  const [model, probability] = found.probabilities[0];
  const answer = {
    at: state.at, name: found.name, truth: found.truth, own: state.draft.diagnosis,
    confidence: state.draft.confidence, final, model, probability, marks: state.draft.marks, attended: null, hidden: null,
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
  const isOverlap = (one) => one === null || [one?.hit, one?.of, one?.cells].every(isCount);
  const round = value?.round;
  const draft = value?.draft;
  return Boolean(round && draft) && isText(round.kind) && isCount(round.seed) && isCount(round.count)
    && ['mark', 'model', 'truth', 'score'].includes(value.stage) && isCount(value.at) && value.at <= round.count
    && isMarks(draft.marks) && isText(draft.diagnosis) && isCount(draft.confidence)
    && Array.isArray(value.answers) && value.answers.length <= round.count
    && value.answers.length === value.at + (value.stage === 'truth' ? 1 : 0)
    && value.answers.every((a) => [a?.name, a?.truth, a?.own, a?.final, a?.model].every(isText)
      && CONFIDENCES.includes(a.confidence) && typeof a.probability === 'number' && isMarks(a.marks)
      && isOverlap(a.attended) && isOverlap(a.hidden));
}
