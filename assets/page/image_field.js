// Gradio's image field takes what the browser calls image/*, which DICOM is not, and HEIC and JPEG 2000 not everywhere.
// Here it takes every file: the server looks at the content, and says what it can read.

import {closest} from '../shared/dom.js';

const CHOOSER = '#image input[type=file]';
// what the dialog offers at first
const ACCEPT = 'image/*,.heic,.heif,.avif,.jp2,.tif,.tiff,.dcm,application/dicom';

/** @param {File} file */
const isImage = ({type}) => type.startsWith('image/');

/** The files under a type that Gradio takes. @param {File[]} files @returns {DataTransfer} */
function asImages(files) {
  const images = new DataTransfer();
  for (const file of files) images.items.add(isImage(file) ? file : new File([file], file.name, {type: 'image/unknown'}));
  return images;
}

/** Begin. Everything happens before Gradio's own listeners. */
export function takeAnyFile() {
  document.addEventListener('click', (event) => closest(event, CHOOSER)?.setAttribute('accept', ACCEPT), true);
  document.addEventListener('change', (event) => {
    const chooser = /** @type {?HTMLInputElement} */ (closest(event, CHOOSER));
    if (chooser) chooser.files = asImages([...chooser.files]).files;
  }, true);
  document.addEventListener('drop', (event) => {
    const files = [...event.dataTransfer?.files ?? []];
    if (!closest(event, '#image') || files.every(isImage)) return;
    event.preventDefault();
    event.stopPropagation();
    event.target.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: asImages(files)}));
  }, true);
}
