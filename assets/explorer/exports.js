// What is on the screen as files: SVG, PNG, CSV, JSON.

import {csvText} from '../shared/csv.js';
import {draw, make, setAttributes} from '../shared/dom.js';
import {t} from '../shared/i18n.js';

/** XML has no place for most control characters, nor for half a surrogate pair. */
export const xmlText = (text) => Array.from(String(text))
  .filter((letter) => /[\t\n\r\u0020-\uD7FF\uE000-\uFFFD]|[\u{10000}-\u{10FFFF}]/u.test(letter)).join('');

/**
 * The whole matrix on display, every region of it, laid out as on the screen.
 * @param {object} view from view.js
 */
export function matrixCsv(view) {
  const {model, axes, weight} = view;
  const columns = view.all.cols.map((i) => (axes.cols === 'words' ? model.words[i].text : `region ${i + 1}`));
  const boxed = axes.rows === 'regions' ? ['name', 'score', 'x1', 'y1', 'x2', 'y2'] : ['field'];
  const head = [axes.rows === 'regions' ? 'region' : 'word', ...boxed, ...columns];
  const lines = view.all.rows.map((i) => [
    ...(axes.rows === 'regions' ? [i + 1, model.names[i], model.scores[i], ...model.boxes[i]] : [model.words[i].text, model.words[i].field]),
    ...view.all.cols.map((j) => Number((weight(i, j) - view.base).toFixed(6))),
  ]);
  return csvText([head, ...lines]);
}

/** The payload with the view beside it; without the keys that server and page know this case by. */
export function everythingJson(model, state) {
  const payload = {...model};
  delete payload.maps;
  delete payload.key;
  delete payload.case;
  const {map, layer, head, order, top, reading, against} = state;
  return JSON.stringify({...payload, view: {map, layer, head, order, top, reading, against}}).replaceAll('<', '\\u003c');
}

const FONT = 'system-ui, sans-serif';
const label = (x, y, text, more = {}) => draw('text', {x, y, 'font-family': FONT, 'font-size': 12, fill: '#1f2937', ...more}, xmlText(text));

/** The image with overlay and boxes, as on the screen. */
function pictureGroup(model, parts, width) {
  const factor = width / model.image.width;
  const height = model.image.height * factor;
  const boxes = parts.boxes.cloneNode(true);
  const live = [parts.boxes, ...parts.boxes.querySelectorAll('*')];
  [boxes, ...boxes.querySelectorAll('*')].forEach((copy, i) => {
    const style = getComputedStyle(live[i]); // the classes stay behind: a file has no style sheet
    for (const name of ['fill', 'stroke', 'stroke-width', 'stroke-opacity', 'fill-opacity', 'opacity', 'font-size', 'font-weight', 'paint-order', 'display', 'vector-effect']) {
      copy.setAttribute(name, style.getPropertyValue(name));
    }
    for (const name of ['class', 'style', 'role', 'tabindex', 'aria-label', 'aria-pressed', 'data-part', 'data-region']) copy.removeAttribute(name);
  });
  setAttributes(boxes, {x: 0, y: 0, width, height, 'font-family': FONT});
  return draw('g', {},
    draw('image', {href: model.image.uri, width, height, preserveAspectRatio: 'none'}),
    draw('image', {href: parts.overlay.toDataURL('image/png'), width, height, preserveAspectRatio: 'none', opacity: parts.opacity.value / 100}),
    boxes);
}

/** The matrix with its names and, where it is wide enough, its numbers. */
export function matrixGroup(view) {
  const {names} = view;
  const cell = view.numbers ? {width: 52, height: 22} : {width: 26, height: 22};
  const left = 150;
  const top = view.axes.cols === 'words' ? 92 : 34;
  const group = draw('g', {});
  view.cols.forEach((column, j) => {
    const x = left + (j + 0.5) * cell.width;
    const turned = view.axes.cols === 'words' ? {transform: `rotate(-90 ${x + 4} ${top - 6})`} : {'text-anchor': 'middle'};
    group.append(label(view.axes.cols === 'words' ? x + 4 : x, top - 6, names.short(view.axes.cols, column), turned));
  });
  view.rows.forEach((row, i) => {
    const y = top + i * cell.height;
    group.append(label(left - 8, y + 15, names.long(view.axes.rows, row).slice(0, 22), {'text-anchor': 'end'}));
    view.cols.forEach((column, j) => {
      const value = view.weight(row, column) - view.base;
      const x = left + j * cell.width;
      group.append(draw('rect', {x, y, width: cell.width - 1, height: cell.height - 1, fill: view.scale.hex(value)}));
      if (view.numbers) group.append(label(x + cell.width / 2, y + 15, view.format(value), {'text-anchor': 'middle', 'font-size': 11, fill: view.scale.ink(value)}));
    });
  });
  return {group, width: left + view.cols.length * cell.width, height: top + view.rows.length * cell.height};
}

/** The colour bar with its ends. */
export function legendGroup(view, width) {
  const group = draw('g', {});
  for (let i = 0; i < 64; i++) {
    const value = view.scale.low + ((i + 0.5) / 64) * (view.scale.high - view.scale.low);
    group.append(draw('rect', {x: (i * width) / 64, y: 0, width: width / 64 + 0.5, height: 10, fill: view.scale.hex(value)}));
  }
  group.append(label(0, 24, view.format(view.scale.low), {'font-size': 11}), label(width, 24, view.format(view.scale.high), {'font-size': 11, 'text-anchor': 'end'}));
  return group;
}

/**
 * One self-contained SVG file of the picture, the matrix and the sentence about them.
 * @param {{boxes: Element, overlay: Element, opacity: Element}} parts of the page
 */
export function screenSvg(view, headline, parts) {
  const {model} = view;
  const picture = {width: 440, height: (440 * model.image.height) / model.image.width};
  const at = (x, y, node) => draw('g', {transform: `translate(${x} ${y})`}, node);
  const content = draw('g', {}, at(20, 52, pictureGroup(model, parts, picture.width)));
  let [width, height] = [480, 52 + picture.height + 24];
  if (view.exists) {
    const matrix = matrixGroup(view);
    content.append(at(480, 52, matrix.group), at(630, 62 + matrix.height, legendGroup(view, 180)));
    width = Math.max(480 + matrix.width, 840) + 20;
    height = Math.max(height, 62 + matrix.height + 44);
  }
  const title = [model.title, view.title].filter(Boolean).join(' · ');
  const svg = draw('svg', {width, height: height + 20, viewBox: `0 0 ${width} ${height + 20}`},
    draw('title', {}, xmlText(title)),
    draw('rect', {width, height: height + 20, fill: '#ffffff'}),
    label(20, 26, title, {'font-size': 15, 'font-weight': 600}),
    label(20, 43, headline, {'font-size': 11.5}),
    content,
    label(20, height + 8, t('explorer.no-device'), {'font-size': 11, fill: '#6b7280'}));
  return new XMLSerializer().serializeToString(svg);
}

/** The same picture in pixels, twice as fine as the screen. */
async function screenPng(svgText) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svgText], {type: 'image/svg+xml'}));
  try {
    await image.decode();
    const canvas = make('canvas', {width: 2 * image.naturalWidth, height: 2 * image.naturalHeight});
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(t('explorer.no-png')))), 'image/png');
    });
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** What a file of the view is called, without its ending. */
export function fileName({name, layer, head, reading}) {
  return ['attention', name, `layer${layer + 1}`, typeof head === 'number' ? `head${head + 1}` : head, reading].join('-');
}

/**
 * @param {'json'|'csv'|'svg'|'png'} kind
 * @returns {Promise<{blob: Blob, name: string}>}
 * @throws {Error} with a sentence
 */
export async function fileOf(kind, view, state, headline, parts) {
  const name = `${fileName(view)}.${kind}`;
  switch (kind) {
    case 'json': return {blob: new Blob([everythingJson(view.model, state)], {type: 'application/json'}), name: 'attention.json'};
    case 'csv': return {blob: new Blob([matrixCsv(view)], {type: 'text/csv'}), name};
    case 'svg': return {blob: new Blob([screenSvg(view, headline, parts)], {type: 'image/svg+xml'}), name};
    default: return {blob: await screenPng(screenSvg(view, headline, parts)), name};
  }
}
