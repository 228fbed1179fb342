// Dermoscopic criteria: ticked beside the marks, compared once the truth is there, counted in the score.

import {draw, make} from '../shared/dom.js';
import {table} from './controls.js';
import {REST} from './round.js';
import {ENGLISH, language, named, t} from '../shared/i18n.js';

/**
 * What the server sends of each; name and definition by language.
 * @typedef {{id: string, group: string, name: Object<string, string>, definition: Object<string, string>, for: string[], against: string[]}} Criterion
 */

const GROUPS = {
  pattern: t('criteria.pattern'), lines: t('criteria.lines'), clods: t('criteria.clods'), areas: t('criteria.areas'),
  vessels: t('criteria.vessels'),
};

const inLanguage = (texts) => texts[language] ?? texts[ENGLISH];
const say = (tag, attributes, texts) => make(tag, {lang: language in texts ? language : ENGLISH, ...attributes}, inLanguage(texts));
const drawing = ({id}) => draw('svg', {viewBox: '0 0 100 100', class: 'criterion-drawing', 'aria-hidden': 'true'},
  draw('use', {href: `#criterion-${id}`}));

/** Boxes to tick, folded. @param {Criterion[]} all @param {string[]} first ids @param {(ids: string[]) => void} change */
export function criteriaField(all, first, change) {
  const ticked = new Set(first);
  const summary = make('summary', {});
  const count = () => { summary.textContent = ticked.size ? t('criteria.ticked', {count: ticked.size}) : t('criteria.see'); };
  function tick(id, on) {
    if (on) ticked.add(id);
    else ticked.delete(id);
    count();
    change(all.map((one) => one.id).filter((one) => ticked.has(one)));
  }
  const box = (one) => make('label', {class: 'pr-choice pr-criterion'},
    make('input', {
      type: 'checkbox', name: 'criterion', value: one.id, checked: ticked.has(one.id),
      'aria-labelledby': `pr-name-${one.id}`, 'aria-describedby': `pr-what-${one.id}`,
      onchange: ({target}) => tick(one.id, target.checked),
    }),
    drawing(one),
    make('span', {}, say('b', {id: `pr-name-${one.id}`}, one.name), say('small', {id: `pr-what-${one.id}`}, one.definition)));
  count();
  return make('details', {class: 'pr-criteria'}, summary,
    make('p', {class: 'pr-fine'}, t('criteria.what')),
    ...Object.entries(GROUPS).map(([group, legend]) => make('fieldset', {},
      make('legend', {}, legend), ...all.filter((one) => one.group === group).map(box))));
}

/**
 * What argues for and against the true and the chosen classes, side by side, with what was ticked.
 * @param {Criterion[]} all @param {any} answer of round.js @param {Object<string, string>} names code -> name of the class
 */
export function criteriaCompared(all, answer, names) {
  const {own, final, criteria = []} = answer;
  const truth = answer.class ?? answer.truth; // in a round of two answers, `truth` may be all other classes
  const title = (code) => {
    const name = named(names[code]);
    if (code === truth) return truth === own ? t('criteria.is-both', {name}) : t('criteria.is-truth', {name});
    return code === own ? t('criteria.is-yours', {name}) : t('criteria.is-final', {name});
  };
  const codes = [...new Set([truth, own, final])].filter((code) => code !== REST); // no criterion is about the rest
  const item = (one) => make('li', {'data-criterion': one.id, class: criteria.includes(one.id) ? 'pr-ticked' : null},
    drawing(one), make('span', {}, say('b', {title: inLanguage(one.definition)}, one.name),
      criteria.includes(one.id) ? make('small', {}, `✓ ${t('criteria.you-ticked')}`) : null));
  const list = (legend, code, side) => [make('h4', {}, legend), make('ul', {}, ...all.filter((one) => one[side].includes(code)).map(item))];
  const besides = all.filter((one) => criteria.includes(one.id) && !codes.some((code) => one.for.includes(code) || one.against.includes(code)));
  return make('section', {class: 'pr-compared'},
    make('h3', {}, t('criteria.compared')),
    criteria.length ? null : make('p', {class: 'pr-fine'}, t('criteria.none-ticked')),
    make('div', {class: 'pr-two'}, ...codes.map((code) => make('section', {class: 'pr-card', 'data-class': code},
      make('h3', {}, title(code)),
      ...list(t('criteria.for'), code, 'for'), ...list(t('criteria.against'), code, 'against')))),
    besides.length ? make('p', {}, t('criteria.besides', {names: besides.map((one) => inLanguage(one.name)).join(', ')})) : null);
}

/** Rows [criterion, code of the diagnosis, times, 'for', 'against' or 'neither', times the diagnosis was right]. */
export function takenFor(all, answers) {
  return all.flatMap((one) => {
    const taken = answers.filter((answer) => answer.criteria?.includes(one.id));
    return [...new Set(taken.map(({own}) => own))].map((code) => {
      const those = taken.filter(({own}) => own === code);
      const side = one.for.includes(code) ? 'for' : one.against.includes(code) ? 'against' : 'neither';
      return [one, code, those.length, side, those.filter(({truth}) => truth === code).length];
    });
  });
}

/** Which criteria were taken for which class, in a round; null where none was ticked. */
export function criteriaTaken(all, answers, names) {
  const sides = {for: t('criteria.for-it'), against: t('criteria.against-it'), neither: t('criteria.neither')};
  const rows = takenFor(all, answers).map(([one, code, times, side, right]) => (
    [inLanguage(one.name), named(names[code]), times, sides[side], right]));
  return rows.length ? make('section', {'data-part': 'criteria'}, make('h3', {}, t('criteria.taken')), table(t('criteria.taken'), [
    t('criteria.criterion'), t('criteria.diagnosis'), t('criteria.times'), t('criteria.it-argues'), t('criteria.right'),
  ], rows)) : null;
}
