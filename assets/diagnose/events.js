// What Gradio's events of Diagnose and of the printouts do in the page.

import {downloadUri} from '../shared/download.js';
import {closest} from '../shared/dom.js';

/** In one column the answer is below the fold: scroll to it, unless the input was refused. */
export function showAnswer() {
  if (innerWidth < 900 && !document.querySelector('#input-panel .note-error')) {
    document.querySelector('#answer-panel').scrollIntoView({block: 'start'});
  }
}

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
