// A round as a CSV file. Nothing here touches the page.

import {influence} from './score.js';

const HEAD = [
  'round', 'case', 'name', 'truth', 'own', 'own_right', 'confidence_percent', 'model', 'model_right',
  'model_probability', 'final', 'final_right', 'influence', 'marked_tiles', 'tiles_attended', 'tiles_that_mattered',
];

/** A field: quoted where it has to be; what a spreadsheet would take for a formula is text. */
export function field(value) {
  const text = String(value ?? '');
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line a case, with a head; lines end as RFC 4180 has them. */
export function csvOf({round, answers}) {
  const name = `${round.kind}-${round.seed}-${round.count}`;
  const rows = answers.map((a, i) => [
    name, i + 1, a.name, a.truth, a.own, a.own === a.truth, a.confidence, a.model, a.model === a.truth, a.probability,
    a.final, a.final === a.truth, influence(a), a.marks.length, a.attended?.hit, a.hidden?.hit,
  ]);
  return [HEAD, ...rows].map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';
}
