// The image with its boxes, and the overlay on it.

import {largest} from './data.js';
import {draw, fill, make, rove, setAttributes} from './dom.js';
import {moveInList} from './moves.js';
import {paintOverlay} from './paint.js';
import {bumpsOf} from './scales.js';
import {captionOf, captionsOf} from './sentences.js';
import {isMarked, takesPart} from './view.js';

const TAGS = 15; // boxes that carry their number when nothing is under the pointer
const TAGGED = 5; // otherwise the strongest ones carry theirs

/** @param {function(string): Element} part a part of the page by its name */
export function picturePanel(part) {
  let boxes = new Map(); // region -> its elements, and the look that they have
  let bumps = null;

  part('opacity').addEventListener('input', (event) => {
    part('overlay').style.opacity = event.target.value / 100;
  });
  part('overlay').style.opacity = part('opacity').value / 100;

  function boxOf({model, regions, ...view}, region, size) {
    const [x1, y1, x2, y2] = model.boxes[region];
    const [width, height] = [Math.max(1, x2 - x1), Math.max(1, y2 - y1)];
    const rect = draw('rect', {x: x1, y: y1, width, height, class: 'mx-box'});
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
    }, rect, tag);
    return {group, rect, tag, look: {}};
  }

  function paintBoxes(view, active, pin, values) {
    const most = values ? values.reduce((top, value) => Math.max(top, Math.abs(value)), 1e-9) : 1;
    const tagged = new Set(values ? largest(values, TAGGED) : []);
    const faintest = active ? 0.15 : 0.5;
    for (const [region, box] of boxes) {
      const on = isMarked(view, active, 'regions', region);
      const share = values ? Math.abs(values[region]) / most : 0;
      const opacity = on ? 1 : values ? faintest + (1 - faintest) * share : active ? 0.25 : 0.8;
      const look = {
        stroke: values ? view.scale.css(values[region]) : '',
        'stroke-opacity': opacity.toFixed(2),
        'stroke-width': (on ? 3.5 : values ? 1 + 2.5 * share : 1.4).toFixed(1),
      };
      for (const [name, value] of Object.entries(look)) { // most boxes stay as they are: only what differs is redrawn
        if (box.look[name] !== value) box.rect.style.setProperty(name, value);
      }
      box.look = look;
      box.group.classList.toggle('mx-on', on);
      const pressed = String(Boolean(pin) && on);
      if (box.group.getAttribute('aria-pressed') !== pressed) box.group.setAttribute('aria-pressed', pressed);
      box.tag.style.display = on || tagged.has(region) || (!active && boxes.size <= TAGS) ? '' : 'none';
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
    },
    render(view) {
      const {model, regions} = view;
      const svg = part('boxes');
      setAttributes(svg, {viewBox: `0 0 ${model.image.width} ${model.image.height}`});
      const area = (i) => (model.boxes[i][2] - model.boxes[i][0]) * (model.boxes[i][3] - model.boxes[i][1]);
      const ordered = [...regions].sort((a, b) => area(b) - area(a)); // small ones on top, or none could hit them
      boxes = new Map(ordered.map((region) => [region, boxOf(view, region, model.image.width / 34)]));
      fill(svg, [...boxes.values()].map(({group}) => group));
      fill(part('caption-room'), captionsOf(view).map((text) => make('span', {}, text)));
    },
    /** @param {?Array<number>} values one number a region */
    paint(view, active, pin, values) {
      paintBoxes(view, active, pin, values);
      paintOverlay(part('overlay'), bumps, values, view.reading);
      const caption = captionOf(view, active);
      if (part('caption').textContent !== caption) part('caption').textContent = caption;
    },
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
