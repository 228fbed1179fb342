// What Gradio's events of Diagnose and of the printouts do in the page.

import {downloadUri} from '../shared/download.js';
import {closest} from '../shared/dom.js';
import {asks} from '../page/answer_timing.js';

/** In one column the answer is below the fold: scroll to it, unless the input was refused. */
export function showAnswer() {
  if (innerWidth < 900 && !document.querySelector('#input-panel .note-error')) {
    document.querySelector('#answer-panel').scrollIntoView({block: 'start'});
  }
}

let imageAsked = ''; // path of the image that the last change of metadata was about

/** Other metadata ask for an answer. @param {...any} inputs of the event, which are returned; the second is the image */
export function asksRevision(...inputs) {
  imageAsked = inputs[1]?.path;
  return asks('revise', ...inputs);
}

/** Another value where another image was chosen since. @param {string} changes so far @param {?{path: string}} image */
export const changedImage = (changes, image) => (image?.path === imageAsked ? changes : `${Number(changes) + 1}`);

/** Save a figure given as a data: URI. @param {string} uri @returns {string} the field's next value */
export function saveFigure(uri) {
  if (uri) downloadUri(uri, 'mat-diagnosis.png');
  return '';
}

/** Save a printout. @param {?{uri: string, name: string}} file @returns {null} the field's next value */
export function saveFile(file) {
  if (file) downloadUri(file.uri, file.name);
  return null;
}

/**
 * Open an example by a click. @param {Element} element @param {function(string, object): void} trigger Gradio's
 */
export function mountExamples(element, trigger) {
  const picked = {}; // one object for all clicks: one that has to wait is sent with what was clicked last
  element.addEventListener('click', (event) => {
    const button = closest(event, 'button[data-index]');
    if (!button) return;
    picked.index = Number(button.dataset.index);
    trigger('click', picked);
  });
}
