// Before a round and after it: its length and seed, the link for a class, the score, and what was done before.

import {criteriaTaken} from './criteria.js';
import {csvOf} from './csv.js';
import {make} from '../shared/dom.js';
import {radios, table} from './controls.js';
import {download} from '../shared/download.js';
import {pageAddress, qrImage, reachNote, showJoinSlide} from '../shared/join_slide.js';
import {LAST_SEED, linkOf, REST} from './round.js';
import {after, comparisonPart, susPart, unfinished} from './study.js';
import {optionsPart, roundText} from './round_options.js';
import {brier, byClass, calibration, INFLUENCES, influences, meanOverlap, overconfidence, totals, weakClasses} from './score.js';
import {stepsPanel} from './intro_diagram.js';
import {localized, named, t} from '../shared/i18n.js';

const percent = (share) => localized(`${Math.round(100 * share)}%`);
const columns = (...names) => names.map((name) => t(`practice.col.${name}`));
const PAUSE = 300; // ms without a change before a QR code is asked for
const button = (text, onclick, main = false) => make(
  'button', {type: 'button', class: `pr-button${main ? ' pr-main' : ''}`, onclick}, text);

/** @param {{start: Function, resume: Function, clear: Function}} actions */
export function startPanel(facts, names, server, store, initial, actions) {
  let round = {...initial};
  let later = 0;
  const link = make('a', {});
  const code = make('div', {class: 'pr-code'});
  const number = (name, text, least, most) => make('label', {class: 'pr-field'}, text, make('input', {
    type: 'number', name, min: least, max: most, step: 1, required: true, value: round[name],
    oninput: (event) => change({[name]: event.target.valueAsNumber}),
  }));
  const form = make('form', {onsubmit: (event) => { event.preventDefault(); actions.start(round); }},
    radios('kind', t('practice.cases'), [
      ['phantoms', t('practice.drawings')],
      ...(facts.cases ? [['cases', t('practice.real', {count: facts.cases, here: facts.atHand})]] : []),
      ...(facts.own ? [['own', t('practice.own', {count: facts.own})]] : []),
    ], round.kind, (kind) => change({kind})),
    optionsPart(round, names, weakClasses(store.done().flatMap(({answers}) => answers), Object.keys(names).filter((one) => one !== REST)), change),
    number('count', t('practice.length'), 1, facts.most), number('seed', t('practice.seed'), 0, LAST_SEED),
    make('div', {}, make('button', {type: 'submit', class: 'pr-button pr-main'}, t('practice.start'))));

  function change(changes) {
    round = {...round, ...changes};
    link.href = linkOf(round);
    link.textContent = pageAddress(linkOf(round));
    clearTimeout(later);
    later = setTimeout(showCode, PAUSE);
  }

  async function showCode() {
    const address = pageAddress(linkOf(round));
    const image = code.isConnected ? await qrImage(server, address) : null;
    if (image && address === pageAddress(linkOf(round))) code.replaceChildren(image);
  }

  change({});
  const current = store.current();
  const half = unfinished(store.done());
  return make('div', {},
    make('h2', {tabindex: '-1'}, t('practice')),
    make('p', {}, t('practice.what')),
    stepsPanel(),
    make('div', {class: 'pr-two'},
      make('section', {class: 'pr-card'}, make('h3', {}, t('practice.round')),
        current && button(t('practice.go-on', {at: Math.min(current.at + 1, current.round.count), of: current.round.count, link: linkOf(current.round)}), actions.resume, true),
        half && button(t('study.second'), () => actions.start(after(half.round)), true),
        form,
        make('p', {class: 'pr-fine'}, store.keeps()
          ? t('practice.stays')
          : t('practice.keeps-nothing'))),
      make('section', {class: 'pr-card'}, make('h3', {}, t('practice.class')),
        make('p', {}, `${t('practice.address')} `),
        make('p', {}, link),
        code, reachNote(),
        button(t('practice.slide'), () => showJoinSlide(server, linkOf(round), roundTitle(round, names))),
        make('p', {}, t('study.what')),
        button(t('study.slide'), () => {
          const study = /** @type {import('./round.js').Round} */ ({...round, phase: 'pre'});
          showJoinSlide(server, linkOf(study), roundTitle(study, names));
        }),
        make('p', {class: 'pr-fine'}, t('practice.adds-up'))),
      pastPart(store, actions)));
}

/** The files of a study are collected in a folder: part of the name is random. */
const fileName = ({kind, seed, count, drill, phase}) => [
  phase ? 'study' : 'practice', kind, seed, count, drill, phase && crypto.getRandomValues(new Uint32Array(1))[0].toString(36),
].filter((part) => part !== undefined).join('-') + '.csv';

/** What one joins: the number of cases, and what is asked. */
const roundTitle = (round, names) => [t('practice.joining', {count: round.count}), roundText(round, names)].filter(Boolean).join('; ');

function pastPart(store, actions) {
  const done = store.done();
  if (!done.length) return null;
  const rows = done.map(({round, answers}) => {
    const [count, own, final, model] = totals(answers);
    return [linkOf(round), count, own, final, model];
  });
  return make('section', {class: 'pr-card'}, make('h3', {}, t('practice.done')),
    table(t('practice.done'), columns('round', 'cases', 'you', 'you-after', 'model'), rows),
    make('p', {}, button(t('practice.delete'), actions.clear)));
}

/** The score of a round that is done. first: the other round of a study, if it is one. @param {Object<string, string>} names code -> name of the class */
export function scorePanel(state, first, names, criteria, actions) {
  const {answers, round} = state;
  const [count, own, final, model] = totals(answers);
  const gap = overconfidence(answers);
  const judged = Math.abs(gap) < 5 ? 'even' : gap > 0 ? 'more' : 'less';
  const byInfluence = influences(answers);
  /** @type {number[]} */
  let sus = [];
  const overlapOf = (key) => {
    const overlap = meanOverlap(answers, key);
    return overlap && make('p', {}, t(`practice.mean-overlap.${key}`, {share: percent(overlap[0]), chance: percent(overlap[1])}));
  };
  return make('div', {},
    make('h2', {tabindex: '-1'}, t('practice.score-own', {own, count})),
    first ? null : make('p', {}, t('practice.score-after', {final, count, model})),
    first && comparisonPart(first, state, names),
    first && susPart((answers) => { sus = answers; }),
    make('div', {class: 'pr-two'},
      make('section', {}, make('h3', {}, t('practice.class-heading')), table(
        t('practice.by-class'), columns('class', 'cases', 'you', 'you-after', 'model'),
        byClass(answers, Object.keys(names)).map(([code, ...rest]) => [named(names[code]), ...rest]))),
      make('section', {}, make('h3', {}, t('practice.how-sure')),
        make('p', {}, t(`practice.sure.${judged}`, {gap: Math.abs(gap).toFixed(0), brier: brier(answers).toFixed(2)})),
        table(t('practice.calibration'), columns('confidence', 'answers', 'right', 'share'),
          calibration(answers).map(([sure, given, right]) => [localized(`${sure}%`), given, right, percent(right / given)])))),
    first ? null : make('h3', {}, t('practice.did')),
    first ? null : make('ul', {}, ...INFLUENCES.map((kind) => make('li', {'data-influence': kind}, t('practice.influence-cases', {
      what: t(`practice.influence.${kind}`), cases: byInfluence[kind].length ? byInfluence[kind] : t('common.none'),
    })))),
    make('h3', {}, t('practice.where-you')),
    overlapOf('attended'),
    overlapOf('hidden'),
    criteriaTaken(criteria, answers, names),
    make('p', {class: 'pr-fine'}, t('practice.says-little', {count}), round.drill || round.prevalence ? '' : ` ${t('practice.evenly')}`),
    button(t('practice.save'), () => download(new Blob([csvOf(first ? [first, state] : [state], sus)], {type: 'text/csv'}), fileName(round)), true),
    button(t('practice.another'), actions.another));
}
