// Before a round and after it: its length and seed, the link for a class, the score, and what was done before.

import {csvOf} from './csv.js';
import {make} from '../shared/elements.js';
import {radios, table} from './dom.js';
import {download} from '../shared/saving.js';
import {LAST_SEED, linkOf} from './round.js';
import {brier, byClass, calibration, INFLUENCES, influences, meanOverlap, overconfidence, totals} from './score.js';
import {stepsPanel} from './steps.js';

const percent = (share) => `${Math.round(100 * share)}%`;
const button = (text, onclick, main = false) => make(
  'button', {type: 'button', class: `pr-button${main ? ' pr-main' : ''}`, onclick}, text);

/** @param {{start: Function, resume: Function, clear: Function}} acts */
export function startPanel(facts, store, chosen, acts) {
  let round = {...chosen};
  const link = make('a', {});
  const number = (name, text, least, most) => make('label', {class: 'pr-field'}, text, make('input', {
    type: 'number', name, min: least, max: most, step: 1, required: true, value: round[name],
    oninput: (event) => change({[name]: event.target.valueAsNumber}),
  }));
  const form = make('form', {onsubmit: (event) => { event.preventDefault(); acts.start(round); }},
    radios('kind', 'Cases', [
      ['phantoms', 'Drawings by the project'],
      ...(facts.cases ? [['cases', `Real lesions, ${facts.cases} of them; pictures of ${facts.atHand} are on this machine`]] : []),
      ...(facts.own ? [['own', `Your own, ${facts.own} of them`]] : []),
    ], round.kind, (kind) => change({kind})),
    number('count', 'Length', 1, facts.most), number('seed', 'Seed', 0, LAST_SEED),
    make('div', {}, make('button', {type: 'submit', class: 'pr-button pr-main'}, 'Start the round')));

  function change(changes) {
    round = {...round, ...changes};
    link.href = linkOf(round);
    link.textContent = linkOf(round);
  }

  change({});
  const current = store.current();
  return make('div', {},
    make('h2', {tabindex: '-1'}, 'Practice: answer first'),
    make('p', {}, 'Practice has cases of its own. Each goes like this:'),
    stepsPanel(),
    make('div', {class: 'pr-two'},
      make('section', {class: 'pr-card'}, make('h3', {}, 'Your round'),
        current && button(`Go on: case ${Math.min(current.at + 1, current.round.count)} of ${current.round.count}, ${linkOf(current.round)}`, acts.resume, true),
        form,
        make('p', {class: 'pr-fine'}, store.keeps()
          ? 'Your answers stay in this browser; they are sent nowhere.'
          : 'This browser keeps nothing (a private window?): your answers end with this page. They are sent nowhere.')),
      make('section', {class: 'pr-card'}, make('h3', {}, 'The same round for a whole class'),
        make('p', {}, 'Whoever opens this address behind that of the page gets the same cases in the same order: '),
        make('p', {}, link),
        make('p', {class: 'pr-fine'}, 'At the end a round adds up to a score: how often you were right by class, whether you were as '
          + 'sure as you were right, and where the model helped or misled you. It can be saved as CSV.')),
      pastPart(store, acts)));
}

function pastPart(store, acts) {
  const done = store.done();
  if (!done.length) return null;
  const rows = done.map(({round, answers}) => {
    const [count, own, final, model] = totals(answers);
    return [linkOf(round), count, own, final, model];
  });
  return make('section', {class: 'pr-card'}, make('h3', {}, 'Rounds that you have done'),
    table('Rounds that you have done', ['round', 'cases', 'you', 'you, after the model', 'the model'], rows),
    make('p', {}, button('Delete all of them from this browser', acts.clear)));
}

/** The score of a round that is done. @param {Object<string, string>} names code -> name of the class */
export function scorePanel(state, names, acts) {
  const {answers, round} = state;
  const [count, own, final, model] = totals(answers);
  const gap = overconfidence(answers);
  const judged = Math.abs(gap) < 5 ? 'as sure as you were right'
    : `${Math.abs(gap).toFixed(0)} points ${gap > 0 ? 'surer than you were right' : 'less sure than you were right'}`;
  const moved = influences(answers);
  const overlapOf = (key, what) => {
    const found = meanOverlap(answers, key);
    return found && make('p', {}, `${percent(found[0])} of your tiles lie among those ${what}; by chance ${percent(found[1])}.`);
  };
  return make('div', {},
    make('h2', {tabindex: '-1'}, `Score: ${own} of ${count} right by yourself`),
    make('p', {}, `After seeing the model ${final} of ${count}; the model by itself ${model} of ${count}.`),
    make('div', {class: 'pr-two'},
      make('section', {}, make('h3', {}, 'By class'), table(
        'Right answers by class', ['class', 'cases', 'you', 'you, after the model', 'the model'],
        byClass(answers, Object.keys(names)).map(([code, ...rest]) => [names[code], ...rest]))),
      make('section', {}, make('h3', {}, 'How sure you were'),
        make('p', {}, `On average you were ${judged}. Brier score ${brier(answers).toFixed(2)} (0 is best, 0.25 a coin).`),
        table('Calibration of your confidence', ['confidence', 'answers', 'right', 'share right'],
          calibration(answers).map(([sure, given, right]) => [`${sure}%`, given, right, percent(right / given)])))),
    make('h3', {}, 'What the model did to your answers'),
    make('ul', {}, ...Object.entries(INFLUENCES).map(([kind, text]) => make(
      'li', {'data-influence': kind}, `${text}: ${moved[kind].length ? moved[kind].join(', ') : 'none'}.`))),
    make('h3', {}, 'Where you looked'),
    overlapOf('attended', 'that the model attended to most'),
    overlapOf('hidden', 'that lower the model\'s answer most when they are hidden'),
    make('p', {class: 'pr-fine'}, `A round of ${count} cases says little about anybody; classes come up as often as each other here, not as `
      + 'they do in a clinic.'),
    button('Save as CSV', () => download(new Blob([csvOf(state)], {type: 'text/csv'}), `practice-${round.kind}-${round.seed}-${round.count}.csv`), true),
    button('Another round', acts.another));
}
