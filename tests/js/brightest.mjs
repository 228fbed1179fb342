// For a file of payloads: where the picture is brightest, for each map of regions, head and word. Asked by
// tests/interface/test_overlay.py; prints [[map, head, word, x, y], ...] a payload, in pixels of the image.

import {readFileSync} from 'node:fs';

import {isUsable, MAPS, readPayload} from '../../assets/explorer/payload.js';
import {bumpsOf, heatOf} from '../../assets/explorer/color_scales.js';
import {FIRST} from '../../assets/explorer/reducer.js';
import {litBy, viewOf} from '../../assets/explorer/selectors.js';

const found = [];
for (const payload of JSON.parse(readFileSync(process.argv[2], 'utf-8'))) {
  const model = await readPayload(JSON.stringify(payload));
  const bumps = bumpsOf(model);
  const places = [];
  for (const map of Object.keys(MAPS).filter((name) => MAPS[name].to === 'regions' && isUsable(model.maps[name]))) {
    const words = map === 'words_to_regions' ? [null, ...model.words.keys()] : [null];
    for (const head of ['mean', ...Array(model.maps[map].heads).keys()]) {
      for (const word of words) {
        const view = viewOf(model, {...FIRST, map, head});
        const heat = heatOf(bumps, litBy(view, word === null ? null : {row: null, col: word}).regions);
        const best = heat.indexOf(Math.max(...heat));
        const factor = model.image.width / bumps.width;
        places.push([map, head, word, (best % bumps.width + 0.5) * factor, (Math.floor(best / bumps.width) + 0.5) * factor]);
      }
    }
  }
  found.push(places);
}
console.log(JSON.stringify(found));
