// Every head at once: the lesion once a head, each with the overlay of that head.

import {largest} from './payload.js';
import {draw, fill, make, setAttributes} from '../shared/dom.js';
import {colorOf} from './token_labels.js';
import {paintCells, paintOverlay} from './canvas.js';
import {bumpsOf} from './color_scales.js';
import {headsHint, mostText} from './captions.js';
import {headsOf, litBy, subjectOf, takesPart} from './selectors.js';
import {t} from '../shared/i18n.js';

const WIDTH = 64; // pixels of an overlay, which the browser scales up

/** A frame around a region, with a dark line below it, and its number. */
function frameOf() {
  const halo = draw('rect', {class: 'mx-halo'});
  const line = draw('rect', {class: 'mx-box'});
  const tag = draw('text', {class: 'mx-tag'});
  const group = draw('g', {}, halo, line, tag);

  return {
    group,
    show({model}, region, width) {
      group.style.display = region === null ? 'none' : '';
      if (region === null) return;
      const [x1, y1, x2, y2] = model.boxes[region];
      for (const [rect, wider] of [[halo, 2], [line, 0]]) {
        setAttributes(rect, {x: x1, y: y1, width: Math.max(1, x2 - x1), height: Math.max(1, y2 - y1)});
        rect.style.strokeWidth = width + wider;
      }
      line.style.stroke = colorOf(model, region);
      const size = model.image.width / 15;
      setAttributes(tag, {x: x1 + size / 5, y: Math.max(y1, 0) + 0.95 * size, 'font-size': size});
      fill(tag, [String(region + 1)]);
    },
  };
}

/** @param {function(string): any} part a part of the page by its name */
export function headsPanel(part) {
  let shown = []; // what is drawn of each head
  let bumps = null;

  function pictureOf({model}) {
    const canvas = make('canvas', {'aria-hidden': 'true'});
    const [most, marked] = [frameOf(), frameOf()];
    marked.group.classList.add('mx-on');
    const {width, height} = model.image;
    const svg = draw('svg', {viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true'}, most.group, marked.group);
    const picture = make('span', {class: 'mx-small'}, canvas, svg);
    picture.style.aspectRatio = `${width} / ${height}`;
    return {canvas, most, marked, picture};
  }

  function matrixOfHead({rows, cols, base}, weight, scale) {
    const canvas = make('canvas', {class: 'mx-cells', 'aria-hidden': 'true'});
    paintCells(canvas, cols.length, rows.length, (i, j) => scale.rgb(weight(rows[i], cols[j]) - base));
    return canvas;
  }

  /** The overlays, and what each head looks at most. */
  function paintPictures(view, active) {
    const subject = subjectOf(view, active);
    const token = active && view.axes.rows === 'regions' ? active.row : null;
    part('heads-hint').textContent = headsHint(view, subject, shown[0]?.scale);
    for (const {view: ofHead, canvas, most, marked, note} of shown) {
      if (!canvas) continue;
      const values = litBy(ofHead, subject).regions;
      const [best] = values ? largest(values, 1) : [null];
      paintOverlay(canvas, bumps, values, view.reading, view.floor);
      most.show(view, best === token ? null : best, 1.5);
      marked.show(view, token, 3);
      note.textContent = values ? mostText(view, best, values[best]) : '';
    }
  }

  return {
    render(view) {
      part('heads-part').hidden = !view.exists;
      shown = [];
      if (!view.exists) return;
      if (bumps?.of !== view.model) bumps = {...bumpsOf(view.model, WIDTH), of: view.model};
      const {scale, heads} = headsOf(view);
      const hasPicture = takesPart(view, 'regions');
      fill(part('heads'), heads.map(({matrix, weight, spread}, head) => {
        const spreadNote = make('span', {class: 'mx-head-note'});
        const note = make('span', {class: 'mx-head-most'});
        const one = hasPicture ? pictureOf(view) : {};
        shown.push({...one, view: {...view, matrix, weight}, scale, weight, spread, spreadNote, note});
        return make('button', {
          type: 'button', class: 'mx-head', 'data-head': head, 'aria-pressed': String(view.head === head),
        }, make('span', {class: 'mx-head-name'}, t('explorer.head-n', {n: head + 1})),
        one.picture ?? matrixOfHead(view, weight, scale), hasPicture ? note : null, spreadNote);
      }));
    },
    paint(view, active) {
      const isCell = active && active.row !== null && active.col !== null;
      for (const {weight, spreadNote, spread} of shown) {
        const text = isCell ? view.format(weight(active.row, active.col) - view.base) : spread;
        if (spreadNote.textContent !== text) spreadNote.textContent = text;
        spreadNote.classList.toggle('mx-of-cell', Boolean(isCell));
      }
    },
    /** What is too much for each frame: eight overlays. */
    settle: (view, active) => view.exists && paintPictures(view, active),
  };
}
