// What tokens, sides and heads are called. Nothing here touches the page.

import {plural} from './text.js';

/** One of a side. */
export const NOUNS = {regions: 'region', words: 'word'};

/** How the tokens of a case are called; each function takes a side and a token's position. */
export const namesOf = (model) => ({
  short: (side, i) => (side === 'regions' ? String(i + 1) : model.words[i].text),
  long: (side, i) => (side === 'regions' ? `${i + 1} ${model.names[i]}` : model.words[i].text),
  /** In a sentence. */
  said: (side, i) => (side === 'regions' ? `region ${i + 1}` : `“${model.words[i].text}”`),
});

/** The colour of a region's kind. */
export const colourOf = (model, region) => model.kinds[model.kind_of[region]].colour;

/** @param {number|'mean'|'max'} head @param {number} heads how many there are */
export function headName(head, heads) {
  if (typeof head === 'number') return `head ${head + 1}`;
  return `${head === 'mean' ? 'mean' : 'maximum'} of ${plural(heads, 'head')}`;
}
