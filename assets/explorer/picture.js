// The image with its boxes, and the overlay on it.

import {largest} from './payload.js';
import {draw, fill, make, rove, setAttributes} from '../shared/dom.js';
import {pictureLegend} from './legends.js';
import {moveInList} from '../shared/keyboard_navigation.js';
import {paintOverlay, swatch} from './canvas.js';
import {bumpsOf} from './color_scales.js';
import {colorOf} from './token_labels.js';
import {captionOf, captionsOf} from './captions.js';
import {rounded} from './format.js';
import {isMarked, litBy, subjectOf, takesPart} from './selectors.js';
import {named, t} from '../shared/i18n.js';
import {mountZoom} from '../shared/zoom.js';

const TAGS = 15; // boxes that carry their number when nothing is under the pointer
const TAGGED = 5; // otherwise the strongest ones carry theirs

/** @param {function(string): any} part a part of the page by its name */
export function picturePanel(part) {
  let boxes = new Map(); // region -> its elements, and the look that they have
  let bumps = null;
  const legend = pictureLegend(part('picture-legend'));
  const showWhole = mountZoom(part('stage').parentElement);

  // of this picture and of those of the heads
  const setOpacity = () => part('root').style.setProperty('--mx-overlay', part('opacity').value / 100);
  part('opacity').addEventListener('input', setOpacity);
  setOpacity();

  function boxOf(view, region, size) {
    const {model, regions} = view;
    const [x1, y1, x2, y2] = model.boxes[region];
    const [width, height] = [Math.max(1, x2 - x1), Math.max(1, y2 - y1)];
    const frame = {x: x1, y: y1, width, height};
    const halo = draw('rect', {...frame, class: 'mx-halo'}); // or a pale line would drown in pale skin
    const rect = draw('rect', {...frame, class: 'mx-box'});
    rect.style.stroke = colorOf(model, region);
    const place = {x: x1 + size / 4, y: y1 + size, 'font-size': size};
    const tag = draw('text', {...place, class: 'mx-tag'}, String(region + 1));
    const group = draw('g', {
      role: 'button',
      'aria-disabled': takesPart(view, 'regions') ? null : 'true',
      tabindex: region === regions[0] ? 0 : -1,
      'data-region': region,
      'aria-pressed': 'false',
      'aria-label':
        t('explorer.box-label', {n: region + 1, name: named(model.names[region]), score: rounded(model.scores[region], 2)}),
    }, halo, rect, tag);
    return {group, halo, rect, tag, on: false};
  }

  /** @param {boolean} all whether to draw every box by its number, or only those that begin or cease to be marked */
  function paintBoxes(view, active, pin, values, all) {
    const most = values ? values.reduce((top, value) => Math.max(top, Math.abs(value)), 1e-9) : 1;
    const tagged = new Set(values ? largest(values, TAGGED) : []);
    const faintest = active ? 0.15 : 0.5;
    for (const [region, box] of boxes) {
      const on = isMarked(view, active, 'regions', region);
      if (!all && on === box.on) continue;
      box.on = on;
      const share = values ? Math.abs(values[region]) / most : 0;
      const opacity = on ? 1 : values ? faintest + (1 - faintest) * share : active ? 0.25 : 0.8;
      const width = on ? 3.5 : values ? 1 + share : 1.4;
      const isNamed = on || tagged.has(region) || (!active && boxes.size <= TAGS);
      box.tag.style.display = box.halo.style.display = isNamed ? '' : 'none';
      for (const [line, wider] of [[box.rect, 0], [box.halo, on ? 4 : 1.4]]) {
        line.style.strokeOpacity = opacity.toFixed(2);
        line.style.strokeWidth = (width + wider).toFixed(1);
      }
      box.group.classList.toggle('mx-on', on);
      box.group.setAttribute('aria-pressed', String(Boolean(pin) && on));
    }
  }

  return {
    /** Another image. */
    load(model) {
      bumps = bumpsOf(model);
      part('stage').style.aspectRatio = `${model.image.width} / ${model.image.height}`;
      const image = part('image');
      if (image.getAttribute('src') !== model.image.uri) showWhole();
      image.alt = t('explorer.image-alt', {title: model.title}).trim();
      image.src = model.image.uri;
      part('root').style.setProperty('--mx-lesion', `url("${model.image.uri}")`); // of crops and heads
      fill(part('kinds'), model.kinds.map(({name, colour}) => (
        make('span', {class: 'mx-kind-name'}, swatch(colour), named(name)))));
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
      paintBoxes(view, active, pin, values, false);
      paintOverlay(part('overlay'), bumps, values, view.reading, view.floor);
      const caption = captionOf(view, pin); // not of what is only pointed at: new text would lay the page out anew
      if (part('caption').textContent !== caption) part('caption').textContent = caption;
    },
    /** What would paint too much anew in each frame. */
    settle(view, active, pin) {
      const {regions: values} = litBy(view, subjectOf(view, active));
      paintBoxes(view, active, pin, values, true);
      legend.paint(view, active, values);
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
