// The QR code of an address of this page, and a slide with it that a class scans.

import {make} from './dom.js';
import {t} from './i18n.js';

/** The page's address with another hash, as this browser has it. @param {string} hash */
export const pageAddress = (hash) => `${location.origin}${location.pathname}${hash}`;

/** Whether other machines can open this page by its address. */
const isReachable = () => !/^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname);

/**
 * An image of the QR code, or a sentence why there is none.
 * @param {any} server Gradio's, with the function qr_code @param {string} address @returns {Promise<HTMLElement>}
 */
export async function qrImage(server, address) {
  const {image} = await server.qr_code(address).catch(() => ({}));
  return image ? make('img', {class: 'qr', src: image, alt: t('join.code', {address})}) : make('p', {}, t('join.failed'));
}

/** The note for a page that phones cannot reach; null for others. */
export const reachNote = () => (isReachable() ? null : make('p', {class: 'join-note'}, t('join.local')));

/** Show the slide until it is closed. @param {any} server @param {string} hash @param {string} title what one joins */
export async function showJoinSlide(server, hash, title) {
  const address = pageAddress(hash);
  const image = await qrImage(server, address);
  const slide = make('dialog', {class: 'join', 'aria-label': t('join'), onclose: () => slide.remove()},
    make('h2', {}, t('join')), make('p', {}, title), image, make('p', {class: 'join-address'}, address), reachNote(),
    make('form', {method: 'dialog'}, make('button', {}, t('join.close'))));
  document.body.append(slide);
  slide.showModal();
}
