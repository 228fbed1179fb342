// A small case by hand: three regions, two words, one layer of two heads; each number is easy to check in the head.

/** Rows of weights -> a map as data.js unpacks it. @param {number[][][][]} layers [layer][head][query][key] */
export const mapOf = (layers) => ({
  layers: layers.length, heads: layers[0].length, queries: layers[0][0].length, keys: layers[0][0][0].length,
  values: Float32Array.from(layers.flat(3)),
});

export const MODEL = {
  kind: 'mat-attention-explorer', format: 2, title: 'case', unit: 'sga-sga', unit_name: 'SGA-SGA', reads_words: true,
  key: 'secret', slots: 4,
  boxes: [[0, 0, 40, 40], [10, 60, 50, 80], [60, 20, 80, 40]], scores: [0.9, 0.8, 0.7],
  names: ['lesion', '=border', 'Skin'],
  kinds: [{name: 'Whole lesion', colour: '#f0e442'}, {name: 'Border', colour: '#56b4e9'}, {name: 'Skin', colour: '#5fd3ac'}],
  kind_of: [0, 1, 2],
  words: [{text: 'female', field: 'sex'}, {text: 'back', field: 'localization'}],
  fields: {sex: 'female', localization: 'back', age: null},
  probabilities: [{code: 'nv', name: 'nevus', value: 0.25, nature: 'benign'}, {code: 'mel', name: 'melanoma', value: 0.75, nature: 'malignant'}],
  contributions: {regions: [[-0.5, 0.5], [0.25, 0], [0, 0.25]], words: [[-0.25, 0.5], [0, 0.25]], constant: [0, 0.125]},
  image: {width: 100, height: 80, uri: 'data:image/jpeg;base64,AAAA'},
  maps: {
    // two words look at three regions
    words_to_regions: mapOf([[[[0.5, 0.25, 0.25], [0, 1, 0]], [[0.5, 0.5, 0], [0.5, 0, 0.5]]]]),
    // three regions look at two words
    regions_to_words: mapOf([[[[1, 0], [0.5, 0.5], [0.25, 0.75]], [[0, 1], [0.5, 0.5], [0.75, 0.25]]]]),
    regions_to_regions: null,
    words_to_words: mapOf([[[[0.5, 0.5], [0.5, 0.5]], [[1, 0], [0, 1]]]]),
  },
};

export const WITHOUT_WORDS = {...MODEL, words: [], contributions: {...MODEL.contributions, words: []}, maps: {
  words_to_regions: {layers: 1, heads: 2, queries: 0, keys: 3, values: new Float32Array()},
  regions_to_words: {layers: 1, heads: 2, queries: 3, keys: 0, values: new Float32Array()},
  regions_to_regions: null, words_to_words: null,
}};
