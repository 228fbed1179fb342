// "How this number came about": the real vectors of one pinned cell, from query and key to the value it multiplies.

import {entropyOf, largest, matrixOf, rowOf, softmax} from './data.js';
import {draw, fill, make, setAttributes} from './dom.js';
import {paintCells} from './paint.js';
import {scaleOf} from './scales.js';
import {isCell} from './state.js';
import {fixed, started} from './text.js';
import {asPair} from './view.js';

const COLDEST = -2; // the slider's end; powers of 2

/** A vector as a strip of cells, purple below 0 and orange above, with its numbers behind a summary. */
function vectorStrip(name, note, vector, limit) {
  const scale = scaleOf('difference', limit);
  const canvas = make('canvas', {role: 'img', 'aria-label': `${name}: ${vector.length} numbers from ${fixed(Math.min(...vector))} to ${fixed(Math.max(...vector))}`});
  paintCells(canvas, vector.length, 1, (_, column) => scale.rgb(vector[column]));
  return make('div', {class: 'mx-strip'},
    make('span', {class: 'mx-strip-name'}, name),
    canvas,
    make('details', {}, make('summary', {}, note), make('p', {class: 'mx-vector'}, vector.map(fixed).join('  '))));
}

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
function softmaxStep(numbers, {keyIndex: key, key: keyName, keys: keysName, line: lineName}) {
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
    shown.textContent = temperature.toFixed(2);
    slider.setAttribute('aria-valuetext', `temperature ${temperature.toFixed(2)}`);
    const entropy = entropyOf(now);
    fill(line, [
      Number(slider.value) === 0 ? 'At temperature 1, as in the network, ' : `At temperature ${temperature.toFixed(2)} `,
      `${keyName} would get `, make('strong', {'data-walk': 'softmax'}, fixed(now[key])),
      `; the ${lineName} spreads as evenly as over ${(2 ** entropy).toFixed(1)} of ${scores.length} ${keysName} (entropy ${entropy.toFixed(2)} bits).`,
    ]);
  };
  slider.addEventListener('input', update);
  update();
  return step(3, `Softmax over the ${lineName}`,
    make('p', {}, 'Each score becomes e to the power of the score, divided by the sum over all ', `${scores.length} ${keysName}`,
      `: so the ${lineName} sums to 1. Weight: `, make('strong', {'data-walk': 'weight'}, fixed(weights[key])), '.'),
    bars.svg,
    make('label', {class: 'mx-field mx-wide'}, make('span', {}, 'Temperature: ', shown), slider),
    line,
    make('p', {class: 'mx-hint'}, `Colder sharpens the ${lineName} towards its best score, hotter flattens it to an even share. One bar for each of the ${keysName}, in order; the thin lines are the network’s own weights. The axis stays, 0 to ${fixed(top)}. Only this panel changes.`));
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
    make('p', {}, `${names.query} looks at ${names.key}, ${names.place}. The numbers are those of this very forward pass.`),
    make('ol', {class: 'mx-steps'},
      step(1, 'Query times key',
        make('p', {}, `The token that looks gives a query, the token that is looked at a key, ${width} numbers each. Multiply them one by one and add up: q · k = `,
          make('strong', {'data-walk': 'dot'}, fixed(dot)), '.'),
        vectorStrip('q', 'numbers of the query', query, limit),
        vectorStrip('k', 'numbers of the key', key, limit),
        vectorStrip('q × k', 'numbers that are added up', products, largestSize(products))),
      step(2, 'Scale',
        make('p', {}, `A sum of ${width} products grows with the width, and softmax would saturate. So it is divided by √${width} = ${fixed(scale)}: score = `,
          make('strong', {'data-walk': 'score'}, fixed(scores[names.keyIndex])), '.')),
      softmaxStep(numbers, names),
      step(4, 'Times the value',
        make('p', {}, `${started(names.key)} hands on its value, ${width} numbers of length `, make('strong', {'data-walk': 'norm'}, fixed(norms[names.keyIndex])),
          '. Times the weight that is ', make('strong', {'data-walk': 'part'}, fixed(norms[names.keyIndex] * weight)),
          `; all ${weights.length} ${names.keys} together give this head’s output, of length ${fixed(norm)}.`),
        vectorStrip('v', 'numbers of the value', value, largestSize(value)),
        vectorStrip('weight × v', 'numbers that are handed on', part, largestSize(output)),
        vectorStrip('output', 'numbers of the head’s output', output, largestSize(output)),
        make('p', {class: 'mx-hint'}, 'A large weight on a short value hands on little: one more reason why a weight is not an explanation.'))));
}

/** Mean and maximum have no q and k of their own: pick a head. */
function headChoice(weights, current, kind, pick) {
  const select = make('select', {'data-walk': 'head'}, ...weights.map((weight, head) => {
    const option = make('option', {value: head}, `head ${head + 1}: ${fixed(weight)}`);
    option.selected = head === current;
    return option;
  }));
  select.addEventListener('change', () => pick(Number(select.value)));
  const text = `Every head has its own q and k; the ${kind === 'mean' ? 'mean' : 'maximum'} of the heads has none. Shown is`;
  return make('label', {class: 'mx-field'}, text, select);
}

/**
 * The part of the page that takes the pinned cell's number apart.
 * @param {Element} holder
 * @param {?{walk_through: function(object): Promise<object>}} server
 * @param {function(number): Promise<void>} pick shows another head, where none is chosen
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
      return say('Pin a cell of the matrix (click it, or press Enter on it) to take its number apart: query, key, '
        + 'scale, softmax, value.');
    }
    const {model, map, axes, layer, names} = view;
    if (!model.key || !server?.walk_through) {
      return say('This view was opened from a file. The vectors behind a number live in the model: diagnose the '
        + 'image in the app to see them.');
    }
    const {query, key} = asPair(view, pin);
    const weights = Array.from({length: map.heads}, (_, head) => rowOf(matrixOf(map, layer, head), query)[key]);
    const isChosen = typeof view.head === 'number';
    const head = isChosen ? view.head : walkHead ?? largest(weights, 1)[0];
    if (!holder.querySelector('[data-walk="panel"]')) say('Asking the model for the vectors …');
    busy(true);
    let numbers;
    try {
      numbers = await server.walk_through({key: model.key, map: view.name, layer, head, query, token: key});
    } catch {
      numbers = {error: 'The server did not answer. Try again, or diagnose the image once more.'};
    }
    if (ticket !== asked) return undefined;
    if (numbers.error) return say(numbers.error);
    const panel = walkThrough(numbers, {
      query: started(names.said(axes.from, query)), key: names.said(axes.to, key), keys: axes.to, keyIndex: key,
      line: axes.queryOnRows ? 'row' : 'column',
      place: `head ${head + 1} of ${map.heads}, layer ${layer + 1} of ${map.layers}`,
    });
    busy(false);
    return fill(holder, [isChosen ? null : headChoice(weights, head, view.head, pickAndFocus), panel]);
  }

  return {show};
}
