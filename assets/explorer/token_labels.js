// What tokens, sides and heads are called. Nothing here touches the page.

import {named, t} from '../shared/i18n.js';

/** How the tokens of a case are called; each function takes a side and a token's position. */
export const namesOf = (model) => ({
  short: (side, i) => (side === 'regions' ? String(i + 1) : model.words[i].text),
  long: (side, i) => (side === 'regions' ? `${i + 1} ${named(model.names[i])}` : model.words[i].text),
  /** In a sentence. */
  said: (side, i) => (side === 'regions' ? t('explorer.said.regions', {n: i + 1}) : t('explorer.said.words', {text: model.words[i].text})),
});

/** The colour of a region's kind. */
export const colorOf = (model, region) => model.kinds[model.kind_of[region]].colour;

/** @param {number|'mean'|'max'} head @param {number} heads how many there are */
export function headName(head, heads) {
  if (typeof head === 'number') return t('explorer.head-small', {n: head + 1});
  return t(`explorer.${head}-of`, {heads: t('count.head', {n: heads})});
}
