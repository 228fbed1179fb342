// "How this number came about": the real vectors of one pinned cell, from query and key to the value it multiplies.

import {entropyOf, largest, matrixOf, rowOf, softmax} from './payload.js';
import {draw, fill, make, setAttributes} from '../shared/dom.js';
import {paintCells} from './canvas.js';
import {scaleOf} from './color_scales.js';
import {isCell} from './reducer.js';
import {fixed, rounded, started} from './format.js';
import {pieces, t} from '../shared/i18n.js';
import {asPair} from './selectors.js';

const COLDEST = -2; // the slider's end; powers of 2

/** A vector as a strip of cells, purple below 0 and orange above, with its numbers behind a summary. */
function vectorStrip(name, note, vector, limit) {
  const scale = scaleOf('difference', limit);
  const canvas = make('canvas', {role: 'img', 'aria-label': t('walk.strip', {name, n: vector.length, low: fixed(Math.min(...vector)), high: fixed(Math.max(...vector))})});
  paintCells(canvas, vector.length, 1, (_, column) => scale.rgb(vector[column]));
  return make('div', {class: 'mx-strip'},
    make('span', {class: 'mx-strip-name'}, name),
    canvas,
    make('details', {}, make('summary', {}, note), make('p', {class: 'mx-vector'}, vector.map(fixed).join('  '))));
}

/** A number that the sentence is about. */
const strong = (name, value) => make('strong', {'data-walk': name}, fixed(value));

const largestSize = (...vectors) => Math.max(1e-9, ...vectors.flat().map(Math.abs));

/** One numbered step with its sentence. */
const step = (number, title, ...content) => make('li', {class: 'mx-step'},
  make('h4', {}, `${number}. ${title}`), ...content);

/**
 * The bars of one softmax: outlined as the network has them, filled at the temperature of the slider.
 * @param {number} top where the axis ends; it stays, so that a bar moves only when its number does
 */
function softmaxBars(count, pinned, top) {
  const svg = draw('svg', {viewBox: `0 0 ${count} 1`, preserveAspectRatio: 'none', class: 'mx-bars', 'aria-hidden': 'true'});
  const filled = [];
  const outlined = [];
  for (let i = 0; i < count; i++) {
    const place = {x: i + 0.1, width: 0.8};
    filled.push(draw('rect', {...place, class: i === pinned ? 'mx-bar mx-bar-pinned' : 'mx-bar'}));
    outlined.push(draw('rect', {x: i, width: 1, class: 'mx-bar-now'}));
  }
  svg.append(...filled, ...outlined);
  const set = (bar, share, height) => setAttributes(bar, {y: 1 - share, height: height ?? share});
  return {
    svg,
    /** @param {number[]} weights at the slider's temperature @param {number[]} now the network's own */
    show(weights, now) {
      weights.forEach((weight, i) => set(filled[i], weight / top));
      now.forEach((weight, i) => set(outlined[i], weight / top, 0.02));
    },
  };
}

/** Step 3, with the slider that shows what softmax does. The names are those of `walkThrough`. */
function softmaxStep(numbers, {keyIndex: key, key: keyName, keys, line: lineName}) {
  const {scores, weights} = numbers;
  const top = Math.max(...weights, ...softmax(scores, 2 ** COLDEST)); // the coldest is the sharpest
  const bars = softmaxBars(scores.length, key, top);
  const slider = make('input', {type: 'range', min: COLDEST, max: -COLDEST, step: 0.1, value: 0});
  const shown = make('output', {'data-walk': 'temperature'});
  const line = make('p', {'data-walk': 'softmax-line'});
  const update = () => {
    const temperature = 2 ** Number(slider.value);
    const now = softmax(scores, temperature);
    bars.show(now, weights);
    shown.textContent = rounded(temperature, 2);
    slider.setAttribute('aria-valuetext', t('walk.temperature-text', {temperature: rounded(temperature, 2)}));
    const entropy = entropyOf(now);
    fill(line, pieces(Number(slider.value) === 0 ? 'walk.softmax-now' : 'walk.softmax-at', {
      temperature: rounded(temperature, 2), key: keyName, share: strong('softmax', now[key]), n: rounded(2 ** entropy, 1),
      of: scores.length, keys: t(`explorer.of-many.${keys}`), bits: rounded(entropy, 2),
    }));
  };
  slider.addEventListener('input', update);
  update();
  return step(3, t(`walk.softmax.${lineName}`),
    make('p', {}, ...pieces('walk.softmax-what', {of: scores.length, keys: t(`explorer.many.${keys}`), weight: strong('weight', weights[key])})),
    bars.svg,
    make('label', {class: 'mx-field mx-wide'}, make('span', {}, ...pieces('walk.temperature', {temperature: shown})), slider),
    line,
    make('p', {class: 'mx-hint'}, t('walk.temperature-what', {top: fixed(top)})));
}

/**
 * The whole panel.
 * @param {object} numbers what exploration.walk_through returned
 * @param {{query: string, key: string, keys: string, keyIndex: number, line: string, place: string}} names how to call
 *   the tokens, and the line of the matrix that sums to 1
 */
function walkThrough(numbers, names) {
  const {query, key, value, dot, width, scale, scores, weights, value_norms: norms, output} = numbers;
  const products = query.map((part, i) => part * key[i]);
  const weight = weights[names.keyIndex];
  const limit = largestSize(query, key);
  const part = value.map((number) => number * weight);
  const norm = Math.hypot(...output);
  return make('div', {'data-walk': 'panel'},
    make('p', {}, t('walk.looks', names)),
    make('ol', {class: 'mx-steps'},
      step(1, t('walk.step1'),
        make('p', {}, ...pieces('walk.step1-what', {width, dot: strong('dot', dot)})),
        vectorStrip('q', t('walk.of-query'), query, limit),
        vectorStrip('k', t('walk.of-key'), key, limit),
        vectorStrip('q × k', t('walk.of-product'), products, largestSize(products))),
      step(2, t('walk.step2'),
        make('p', {}, ...pieces('walk.step2-what', {width, scale: fixed(scale), score: strong('score', scores[names.keyIndex])}))),
      softmaxStep(numbers, names),
      step(4, t('walk.step4'),
        make('p', {}, ...pieces('walk.step4-what', {
          key: started(names.key), width, norm: strong('norm', norms[names.keyIndex]), part: strong('part', norms[names.keyIndex] * weight),
          of: weights.length, keys: t(`explorer.many.${names.keys}`), output: fixed(norm),
        })),
        vectorStrip('v', t('walk.of-value'), value, largestSize(value)),
        vectorStrip(t('walk.weight-v'), t('walk.of-part'), part, largestSize(output)),
        vectorStrip(t('walk.output'), t('walk.of-output'), output, largestSize(output)),
        make('p', {class: 'mx-hint'}, t('walk.short')))));
}

/** Mean and maximum have no q and k of their own: pick a head. */
function headChoice(weights, current, kind, pick) {
  const select = make('select', {'data-walk': 'head'}, ...weights.map((weight, head) => {
    const option = make('option', {value: head}, t('walk.head-weight', {n: head + 1, weight: fixed(weight)}));
    option.selected = head === current;
    return option;
  }));
  select.addEventListener('change', () => pick(Number(select.value)));
  return make('label', {class: 'mx-field'}, t(`walk.every-head.${kind}`), select);
}

/**
 * The part of the page that takes the pinned cell's number apart.
 * @param {Element} holder
 * @param {?{walk_through: function(object): Promise<object>}} server
 * @param {function(number): Promise<any>} pick shows another head, where none is chosen
 */
export function walkPanel(holder, server, pick) {
  let asked = 0;
  const busy = (is) => holder.setAttribute('aria-busy', String(is));
  const say = (text) => {
    busy(false);
    return fill(holder, [make('p', {class: 'mx-hint'}, text)]);
  };

  async function pickAndFocus(head) {
    await pick(head);
    holder.querySelector('select')?.focus();
  }

  /** Ask the server for the vectors, and show them unless something else was asked meanwhile. */
  async function show(view, {pin, walkHead}) {
    const ticket = ++asked;
    if (!view.exists) return say(view.reason);
    if (!isCell(pin)) {
      return say(t('walk.pin-first'));
    }
    const {model, map, axes, layer, names} = view;
    if (!model.key || !server?.walk_through) {
      return say(t('walk.from-file'));
    }
    const {query, key} = asPair(view, pin);
    const weights = Array.from({length: map.heads}, (_, head) => rowOf(matrixOf(map, layer, head), query)[key]);
    const isChosen = typeof view.head === 'number';
    const head = isChosen ? view.head : walkHead ?? largest(weights, 1)[0];
    if (!holder.querySelector('[data-walk="panel"]')) say(t('walk.asking'));
    busy(true);
    let numbers;
    try {
      numbers = await server.walk_through({key: model.key, map: view.name, layer, head, query, token: key});
    } catch {
      numbers = {error: t('walk.silent')};
    }
    if (ticket !== asked) return undefined;
    if (numbers.error) return say(numbers.error);
    const panel = walkThrough(numbers, {
      query: started(names.said(axes.from, query)), key: names.said(axes.to, key), keys: axes.to, keyIndex: key,
      line: axes.queryOnRows ? 'row' : 'column',
      place: t('walk.place', {head: head + 1, heads: map.heads, layer: layer + 1, layers: map.layers}),
    });
    busy(false);
    return fill(holder, [isChosen ? null : headChoice(weights, head, view.head, pickAndFocus), panel]);
  }

  return {show};
}
