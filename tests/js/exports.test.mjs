import './page.mjs';
import assert from 'node:assert/strict';
import {test} from 'node:test';

import './texts.mjs';
import {
  everythingJson, fileName, legendGroup, matrixCsv, matrixGroup, xmlText,
} from '../../assets/explorer/exports.js';
import {FIRST} from '../../assets/explorer/reducer.js';
import {csvField, csvText} from '../../assets/shared/csv.js';
import {viewOf} from '../../assets/explorer/selectors.js';
import {MODEL} from './cases.mjs';

const view = (changes = {}) => viewOf(MODEL, {...FIRST, ...changes});

test('a field with commas, quotes or line breaks is quoted', () => {
  assert.equal(csvField('a,"b"'), '"a,""b"""');
  assert.equal(csvField('a\nb'), '"a\nb"');
  assert.equal(csvField('a b'), 'a b');
  assert.equal(csvText([['a', 1], ['b', -0.5]]), 'a,1\r\nb,-0.5\r\n');
});

test('a name is no formula, and a negative number stays one', () => {
  for (const sign of ['=', '+', '-', '@', '\t']) assert.equal(csvField(`${sign}1`), `'${sign}1`);
  assert.equal(csvField('\r1'), '"\'\r1"');
  assert.equal(csvField(-1), '-1');
  assert.equal(csvField(null), '');
});

test('the CSV has all regions, whatever is shown', () => {
  assert.deepEqual(matrixCsv(view({head: 0, top: 1})).split('\r\n'), [
    'region,name,score,x1,y1,x2,y2,female,back',
    '1,lesion,0.9,0,0,40,40,0.5,0',
    "2,'=border,0.8,10,60,50,80,0.25,1",
    '3,Skin,0.7,60,20,80,40,0.25,0',
    '',
  ]);
});

test('the CSV of words has their fields; that of differences six digits', () => {
  const [head, first] = matrixCsv(view({map: 'words_to_words', head: 0})).split('\r\n');
  assert.deepEqual([head, first], ['word,field,female,back', 'female,sex,0.5,0.5']);
  assert.match(matrixCsv(view({head: 0, reading: 'difference'})), /40,40,0\.166667,-0\.333333\r\n/);
});

test('the JSON has the view, and neither the key nor unpacked maps nor markup', () => {
  const text = everythingJson({...MODEL, case: 'c1', title: '</script>', attention: {}}, {...FIRST, head: 1, pin: {row: 0, col: 0}});
  const read = JSON.parse(text);
  assert.deepEqual([read.key, read.case, read.maps, read.title], [undefined, undefined, undefined, '</script>']);
  assert.deepEqual(read.view, {map: 'words_to_regions', layer: 0, head: 1, order: 'attention', top: 12, reading: 'weight', against: null});
  assert.ok(!text.includes('<'));
  assert.equal(MODEL.key, 'secret'); // the case itself keeps it
});

test('XML takes no control characters and no half pairs', () => {
  assert.equal(xmlText('a\u0000b\u001b\ud83d c\td 🙂\ufffe'), 'ab c\td 🙂');
});

test('the SVG of the matrix has a rectangle a cell in its colour, and its numbers where they are wanted', () => {
  const seen = view({head: 0, order: 'detector'});
  const {group, width, height} = matrixGroup(seen);
  const colours = group.all('rect').map((cell) => cell.getAttribute('fill'));
  assert.deepEqual(colours, [0.5, 0, 0.25, 1, 0.25, 0].map(seen.scale.hex));
  assert.deepEqual([width, height], [150 + 2 * 26, 92 + 3 * 22]);
  assert.deepEqual(group.all('text').map((one) => one.textContent), ['female', 'back', '1 lesion', '2 =border', '3 Skin']);
  const numbers = matrixGroup(view({head: 0, order: 'detector', numbers: true})).group.all('text').map((one) => one.textContent);
  assert.deepEqual(numbers.slice(3, 5), ['0.5000', '0.0000']);
});

test('the SVG of the legend ends with the numbers of the scale', () => {
  const group = legendGroup(view({head: 0, reading: 'difference'}), 180);
  assert.deepEqual(group.all('text').map((one) => one.textContent), ['−0.6667', '+0.6667']);
  assert.equal(group.all('rect').length, 64);
  assert.equal(group.all('rect')[0].getAttribute('fill'), '#300350');
});

test('a file is called by what it shows', () => {
  assert.equal(fileName(view({head: 0})), 'attention-words_to_regions-layer1-head1-weight');
  assert.equal(fileName(view({reading: 'difference'})), 'attention-words_to_regions-layer1-mean-difference');
});
