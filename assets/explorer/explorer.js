// The explorer itself: one state, one view computed from it, and the parts of the page that follow.
//
// `state` is what the reader chose; every change makes a new one (state.js). `view` is the one matrix on display
// (view.js), rebuilt when a choice changes. What is under the pointer or pinned only repaints.

import {controlsPanel} from './controls.js';
import {readPayload} from './payload.js';
import {reveal, setAttributes, partsOf} from '../shared/dom.js';
import {download} from '../shared/download.js';
import {fileOf} from './exports.js';
import {headsPanel} from './heads.js';
import {listen} from './input.js';
import {renderLegend} from './legends.js';
import {matrixPanel} from './matrix.js';
import {picturePanel} from './picture.js';
import {paintReadout} from './readout.js';
import {caseLine, matrixSentence, readoutOf} from './captions.js';
import {activeOf, chosen, FIRST, fitted, hovered, isCell, isSame, loaded, pinned, pinShown, takenUp} from './reducer.js';
import {fusionPanel, markTables, renderTable} from './tables.js';
import {litBy, viewOf} from './selectors.js';
import {walkPanel} from './walkthrough.js';
import {wordsPanel} from './word_chips.js';
import {t} from '../shared/i18n.js';

const LARGEST_FILE = 4_000_000;
const REST = 150; // milliseconds that the pointer rests
const NO_CASE = 'none'; // what is shown is about no case of the page, and stays when that has another one

/** Bring the skeleton in `element` to life. The arguments are what Gradio's js_on_load has. */
export function mountExplorer(element, props, server, watch) {
  const part = partsOf(element);
  let state = FIRST;
  let model = null;
  let view = null;
  let loads = 0;
  let frame = 0;
  let rest = 0;

  const controls = controlsPanel(part, choose);
  const picture = picturePanel(part);
  const words = wordsPanel(part);
  const matrix = matrixPanel(part);
  const heads = headsPanel(part);
  const fusion = fusionPanel(part, choose);
  const walk = walkPanel(part('walk'), server, (walkHead) => {
    state = {...state, walkHead};
    return walk.show(view, state);
  });

  // --- what follows ----------------------------------------------------------------------------------------------

  /** All that follows a choice. */
  function rebuild() {
    state = fitted(state, model);
    view = viewOf(model, state);
    state = pinShown(state, view);
    controls.render(view, state);
    part('sentence').textContent = matrixSentence(view);
    part('sentence').classList.toggle('mx-note', !view.exists);
    part('body').classList.toggle('mx-none', !view.exists);
    picture.render(view);
    words.render(view);
    matrix.render(view);
    renderLegend(part('legend'), view);
    heads.render(view);
    fusion.render(view);
    renderTable(part, view);
    paint();
    matrix.cue();
    showWalk();
  }

  /** The walk-through of what is pinned, with a way back to it. */
  function showWalk() {
    part('back').hidden = !isCell(state.pin);
    return walk.show(view, state);
  }

  /** All that follows the pointer. Runs at most once a frame, and asks nobody. */
  function paint(atOnce = true) {
    frame = 0;
    const active = activeOf(state);
    const lit = litBy(view, active);
    matrix.paint(view, active); // first: it asks where cells are, which is known as long as nothing else has changed
    picture.paint(view, active, state.pin);
    words.paint(view, active, state.pin, lit.words);
    heads.paint(view, active);
    paintReadout(part('readout'), view, active, state.pin);
    clearTimeout(rest);
    if (atOnce) settle();
    else rest = setTimeout(settle, REST);
  }

  /** All that follows when the pointer rests: too much for a frame. */
  function settle() {
    const active = activeOf(state);
    picture.settle(view, active, state.pin);
    heads.settle(view, active);
    markTables(part, view, active);
  }

  const headline = () => readoutOf(view, activeOf(state))[0];

  // --- what the reader does --------------------------------------------------------------------------------------

  /** Change what is chosen, and show it. */
  function choose(changes) {
    state = chosen(state, changes);
    if (model) rebuild(); // controls can be reached before the first case arrives
  }

  function hover(active) {
    if (isSame(active, state.hover) || (!active && !state.hover)) return;
    state = hovered(state, active);
    if (!state.pin && !frame) frame = requestAnimationFrame(() => paint(false));
  }

  function pin(active) {
    const freed = state.pin;
    const inside = element.contains(document.activeElement);
    state = pinned(state, active);
    paint();
    part('status').textContent = state.pin ? `${t('explorer.pinned')} ${headline()}` : t('explorer.unpinned');
    const shown = showWalk();
    if (isCell(state.pin)) reveal(part('walk-part'), shown, () => state.pin === active);
    if (freed && !state.pin && inside && !element.contains(document.activeElement)) {
      matrix.focus(view, freed); // the panel with the focus is gone
    }
  }

  /** From the walk-through back to what it is about. */
  function back() {
    part('matrix').scrollIntoView({behavior: 'instant', block: 'center'});
    matrix.focus(view, state.pin);
  }

  function free() {
    if (state.pin) {
      pin(null);
      return;
    }
    state = hovered(state, null);
    paint();
  }

  /** The same head again leads back to the mean. */
  function chooseHead(head) {
    choose({head: state.head === head ? 'mean' : head});
    part('heads').querySelectorAll('[data-head]')[head].focus();
  }

  // --- files -----------------------------------------------------------------------------------------------------

  async function save(kind) {
    const error = part('error');
    error.textContent = '';
    if (kind === 'csv' && !view.exists) {
      error.textContent = view.reason;
      return;
    }
    const parts = {boxes: part('boxes'), overlay: part('overlay'), opacity: part('opacity')};
    try {
      const {blob, name} = await fileOf(kind, view, state, headline(), parts);
      download(blob, name);
    } catch (problem) {
      error.textContent = t('explorer.export-failed', {why: problem.message});
    }
  }

  async function open(input) {
    const [file] = input.files;
    input.value = '';
    if (!file) return;
    if (file.size > LARGEST_FILE) {
      part('error').textContent = t('explorer.file.large');
      return;
    }
    const text = await file.text();
    await load(text || ' ', true);
  }

  /** Show a payload, or say in the page why not. */
  async function load(text, fromFile = false) {
    const ticket = ++loads;
    const error = part('error');
    error.textContent = '';
    if (!text) {
      part('body').hidden = true;
      part('root').removeAttribute('data-case');
      part('empty').hidden = false;
      return;
    }
    let next;
    try {
      next = await readPayload(text);
    } catch (problem) {
      if (ticket !== loads) return;
      error.textContent = problem.message;
      if (!fromFile) setAttributes(part('root'), {'data-case': NO_CASE}); // else the message would be covered
      return;
    }
    if (ticket !== loads) return;
    if (fromFile) { // a file cannot speak for a case on the server, nor for the one on the page
      delete next.key;
      delete next.case;
    }
    state = loaded(state, model, next);
    model = next;
    part('empty').hidden = true;
    part('body').hidden = false;
    part('case').textContent = caseLine(model);
    setAttributes(part('root'), {'data-case': model.case || NO_CASE});
    picture.load(model);
    rebuild();
    element.dispatchEvent(new CustomEvent('explorer-ready'));
  }

  // --- life ------------------------------------------------------------------------------------------------------

  listen(element, {
    view: () => view,
    isLit: () => Boolean(activeOf(state)),
    hover, pin, free, chooseHead, save,
    moveCell: (event, cell) => matrix.move(event, cell),
    moveBox: (event, region) => picture.move(event, view, region),
  });
  // from outside, as a lesson does: {map, layer, head, order, top, reading}, as far as they are set, and pin: {row, col}
  element.addEventListener('explore', ({detail: {pin: active = null, ...wanted}}) => {
    if (!model) return;
    state = takenUp(state, wanted);
    choose({pin: active, map: state.map});
  });
  part('back').addEventListener('click', back);
  part('import').addEventListener('change', (event) => open(event.target));
  part('table-part').addEventListener('toggle', () => view && renderTable(part, view));
  // where the cells are changes with the width of the page, and with a tab that is opened
  new ResizeObserver(() => {
    if (!view?.exists) return;
    matrix.paint(view, activeOf(state));
    matrix.cue();
  }).observe(part('matrix'));
  watch('value', () => load(props.value));
  load(props.value);
}
