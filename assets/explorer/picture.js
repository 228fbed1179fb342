// The image with its boxes, and the overlay on it.

import {largest} from './data.js';
import {draw, fill, make, rove, setAttributes, swatch} from './dom.js';
import {pictureLegend} from './legends.js';
import {moveInList} from './moves.js';
import {paintOverlay} from './paint.js';
import {bumpsOf} from './scales.js';
import {colourOf} from './names.js';
import {captionOf, captionsOf} from './sentences.js';
import {isMarked, litBy, subjectOf, takesPart} from './view.js';

const TAGS = 15; // boxes that carry their number when nothing is under the pointer
const TAGGED = 5; // otherwise the strongest ones carry theirs

/** @param {function(string): Element} part a part of the page by its name */
export function picturePanel(part) {
  let boxes = new Map(); // region -> its elements, and the look that they have
  let bumps = null;
  const legend = pictureLegend(part('picture-legend'));

  // of this picture and of those of the heads
  const setOpacity = () => part('root').style.setProperty('--mx-overlay', part('opacity').value / 100);
  part('opacity').addEventListener('input', setOpacity);
  setOpacity();

  function boxOf({model, regions, ...view}, region, size) {
    const [x1, y1, x2, y2] = model.boxes[region];
    const [width, height] = [Math.max(1, x2 - x1), Math.max(1, y2 - y1)];
    const frame = {x: x1, y: y1, width, height};
    const halo = draw('rect', {...frame, class: 'mx-halo'}); // or a pale line would drown in pale skin
    const rect = draw('rect', {...frame, class: 'mx-box'});
    rect.style.stroke = colourOf(model, region);
    const place = {x: x1 + size / 4, y: y1 + size, 'font-size': size};
    const tag = draw('text', {...place, class: 'mx-tag'}, String(region + 1));
    const group = draw('g', {
      role: 'button',
      'aria-disabled': takesPart(view, 'regions') ? null : 'true',
      tabindex: region === regions[0] ? 0 : -1,
      'data-region': region,
      'aria-pressed': 'false',
      'aria-label':
        `Region ${region + 1}, ${model.names[region]}, detector score ${model.scores[region].toFixed(2)}`,
    }, halo, rect, tag);
    return {group, halo, rect, tag, look: ''};
  }

  function paintBoxes(view, active, pin, values) {
    const most = values ? values.reduce((top, value) => Math.max(top, Math.abs(value)), 1e-9) : 1;
    const tagged = new Set(values ? largest(values, TAGGED) : []);
    const faintest = active ? 0.15 : 0.5;
    for (const [region, box] of boxes) {
      const on = isMarked(view, active, 'regions', region);
      const share = values ? Math.abs(values[region]) / most : 0;
      const opacity = on ? 1 : values ? faintest + (1 - faintest) * share : active ? 0.25 : 0.8;
      const width = on ? 3.5 : values ? 1 + share : 1.4;
      const named = on || tagged.has(region) || (!active && boxes.size <= TAGS);
      const look = `${opacity.toFixed(2)} ${width.toFixed(1)} ${named}`;
      if (box.look !== look) { // most boxes stay as they are: only what differs is redrawn
        box.look = look;
        box.tag.style.display = box.halo.style.display = named ? '' : 'none';
        for (const [line, wider] of [[box.rect, 0], ...(named ? [[box.halo, on ? 4 : 1.4]] : [])]) {
          line.style.strokeOpacity = opacity.toFixed(2);
          line.style.strokeWidth = (width + wider).toFixed(1);
        }
      }
      box.group.classList.toggle('mx-on', on);
      const pressed = String(Boolean(pin) && on);
      if (box.group.getAttribute('aria-pressed') !== pressed) box.group.setAttribute('aria-pressed', pressed);
    }
  }

  return {
    /** Another image. */
    load(model) {
      bumps = bumpsOf(model);
      part('stage').style.aspectRatio = `${model.image.width} / ${model.image.height}`;
      const image = part('image');
      image.alt = `Dermatoscopic image ${model.title}`.trim();
      image.src = model.image.uri;
      fill(part('kinds'), model.kinds.map(({name, colour}) => (
        make('span', {class: 'mx-kind-name'}, swatch(colour), String(name)))));
    },
    render(view) {
      const {model, regions} = view;
      const svg = part('boxes');
      setAttributes(svg, {viewBox: `0 0 ${model.image.width} ${model.image.height}`});
      const area = (i) => (model.boxes[i][2] - model.boxes[i][0]) * (model.boxes[i][3] - model.boxes[i][1]);
      const ordered = [...regions].sort((a, b) => area(b) - area(a)); // small ones on top, or none could hit them
      boxes = new Map(ordered.map((region) => [region, boxOf(view, region, model.image.width / 34)]));
      fill(svg, [...boxes.values()].map(({group}) => group));
      legend.render(view);
      part('opacity').disabled = !takesPart(view, 'regions'); // without an overlay it would do nothing
      fill(part('caption-room'), captionsOf(view).map((text) => make('span', {}, text)));
    },
    paint(view, active, pin) {
      const {regions: values} = litBy(view, subjectOf(view, active));
      paintBoxes(view, active, pin, values);
      paintOverlay(part('overlay'), bumps, values, view.reading, view.floor);
      const caption = captionOf(view, pin); // not of what is only pointed at: new text would lay the page out anew
      if (part('caption').textContent !== caption) part('caption').textContent = caption;
    },
    /** What would paint too much anew in each frame. */
    settle: (view, active) => legend.paint(view, active, litBy(view, subjectOf(view, active)).regions),
    /** Arrow keys among the boxes: through the regions in their order. */
    move(event, {regions}, region) {
      const to = moveInList(event.key, regions.indexOf(region), regions.length);
      if (to === null) return;
      event.preventDefault();
      const next = boxes.get(regions[to]);
      if (next) rove([...boxes.values()].map(({group}) => group), next.group);
    },
  };
}
