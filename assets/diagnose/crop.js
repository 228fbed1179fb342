// Crop the chosen photograph in a dialog, with the mouse, a finger or the keyboard; the server cuts and diagnoses.

import {closest, make, query, queryAll} from '../shared/dom.js';
import {t} from '../shared/i18n.js';

const LEAST = 0.05; // share of a side
const STEP = 0.02; // of a key
const FIRST = [0.1, 0.1, 0.9, 0.9];
const CORNERS = ['left top', 'right top', 'left bottom', 'right bottom'];
const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

/** @typedef {number[]} Edges left, top, right, bottom, from 0 to 1 */

const within = (/** @type {number} */ low, /** @type {number} */ value, /** @type {number} */ high) => Math.max(low, Math.min(value, high));

/** The box in another place, inside the picture. @param {Edges} edges @returns {Edges} */
export function moved([left, top, right, bottom], dx, dy) {
  const [x, y] = [within(-left, dx, 1 - right), within(-top, dy, 1 - bottom)];
  return [left + x, top + y, right + x, bottom + y];
}

/** The box with a corner elsewhere. @param {Edges} edges @param {string} corner of CORNERS @returns {Edges} */
export function resized([left, top, right, bottom], corner, x, y) {
  return [
    corner.includes('left') ? within(0, x, right - LEAST) : left,
    corner.includes('top') ? within(0, y, bottom - LEAST) : top,
    corner.includes('right') ? within(left + LEAST, x, 1) : right,
    corner.includes('bottom') ? within(top + LEAST, y, 1) : bottom,
  ];
}

/** What a key does to the box: arrows move it, with Shift they size it. @param {Edges} edges @returns {?Edges} */
export function keyed(edges, {key, shiftKey}) {
  const way = WAYS[key];
  if (!way) return null;
  const [dx, dy] = [STEP * way[0], STEP * way[1]];
  return shiftKey ? resized(edges, 'right bottom', edges[2] + dx, edges[3] + dy) : moved(edges, dx, dy);
}

/** Ask for a part of a picture. @param {string} source @param {Edges} first @param {function(Edges): void} choose */
function openDialog(source, first, choose) {
  let edges = first;
  let dragging = /** @type {?{corner: string, x: number, y: number}} */ (null);
  const box = make('div', {
    class: 'crop-box', tabindex: '0', role: 'application', autofocus: true, 'aria-label': t('crop.box'), 'aria-describedby': 'crop-keys',
  }, ...CORNERS.map((corner) => make('i', {class: `crop-corner ${corner}`, 'data-corner': corner})));
  const size = make('p', {class: 'fine', role: 'status'});
  const stage = make('div', {class: 'crop-stage'}, make('img', {src: source, alt: '', draggable: 'false'}), box);
  const button = (kind, text) => make('button', {type: 'button', class: 'plain-button', 'data-do': kind}, text);
  const dialog = make('dialog', {class: 'crop-dialog', 'aria-label': t('crop.open')},
    make('p', {class: 'fine', id: 'crop-keys'}, t('crop.keys')), stage, size,
    make('p', {class: 'photo-tools'}, button('apply', t('crop.apply')), button('cancel', t('crop.cancel'))));

  function show(/** @type {Edges} */ next) {
    edges = next;
    ['left', 'top', 'right', 'bottom'].forEach((side, i) => {
      box.style.setProperty(side, `${(100 * (i < 2 ? edges[i] : 1 - edges[i])).toFixed(2)}%`);
    });
    const [width, height] = [edges[2] - edges[0], edges[3] - edges[1]].map((share) => Math.round(100 * share));
    size.textContent = t('crop.size', {width, height});
  }
  function apply() {
    dialog.close();
    choose(edges.map((edge) => Number(edge.toFixed(4))));
  }
  const placeOf = ({clientX, clientY}) => {
    const {x, y, width, height} = stage.getBoundingClientRect();
    return {x: (clientX - x) / width, y: (clientY - y) / height};
  };

  stage.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    const {x, y} = placeOf(event);
    let corner = closest(event, '[data-corner]')?.dataset.corner ?? '';
    if (!corner && !closest(event, '.crop-box')) { // a new box, drawn from here
      corner = 'right bottom';
      show(resized([within(0, x, 1 - LEAST), within(0, y, 1 - LEAST), 1, 1], corner, x, y));
    }
    dragging = {corner, x, y};
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener('pointermove', (event) => {
    if (!dragging) return;
    const {x, y} = placeOf(event);
    show(dragging.corner ? resized(edges, dragging.corner, x, y) : moved(edges, x - dragging.x, y - dragging.y));
    dragging = {...dragging, x, y};
  });
  for (const kind of ['pointerup', 'pointercancel']) stage.addEventListener(kind, () => { dragging = null; });
  box.addEventListener('keydown', (event) => {
    const next = keyed(edges, event);
    if (next) show(next);
    else if (event.key === 'Enter') apply();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  dialog.addEventListener('click', (event) => {
    const kind = closest(event, '[data-do]')?.dataset.do;
    if (kind === 'apply') apply();
    else if (kind) dialog.close();
  });
  dialog.addEventListener('close', () => dialog.remove());
  show(edges);
  query('.gradio-container').append(dialog);
  dialog.showModal();
}

/** Bring the buttons in the input panel to life. @param {HTMLElement} element @param {function(string, object): void} trigger Gradio's */
export function mountCrop(element, trigger) {
  const asked = {crop: /** @type {?Edges} */ (null)}; // one for all clicks: one that has to wait is sent with the last choice
  const choose = (/** @type {?Edges} */ crop) => {
    asked.crop = crop;
    trigger('click', asked);
  };
  query('#input-panel').addEventListener('click', (event) => {
    const kind = closest(event, '[data-crop]')?.dataset.crop;
    if (kind === 'whole') choose(null);
    const image = queryAll('#image img')[0];
    if (kind !== 'open' || !image) return;
    const before = query('[data-edges]', element)?.dataset.edges;
    openDialog(image.src, before ? JSON.parse(before) : FIRST, choose);
  });
}
