// How long one has looked at a case, beside the time that the round gives for it. Nothing stops when it is over.

import {make} from '../shared/dom.js';
import {t} from '../shared/i18n.js';

/** The text of the clock. @param {number} limit @param {number} seconds that have gone by */
export const clockText = (limit, seconds) => (seconds <= limit
  ? t('practice.left', {seconds: limit - seconds}) : t('practice.over', {seconds: seconds - limit}));

/**
 * A clock that runs while it is on the page; null for a round without one.
 * @param {number|undefined} limit seconds @param {function(): number} elapsed seconds
 */
export function clock(limit, elapsed) {
  if (!limit) return null;
  const element = make('p', {class: 'pr-clock', role: 'timer'});
  const show = () => {
    element.textContent = clockText(limit, Math.floor(elapsed()));
    element.classList.toggle('pr-over', elapsed() > limit);
  };
  show();
  const timer = setInterval(() => (element.isConnected ? show() : clearInterval(timer)), 1000);
  return element;
}
