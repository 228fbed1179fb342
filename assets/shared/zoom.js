// Zoom a picture and everything drawn on it: wheel, pinch, drag, keyboard and buttons.

import {closest, query, queryAll} from './dom.js';

const MOST = 8;
const STEP = 1.5; // of a key and of a button
const SLOP = 4; // CSS pixels that a mouse moves before it drags
export const WHOLE = {scale: 1, x: 0, y: 0};

/** @typedef {{scale: number, x: number, y: number}} View scale, and the shift as a share of the picture's size */

const between = (/** @type {number} */ low, /** @type {number} */ value, /** @type {number} */ high) => Math.max(low, Math.min(value, high));

/** The view shifted, without leaving the picture. @param {View} view @returns {View} */
export const shifted = ({scale, x, y}, dx, dy) => (
  {scale, x: between(1 - scale, x + dx, 0), y: between(1 - scale, y + dy, 0)});

/** The view magnified around a point that stays in its place. @param {View} view @param {[x: number, y: number]} point shares of the picture's size @returns {View} */
export function zoomedAt({scale, x, y}, factor, [px, py]) {
  const next = between(1, scale * factor, MOST);
  const ratio = next / scale;
  return shifted({scale: next, x: px - (px - x) * ratio, y: py - (py - y) * ratio}, 0, 0);
}

/**
 * Make the pictures in `root` zoomable. A picture is an element of class `zoomable` (style.css) whose children fill it:
 * the image and what lies on it zoom together, through the CSS variable `--zoom` of `root`. All pictures in `root` show
 * the same part. They may be drawn anew at any time; another `data-picture` starts with the whole image.
 *
 * - wheel with Ctrl (a trackpad's pinch), or while the picture has the focus, and two fingers: zoom
 * - drag with the mouse or one finger, arrow keys on a focused picture: move what is zoomed
 * - `+`, `-`, `0` or a double click (whole image), and buttons in `root` with `data-zoom="in|out|reset"`
 *
 * @param {HTMLElement} root
 * @param {object} options
 * @param {boolean} [options.drag] false where a drag has another meaning, as in Practice: then two fingers move, too
 * @param {function(): void} [options.pinching] called when a second finger comes down
 * @returns {function(): void} shows the whole image
 */
export function mountZoom(root, {drag = true, pinching = () => {}} = {}) {
  let view = WHOLE;
  let picture = /** @type {string|undefined} */ (undefined);
  let from = /** @type {?{x: number, y: number, spread: number}} */ (null); // where fingers or the mouse were last
  let dragged = false;
  const zoomable = (/** @type {Event} */ event) => closest(event, '.zoomable');

  function show(/** @type {View} */ next) {
    view = next;
    root.style.setProperty('--zoom', view.scale === 1 ? 'none'
      : `translate(${(100 * view.x).toFixed(3)}%, ${(100 * view.y).toFixed(3)}%) scale(${view.scale.toFixed(4)})`);
    root.classList.toggle('zoomed', view.scale > 1);
    for (const button of queryAll('[data-zoom]', root)) {
      button.disabled = button.dataset.zoom === 'in' ? view.scale >= MOST : view.scale === 1;
    }
  }
  const shareOf = (/** @type {Element} */ element, x, y) => {
    const box = element.getBoundingClientRect();
    return /** @type {[number, number]} */ ([(x - box.x) / box.width, (y - box.y) / box.height]);
  };
  const zoom = (/** @type {Element} */ element, factor, x, y) => show(zoomedAt(view, factor, shareOf(element, x, y)));
  const move = (/** @type {Element} */ element, dx, dy) => show(shifted(view, dx / element.clientWidth, dy / element.clientHeight));
  const centered = (factor) => show(zoomedAt(view, factor, [0.5, 0.5]));

  root.addEventListener('wheel', (event) => {
    const element = zoomable(event);
    if (!element || !(event.ctrlKey || element.contains(document.activeElement))) return;
    const lines = event.deltaMode ? 16 : 1;
    const before = view;
    zoom(element, Math.exp(-0.01 * between(-50, event.deltaY * lines, 50)), event.clientX, event.clientY);
    if (event.ctrlKey || view.scale !== before.scale) event.preventDefault(); // at the end the page scrolls
  }, {passive: false});

  root.addEventListener('keydown', (event) => {
    const element = zoomable(event);
    if (!element || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = event.target === element && view.scale > 1
      ? {ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key] : null;
    if (way) show(shifted(view, 0.1 * way[0], 0.1 * way[1]));
    else if (event.key === '+' || event.key === '=') centered(STEP);
    else if (event.key === '-') centered(1 / STEP);
    else if (event.key === '0') show(WHOLE);
    else return;
    event.preventDefault();
  });
  root.addEventListener('dblclick', (event) => zoomable(event) && show(WHOLE));
  root.addEventListener('click', (event) => {
    if (dragged) event.stopPropagation(); // a drag is no click on what lies under it
    dragged = false;
    const kind = closest(event, '[data-zoom]')?.dataset.zoom;
    if (kind === 'reset') show(WHOLE);
    else if (kind) centered(kind === 'in' ? STEP : 1 / STEP);
  }, true);

  // the mouse
  root.addEventListener('pointerdown', (event) => {
    dragged = false;
    const free = drag && view.scale > 1 && event.pointerType !== 'touch' && !event.button && zoomable(event);
    from = free ? {x: event.clientX, y: event.clientY, spread: 0} : null;
  });
  root.addEventListener('pointermove', (event) => {
    const element = zoomable(event);
    if (!from || !element || event.pointerType === 'touch' || !event.buttons) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!dragged && Math.hypot(dx, dy) < SLOP) return;
    if (!dragged) element.setPointerCapture(event.pointerId);
    dragged = true;
    from = {x: event.clientX, y: event.clientY, spread: 0};
    move(element, dx, dy);
  });

  // fingers
  const fingersOn = (/** @type {TouchEvent} */ event) => [...event.touches].filter((touch) => closest(touch, '.zoomable'));
  const placeOf = ([a, b = a]) => (
    {x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2, spread: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)});
  const begin = (/** @type {TouchEvent} */ event) => {
    const fingers = fingersOn(event);
    from = fingers.length ? placeOf(fingers) : null;
    return fingers.length;
  };
  root.addEventListener('touchstart', (event) => {
    if (begin(event) < 2) return;
    event.preventDefault(); // the browser would zoom the page
    pinching();
  }, {passive: false});
  root.addEventListener('touchmove', (event) => {
    const [element, fingers] = [zoomable(event), fingersOn(event)];
    if (!from || !element || !(fingers.length > 1 || (fingers.length && drag && view.scale > 1))) return;
    if (event.cancelable) event.preventDefault(); // the browser would scroll the page
    const to = placeOf(fingers);
    if (from.spread && to.spread) zoom(element, to.spread / from.spread, from.x, from.y);
    move(element, to.x - from.x, to.y - from.y);
    from = to;
  }, {passive: false});
  for (const kind of /** @type {const} */ (['touchend', 'touchcancel'])) root.addEventListener(kind, begin);

  new MutationObserver(() => {
    const now = query('.zoomable', root)?.dataset.picture;
    show(now === picture ? view : WHOLE);
    picture = now;
  }).observe(root, {childList: true, subtree: true, attributeFilter: ['data-picture']});
  picture = query('.zoomable', root)?.dataset.picture;
  show(WHOLE);
  return () => show(WHOLE);
}
