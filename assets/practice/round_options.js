// What kind of round: which answers there are, how often each is right, and the clock.

import {make} from '../shared/dom.js';
import {named, t} from '../shared/i18n.js';
import {radios} from './controls.js';
import {canHaveMix, LONGEST_CLOCK} from './round.js';

const USUAL = 10; // percent
const ONLY = 'only';

/** What a round asks, in words; '' for the usual one. @param {import('./round.js').Round} round @param {Object<string, string>} names code -> class */
export function roundText({drill, prevalence, clock, phase}, names) {
  const kind = !drill ? null : drill === 'wrong' ? t('practice.drill-wrong')
    : drill.startsWith(ONLY) ? t('practice.drill-only', {classes: drill.split('-').slice(1).map((code) => named(names[code])).join(', ')})
      : t('practice.drill-class', {name: named(names[drill])});
  return [
    kind, prevalence ? t('practice.mix-text', {percent: prevalence, name: named(names[drill || 'mel'])}) : null,
    clock ? t('practice.clock-text', {seconds: clock}) : null, {pre: t('practice.phase-pre'), post: t('practice.phase-post')}[phase ?? ''],
  ].filter(Boolean).join('; ');
}

/**
 * The fields of these options. @param {import('./round.js').Round} round @param {Object<string, string>} names
 * @param {string[]} weak codes of this browser's weak classes @param {function(object): void} change is told what changes
 */
export function optionsPart(round, names, weak, change) {
  const ofWeak = weak.length ? `${ONLY}-${weak.join('-')}` : '';
  let {drill = '', prevalence = 0} = round;
  const drills = [['', t('practice.drill-seven')], ...['mel', 'bkl'].map((code) => [code, t('practice.drill-class', {name: named(names[code])})]),
    ...[...new Set([ofWeak, drill.startsWith(ONLY) ? drill : ''])].filter(Boolean).map((only) => [only, roundText({kind: '', seed: 0, count: 1, drill: only}, names)]),
    ['wrong', t('practice.drill-wrong')]];
  const field = (text, name, value, least, most, oninput) => make('label', {class: 'pr-field'}, text, make('input', {
    type: 'number', name, min: least, max: most, step: 1, value, required: true, oninput: (event) => oninput(event.target.valueAsNumber),
  }));
  const percent = make('div', {});
  const mix = make('div', {});

  function tell() {
    const isMixed = canHaveMix(drill);
    mix.hidden = !isMixed;
    const name = named(names[drill || 'mel']);
    percent.replaceChildren(...(prevalence ? [field(t('practice.mix-percent', {name}), 'prevalence', prevalence, 1, 99, (value) => {
      prevalence = value;
      change({prevalence});
    })] : []));
    change({drill: drill || undefined, prevalence: isMixed && prevalence ? prevalence : undefined});
  }

  mix.append(radios('mix', t('practice.mix'), [['equal', t('practice.mix-equal')], ['clinic', t('practice.mix-clinic')]],
    prevalence ? 'clinic' : 'equal', (value) => { prevalence = value === 'clinic' ? USUAL : 0; tell(); }), percent);
  const part = make('div', {},
    radios('drill', t('practice.drill'), drills, drill, (value) => { drill = value; tell(); }), mix,
    field(t('practice.clock'), 'clock', round.clock ?? 0, 0, LONGEST_CLOCK, (value) => change({clock: value >= 5 ? value : undefined})));
  tell();
  return part;
}
