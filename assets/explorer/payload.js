// The numbers of one diagnosis, unpacked, and what is computed from them. Nothing here touches the page.

import {t} from '../shared/i18n.js';

/**
 * How each map is laid out. Regions stay on the rows and words on the columns in both guided directions, so that a cell
 * keeps its place when the direction is switched; `queryOnRows` says which of the two does the looking.
 */
export const MAPS = {
  words_to_regions: {from: 'words', to: 'regions', rows: 'regions', cols: 'words', queryOnRows: false},
  regions_to_words: {from: 'regions', to: 'words', rows: 'regions', cols: 'words', queryOnRows: true},
  regions_to_regions: {from: 'regions', to: 'regions', rows: 'regions', cols: 'regions', queryOnRows: true},
  words_to_words: {from: 'words', to: 'words', rows: 'words', cols: 'words', queryOnRows: true},
};

const FORMAT = 2; // as in exploration.py
const LONGEST = 1_000_000; // weights in one map, as in exploration.py: a small file may inflate to gigabytes

/** @param {string} base64 zlib data @param {number} length bytes that must come out @returns {Promise<Uint8Array>} */
async function inflate(base64, length) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate')).getReader();
  const bytes = new Uint8Array(length);
  for (let at = 0; ;) {
    const {done, value} = await reader.read();
    if (done && at === length) return bytes;
    if (done || at + value.length > length) throw new Error('wrong length');
    bytes.set(value, at);
    at += value.length;
  }
}

/**
 * The inverse of exploration._pack: 16-bit fixed point, all high bytes and then all low bytes.
 * @param {?{shape: number[], data: string}} packed
 * @returns {Promise<?{layers: number, heads: number, queries: number, keys: number, values: Float32Array}>}
 */
export async function unpackMap(packed) {
  if (!packed) return null;
  const damaged = new Error(t('explorer.file.damaged'));
  const shape = Array.isArray(packed.shape) && packed.shape.length === 4 ? packed.shape : [NaN];
  const [layers, heads, queries, keys] = shape;
  const count = layers * heads * queries * keys;
  if (!shape.every((length) => Number.isInteger(length) && length >= 0) || count > LONGEST) throw damaged;
  const planes = await inflate(packed.data, 2 * count).catch(() => {
    throw damaged;
  });
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = (planes[i] * 256 + planes[count + i]) / 65535;
  return {layers, heads, queries, keys, values};
}

/** Whether every region belongs to a kind with a colour. */
function areKinds({kinds, kind_of: kindOf, boxes}) {
  return Array.isArray(kinds) && kinds.every((kind) => kind && /^#[0-9a-f]{6}$/.test(kind.colour))
    && Array.isArray(kindOf) && kindOf.length === boxes.length && kindOf.every((i) => Object.hasOwn(kinds, i));
}

/** Whether every token of both sides, and the constant, has a finite number for each class. */
function areContributions({contributions, boxes, words, probabilities}) {
  const isRow = (row) => Array.isArray(row) && row.length === probabilities.length && row.every(Number.isFinite);
  const isTable = (rows, count) => Array.isArray(rows) && rows.length === count && rows.every(isRow);
  return Boolean(contributions) && isTable(contributions.regions, boxes.length)
    && isTable(contributions.words, words.length) && isRow(contributions.constant);
}

/** Throws a sentence unless `payload` is what the page can draw; a file that somebody opens may be anything. */
export function checkPayload(payload) {
  if (payload && payload.kind === 'mat-attention-explorer' && payload.format !== FORMAT) {
    throw new Error(t('explorer.file.version'));
  }
  const lists = ['boxes', 'scores', 'names', 'words', 'probabilities'];
  const good = payload && payload.kind === 'mat-attention-explorer'
    && lists.every((name) => Array.isArray(payload[name]))
    && payload.boxes.every((box) => Array.isArray(box) && box.length === 4 && box.every(Number.isFinite))
    && payload.scores.every(Number.isFinite)
    && payload.names.length === payload.boxes.length && payload.scores.length === payload.boxes.length
    && payload.probabilities.length > 1 && payload.probabilities.every((entry) => entry && Number.isFinite(entry.value))
    && payload.words.every(Boolean) && payload.fields && payload.attention && areContributions(payload)
    && areKinds(payload)
    && payload.image && payload.image.width > 0 && payload.image.height > 0
    && /^data:image\/jpeg;base64,[A-Za-z0-9+/=]+$/.test(payload.image.uri);
  if (!good) throw new Error(t('explorer.file.other'));
}

/**
 * @param {string} text the payload of interface/state/explorer_payload.py, or a file that this page exported
 * @returns {Promise<object>} the payload with `maps`: name -> unpacked map or null
 */
export async function readPayload(text) {
  let payload;
  try {
    payload = JSON.parse(text);
  } catch {
    throw new Error(t('explorer.file.no-json'));
  }
  checkPayload(payload);
  const maps = {};
  for (const name of Object.keys(MAPS)) {
    maps[name] = await unpackMap(payload.attention[name]);
    const {from, to} = MAPS[name];
    const map = maps[name];
    if (map && (map.queries !== payload[lengthOf[from]].length || map.keys !== payload[lengthOf[to]].length)) {
      throw new Error(t('explorer.file.contradicts'));
    }
  }
  return {...payload, maps};
}

export const lengthOf = {regions: 'boxes', words: 'words'};

/** Whether there is anything to show: a unit may lack a map, and without words a map of them has no cell. */
export const isUsable = (map) => Boolean(map && map.queries && map.keys);

/**
 * One matrix (queries x keys) of a map: a head's own, or the mean or the maximum over the heads of a layer.
 * @param {number|'mean'|'max'} head
 */
export function matrixOf(map, layer, head) {
  const size = map.queries * map.keys;
  const start = layer * map.heads * size;
  if (typeof head === 'number') {
    return {queries: map.queries, keys: map.keys, values: map.values.subarray(start + head * size, start + (head + 1) * size)};
  }
  const values = new Float32Array(size);
  for (let h = 0; h < map.heads; h++) {
    for (let i = 0; i < size; i++) {
      const value = map.values[start + h * size + i];
      values[i] = head === 'max' ? Math.max(values[i], value) : values[i] + value / map.heads;
    }
  }
  return {queries: map.queries, keys: map.keys, values};
}

/** The attention that one query gives, over all keys. */
export const rowOf = (matrix, query) => matrix.values.subarray(query * matrix.keys, (query + 1) * matrix.keys);

/** The attention that one key gets, from all queries. */
export const columnOf = (matrix, key) => Float32Array.from({length: matrix.queries}, (_, query) => matrix.values[query * matrix.keys + key]);

/** Entropy in bits of weights that sum to 1. */
export function entropyOf(weights) {
  let bits = 0;
  for (const weight of weights) if (weight > 0) bits -= weight * Math.log2(weight);
  return Math.max(0, bits);
}

/** Mean entropy over all queries of a matrix, in bits. */
export function meanEntropy(matrix) {
  let bits = 0;
  for (let query = 0; query < matrix.queries; query++) bits += entropyOf(rowOf(matrix, query));
  return bits / Math.max(1, matrix.queries);
}

/** @param {ArrayLike<number> & {reduce: Function}} values @returns {number} */
export const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Positions of the largest values, largest first. */
export function largest(values, count) {
  return Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b).slice(0, count);
}

/** The mean attention that every token of `side` gets (as a key) or, where it never is one, gives (as a query). */
export function attentionOf(side, name, matrix) {
  const map = MAPS[name];
  const asKey = map.to === side;
  const count = asKey ? matrix.keys : matrix.queries;
  return Float32Array.from({length: count}, (_, i) => {
    const values = asKey ? columnOf(matrix, i) : rowOf(matrix, i);
    return asKey ? sum(values) / Math.max(1, values.length) : values.reduce((top, value) => Math.max(top, value), 0);
  });
}

/**
 * Which regions are shown, in which order: the first `top` by attention, or as the detector lists them; in the order of
 * position, the first `top` of the detector's from top to bottom. What is pinned stays among those with most attention.
 * @param {'attention'|'detector'|'position'} order
 * @param {?Float32Array} attention one number a region, or null where this map says nothing of regions
 * @param {number[]} pinned regions that another head may attend to less, and that are shown nevertheless
 */
export function shownRegions(model, order, top, attention, pinned = []) {
  const all = model.boxes.map((_, i) => i);
  if (order === 'attention' && attention) {
    const best = largest(attention, top);
    const added = pinned.filter((region) => !best.includes(region));
    const dropped = best.filter((region) => !pinned.includes(region)).reverse().slice(0, added.length);
    return [...best.filter((region) => !dropped.includes(region)), ...added];
  }
  const kept = all.slice(0, top);
  if (order !== 'position') return kept;
  const centre = (i) => model.boxes[i][1] + model.boxes[i][3];
  return kept.sort((a, b) => centre(a) - centre(b) || model.boxes[a][0] - model.boxes[b][0]);
}

/**
 * Why the likeliest class and not another: log-odds, cut up. The regions' sum plus the constant is the total, and so
 * is the words' where there is one.
 * @param {{probabilities: any[], contributions: any}} payload
 * @param {?string} against code of the other class; default: the likeliest of the others
 * @returns {{label: number, other: number, regions: number[], words: number[], constant: number}} label and other are
 *   positions among the probabilities
 */
export function marginOf({probabilities, contributions}, against) {
  const [label, second] = largest(probabilities.map(({value}) => value), 2);
  const chosen = probabilities.findIndex(({code}, i) => i !== label && code === against);
  const other = chosen === -1 ? second : chosen;
  const between = (row) => row[label] - row[other];
  const {regions, words, constant} = contributions;
  return {label, other, regions: regions.map(between), words: words.map(between), constant: between(constant)};
}

/** softmax(scores / temperature). */
export function softmax(scores, temperature) {
  const top = scores.reduce((best, score) => Math.max(best, score), -Infinity);
  const powers = scores.map((score) => Math.exp((score - top) / temperature));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

/** Why a unit has no such map, in words. */
export function whyAbsent(model, name) {
  const {from, to} = MAPS[name];
  const unit = model.unit_name;
  if (!model.reads_words && (from === 'words' || to === 'words')) return t('explorer.absent.image', {unit});
  if (model.unit === 'base') return t('explorer.absent.base');
  if (from !== to && model.unit === 'sa-sa') return t('explorer.absent.self');
  return t(`explorer.absent.${from === to ? 'self-' : ''}${from}`, {unit});
}
