// A round as a CSV file. Nothing here touches the page.

import {csvText} from '../shared/csv.js';
import {linkOf} from './round.js';
import {influence} from './score.js';

const HEAD = [
  'round', 'case', 'name', 'truth', 'own', 'own_right', 'confidence_percent', 'model', 'model_right',
  'model_probability', 'final', 'final_right', 'influence', 'marked_tiles', 'tiles_attended', 'tiles_that_mattered', 'criteria',
  'class', 'seconds', 'link', 'phase',
];

/**
 * A head, and a line for each case of one round, or of both rounds of a study.
 * @param {Array<{round: import('./round.js').Round, answers: Array<any>}>} states @param {number[]} [sus] answers to the ten questions
 */
export function csvOf(states, sus = []) {
  const rows = states.flatMap(({round, answers}) => answers.map((a, i) => [
    `${round.kind}-${round.seed}-${round.count}`, i + 1, a.name, a.truth, a.own, a.own === a.truth, a.confidence, a.model, a.model === a.truth, a.probability,
    a.final, a.final === a.truth, influence(a), a.marks.length, a.attended?.hit, a.hidden?.hit,
    (a.criteria ?? []).join(' '), a.class ?? a.truth, a.seconds, linkOf(round), round.phase, ...sus,
  ]));
  return csvText([[...HEAD, ...sus.map((_, i) => `sus_${i + 1}`)], ...rows]);
}
