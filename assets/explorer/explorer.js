// The explorer itself: one state, one view computed from it, and the parts of the page that follow.
//
// `state` is what the reader chose. `view` is one matrix on display, rebuilt when a choice changes. What is under the
// pointer (`state.hover`) or pinned (`state.pin`) is {row, col}: a token on the rows, on the columns, or a cell with
// both; it only repaints.

const MOST_ROWS = 100;
const MOST_SQUARE = 40; // regions x regions: more cells than that are too small to hit
const LONGEST_NAME = 24; // letters of a region's name in the matrix; it is in full beside it
const WIDE = 12; // columns that fit without scrolling
const TAGS = 15; // boxes that carry their number when nothing is under the pointer
const SHORT_LIST = 5;
const FEW_KEYS = 12; // with so few an even share is so large that everything looks alike
const LARGEST_FILE = 4_000_000;
const FIELD_NAMES = {age: 'age', sex: 'sex', localization: 'localization', dx_type: 'how confirmed'};
const NOUNS = {regions: 'region', words: 'word'};

function mountExplorer(element, props, server, watch) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const id = `mx-${Math.random().toString(36).slice(2)}`; // radio groups need names, and there may be other explorers
  const state = {
    map: 'words_to_regions', layer: 0, head: 'mean', order: 'score', top: 12, reading: 'weight', numbers: false,
    pin: null, hover: null, walkHead: null,
  };
  let model = null;
  let view = null;
  let bumps = null;
  let loads = 0;
  let walks = 0;
  let frame = 0;
  let elements = {boxes: new Map(), chips: [], grid: [], frames: [], heads: []};
  let marked = [];

  // --- names ---------------------------------------------------------------------------------------------------

  const names = {
    short: (side, i) => (side === 'regions' ? String(i + 1) : model.words[i].text),
    long: (side, i) => (side === 'regions' ? `${i + 1} ${model.names[i]}` : model.words[i].text),
    /** In a sentence. */
    said: (side, i) => (side === 'regions' ? `region ${i + 1}` : `“${model.words[i].text}”`),
  };
  const started = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const tokenCount = (side) => model[lengthOf[side]].length;
  const takesPart = (side) => view.exists && (view.axes.rows === side || view.axes.cols === side);
  const headName = () => {
    const map = model.maps[state.map];
    if (typeof state.head === 'number') return `head ${state.head + 1}`;
    return `${state.head === 'mean' ? 'mean' : 'maximum'} of ${plural(map ? map.heads : 0, 'head')}`;
  };

  // --- the view ------------------------------------------------------------------------------------------------

  /** The most regions that the slider offers here. */
  function mostRegions() {
    const square = MAPS[state.map].cols === 'regions';
    return Math.min(model.boxes.length, square ? MOST_SQUARE : MOST_ROWS);
  }

  function makeView() {
    const axes = MAPS[state.map];
    const map = model.maps[state.map];
    const exists = Boolean(map && map.queries && map.keys);
    const matrix = exists ? matrixOf(map, state.layer, state.head) : null;
    const involved = exists && (axes.rows === 'regions' || axes.cols === 'regions');
    const attention = involved ? attentionOf('regions', state.map, matrix) : null;
    const regions = shownRegions(model, state.order, Math.min(state.top, mostRegions()), attention);
    const tokens = (side) => (side === 'regions' ? regions : model.words.map((_, i) => i));
    const every = (side) => Array.from({length: tokenCount(side)}, (_, i) => i);
    const base = exists && state.reading === 'difference' ? 1 / matrix.keys : 0;
    const limit = exists ? matrix.values.reduce((top, value) => Math.max(top, Math.abs(value - base)), 1e-9) : 1;
    return {
      axes, map, exists, matrix, regions, base, numbers: state.numbers,
      reason: exists ? '' : reasonFor(map),
      rows: tokens(axes.rows), cols: tokens(axes.cols),
      all: {rows: every(axes.rows), cols: every(axes.cols)},
      weight: (row, col) => (axes.queryOnRows ? matrix.values[row * matrix.keys + col] : matrix.values[col * matrix.keys + row]),
      scale: scaleOf(state.reading, limit),
      format: state.reading === 'weight' ? fixed : signed,
      sumsToOne: state.head !== 'max',
      title: titleOf(axes),
      headline: '',
    };
  }

  function reasonFor(map) {
    if (!map) return whyAbsent(model, state.map);
    return 'All metadata is unknown, so the network reads no word and nothing can look at words or be looked at by '
      + 'them. Guided attention adds nothing here; the regions’ self-attention still works.';
  }

  function titleOf(axes) {
    const map = model.maps[state.map];
    const layer = map && map.layers > 1 ? `, layer ${state.layer + 1} of ${map.layers}` : '';
    return `${axes.label}${layer}, ${headName()}${state.reading === 'weight' ? '' : ', minus an even share'}`;
  }

  /** What the matrix means, in a sentence or three. */
  function sentenceOf() {
    if (!view.exists) return view.reason;
    const {from, to, queryOnRows} = view.axes;
    const line = queryOnRows ? 'row' : 'column';
    const keys = view.matrix.keys;
    const texts = [];
    if (view.sumsToOne) {
      texts.push(`Each ${line} sums to 1: how one ${NOUNS[from]} shares its attention among ${keys === 1 ? 'the only' : `all ${keys}`} ${keys === 1 ? NOUNS[to] : to}.`);
    } else {
      texts.push(`The largest weight that any head gives: it says what some head looks at, but a ${line} no longer sums to 1, so it has no entropy.`);
    }
    const hidden = keys - (to === 'regions' ? view.regions.length : keys);
    if (hidden) texts.push(`${view.regions.length} are shown; “rest” holds the other ${hidden}.`);
    const even = `1/${keys} = ${fixed(1 / keys)}`;
    if (state.reading === 'difference') texts.push(`From each weight an even share, ${even}, is taken away: orange is read more than evenly, purple less.`);
    else if (keys <= FEW_KEYS) texts.push(`With only ${plural(keys, NOUNS[to])} an even share is ${even} already, so everything looks alike: switch to “minus even share” to see what differs.`);
    return texts.join(' ');
  }

  // --- controls ------------------------------------------------------------------------------------------------

  /** A row of radio buttons. @param {Array<[value: any, label: string]>} entries */
  function radios(name, entries, current, choose) {
    const holder = part(name).querySelector('.mx-options');
    const focused = holder.contains(document.activeElement);
    fill(holder, entries.map(([value, text]) => {
      const input = make('input', {type: 'radio', name: `${id}-${name}`, value: String(value)});
      input.checked = value === current;
      input.addEventListener('change', () => choose(value));
      return make('label', {class: 'mx-option'}, input, make('span', {}, text));
    }));
    if (focused) holder.querySelector('input:checked')?.focus();
  }

  function renderControls() {
    const missing = (name) => !model.maps[name] || !model.maps[name].queries || !model.maps[name].keys;
    radios('map', Object.entries(MAPS).map(([name, {label: text}]) => [name, missing(name) ? `${text} (none)` : text]), state.map,
      (name) => choose({map: name, pin: null}));
    const map = model.maps[state.map];
    const heads = Array.from({length: map ? map.heads : 0}, (_, h) => [h, String(h + 1)]);
    radios('head', [['mean', 'mean'], ['max', 'max'], ...heads], state.head, (head) => choose({head}));
    radios('layer', Array.from({length: map ? map.layers : 0}, (_, l) => [l, String(l + 1)]), state.layer, (layer) => choose({layer}));
    part('layer').hidden = !map || map.layers < 2;
    part('head').hidden = !map;
    radios('reading', [['weight', 'weight'], ['difference', 'minus even share']], state.reading, (reading) => choose({reading}));
    const top = part('top');
    top.max = String(mostRegions());
    top.value = String(Math.min(state.top, mostRegions()));
    part('top-value').textContent = `${top.value} of ${model.boxes.length}`;
    part('order').value = state.order;
    part('numbers').checked = state.numbers;
  }

  /** Change what is chosen, and show it. */
  function choose(changes) {
    Object.assign(state, changes, {hover: null});
    if ('pin' in changes || 'map' in changes || 'layer' in changes) state.walkHead = null;
    rebuild();
  }

  // --- parts that follow the view ------------------------------------------------------------------------------

  function rebuild() {
    const map = model.maps[state.map];
    if (map) {
      state.layer = Math.min(state.layer, map.layers - 1);
      if (typeof state.head === 'number' && state.head >= map.heads) state.head = 'mean';
    }
    view = makeView();
    if (state.pin && !view.exists) state.pin = null;
    if (state.pin && ![['rows', 'row'], ['cols', 'col']].every(([axis, side]) => state.pin[side] === null || view[axis].includes(state.pin[side]))) {
      state.pin = null; // it is no longer among the regions shown
    }
    marked = [];
    renderControls();
    part('sentence').textContent = sentenceOf();
    part('sentence').classList.toggle('mx-note', !view.exists);
    part('body').classList.toggle('mx-none', !view.exists);
    renderBoxes();
    renderWords();
    renderMatrix();
    renderLegend();
    renderHeads();
    renderFusion();
    renderTable();
    paint();
    renderWalk();
  }

  function renderBoxes() {
    const svg = part('boxes');
    const size = model.image.width / 34;
    setAttributes(svg, {viewBox: `0 0 ${model.image.width} ${model.image.height}`});
    elements.boxes = new Map();
    const area = (i) => (model.boxes[i][2] - model.boxes[i][0]) * (model.boxes[i][3] - model.boxes[i][1]);
    for (const region of [...view.regions].sort((a, b) => area(b) - area(a))) { // small ones on top, or none could hit them
      const [x1, y1, x2, y2] = model.boxes[region];
      const rect = draw('rect', {x: x1, y: y1, width: Math.max(1, x2 - x1), height: Math.max(1, y2 - y1), class: 'mx-box'});
      const tag = draw('text', {x: x1 + size / 4, y: y1 + size, 'font-size': size, class: 'mx-tag'}, String(region + 1));
      const group = draw('g', {
        role: 'button', 'aria-disabled': takesPart('regions') ? null : 'true', tabindex: region === view.regions[0] ? 0 : -1, 'data-region': region, 'aria-pressed': 'false',
        'aria-label': `Region ${region + 1}, ${model.names[region]}, detector score ${model.scores[region].toFixed(2)}`,
      }, rect, tag);
      elements.boxes.set(region, {group, rect, tag, look: {}});
    }
    fill(svg, [...elements.boxes.values()].map(({group}) => group));
  }

  /** The words as chips by field; what is missing, and the padding behind, told apart from words. */
  function renderWords() {
    elements.chips = [];
    const holder = part('words');
    if (!model.reads_words) {
      fill(holder, [make('p', {class: 'mx-hint'}, `${model.unit_name} reads no words: only the image.`)]);
      return;
    }
    const groups = Object.entries(model.fields).map(([field, value]) => {
      const chips = model.words.flatMap((word, i) => (word.field === field ? [wordChip(word, i)] : []));
      const missing = make('span', {class: 'mx-chip mx-unknown'}, `${FIELD_NAMES[field] ?? field}: not given, no word`);
      return make('span', {class: 'mx-chips'}, ...(value === null || !chips.length ? [missing] : chips));
    });
    const padding = Math.max(0, model.slots - model.words.length);
    if (padding) {
      groups.push(make('span', {class: 'mx-chips'},
        make('span', {class: 'mx-chip mx-padding'}, `${plural(padding, 'empty place')}: padding, masked`)));
    }
    groups.unshift(make('span', {class: 'mx-label'}, 'Words read'));
    fill(holder, groups);
  }

  function wordChip(word, i) {
    const number = make('span', {class: 'mx-chip-weight'});
    const chip = make('button', {type: 'button', class: 'mx-chip', 'data-word': i, 'aria-pressed': 'false', disabled: !takesPart('words')}, make('span', {}, word.text), number);
    elements.chips[i] = {chip, number};
    return chip;
  }

  function renderMatrix() {
    const holder = part('matrix');
    holder.hidden = !view.exists;
    elements.grid = [];
    elements.frames = [];
    if (!view.exists) {
      fill(holder, []);
      return;
    }
    const {axes, rows, cols} = view;
    const header = (axis, side, token) => {
      const picture = side === 'regions' && axis === 'row' ? make('canvas', {class: 'mx-crop', 'data-crop': token, 'aria-hidden': 'true', width: 1, height: 1}) : null;
      return make('th', {role: `${axis === 'row' ? 'row' : 'column'}header`, tabindex: -1, [`data-${axis}`]: token, class: axis === 'col' && side === 'words' ? 'mx-turned' : null},
        picture, make('span', {class: 'mx-name'}, side === 'regions' && axis === 'row' ? make('b', {}, String(token + 1)) : names.short(side, token),
          side === 'regions' && axis === 'row' ? make('span', {class: 'mx-kind'}, ` ${shortened(String(model.names[token]), LONGEST_NAME)}`) : null));
    };
    const extraColumns = axes.queryOnRows ? extras() : [];
    const headers = cols.map((col) => header('col', axes.cols, col));
    elements.grid.push([null, ...headers]);
    const corner = make('th', {role: 'columnheader', class: 'mx-corner'}, axes.queryOnRows ? 'looks ↓  at →' : 'looks →  at ↓');
    const head = make('tr', {role: 'row'}, corner, ...headers,
      ...extraColumns.map((extra) => make('th', {role: 'columnheader', class: 'mx-turned mx-extra'}, make('span', {class: 'mx-name'}, extra.name))));
    const lines = rows.map((row) => {
      const rowHeader = header('row', axes.rows, row);
      const cells = cols.map((col) => cellOf(row, col));
      elements.grid.push([rowHeader, ...cells]);
      return make('tr', {role: 'row'}, rowHeader, ...cells, ...extraColumns.map((extra) => make('td', {role: 'gridcell', class: 'mx-extra'}, extra.text(row))));
    });
    const foot = axes.queryOnRows ? [] : extras().map((extra) => make('tr', {role: 'row', class: 'mx-extra'},
      make('th', {role: 'rowheader'}, extra.name), ...cols.map((col) => make('td', {role: 'gridcell'}, extra.text(col)))));
    const table = make('table', {role: 'grid', 'aria-label': `${view.title}. Arrow keys move, Enter pins, Escape frees.`, class: `mx-grid${view.numbers ? ' mx-with-numbers' : ''}${cols.length > WIDE ? ' mx-wide-grid' : ''}`},
      make('thead', {role: 'rowgroup'}, head), make('tbody', {role: 'rowgroup'}, ...lines, ...foot));
    elements.frames = Array.from({length: 3}, () => make('div', {class: 'mx-frame', hidden: true}));
    table.tHead.append(elements.frames[2]); // the head of the table stays in sight, and its frame with it
    fill(holder, [table, ...elements.frames.slice(0, 2)]);
    elements.grid[1]?.[1]?.setAttribute('tabindex', '0');
    paintCrops();
  }

  function cellOf(row, col) {
    const value = view.weight(row, col) - view.base;
    const text = view.format(value);
    const cell = make('td', {role: 'gridcell', tabindex: -1, 'data-row': row, 'data-col': col, 'aria-label': `${names.said(view.axes.rows, row)}, ${names.said(view.axes.cols, col)}: ${text}`}, view.numbers ? text : null);
    cell.style.background = view.scale.css(value);
    if (view.numbers) cell.style.color = view.scale.ink(value);
    return cell;
  }

  /** What stands at the end of each query's line: the rest, the sum, the entropy. */
  function extras() {
    const {axes, matrix} = view;
    const digits = view.numbers ? 4 : 2;
    const plain = (value) => (state.reading === 'weight' ? value.toFixed(digits) : signed(value, digits));
    const shown = axes.to === 'regions' ? view.regions : view.all[axes.queryOnRows ? 'cols' : 'rows'];
    const hidden = matrix.keys - shown.length;
    const rest = (query) => {
      const weights = rowOf(matrix, query);
      return sum(weights) - sum(shown.map((key) => weights[key])) - hidden * view.base;
    };
    const list = [];
    if (hidden) list.push({name: `rest (${hidden})`, text: (query) => plain(rest(query))});
    list.push({name: 'sum', text: (query) => plain(sum(rowOf(matrix, query)) - matrix.keys * view.base)});
    list.push({name: 'entropy', text: (query) => (view.sumsToOne ? entropyOf(rowOf(matrix, query)).toFixed(digits) : '–')});
    return list;
  }

  function paintCrops() {
    const image = part('image');
    if (!image.complete || !image.naturalWidth) return;
    for (const canvas of element.querySelectorAll('[data-crop]')) paintCrop(canvas, image, model, Number(canvas.dataset.crop));
  }

  function renderLegend() {
    const holder = part('legend');
    if (!view.exists) {
      fill(holder, []);
      return;
    }
    const canvas = make('canvas', {'aria-hidden': 'true'});
    const {low, high, rgb} = view.scale;
    paintCells(canvas, 128, 1, (_, i) => rgb(low + ((i + 0.5) / 128) * (high - low)));
    const even = 1 / view.matrix.keys;
    const middle = state.reading === 'weight' ? `an even share is ${fixed(even)}` : '0 = an even share';
    fill(holder, [canvas, make('span', {class: 'mx-ends'}, make('span', {}, view.format(low)), make('span', {}, middle), make('span', {}, view.format(high)))]);
  }

  function renderHeads() {
    part('heads-part').hidden = !view.exists;
    elements.heads = [];
    if (!view.exists) return;
    const {map, rows, cols, axes, base} = view;
    const start = state.layer * map.heads * map.queries * map.keys;
    const size = map.queries * map.keys;
    let limit = 1e-9;
    for (let i = start; i < start + map.heads * size; i++) limit = Math.max(limit, Math.abs(map.values[i] - base));
    const scale = scaleOf(state.reading, limit);
    const buttons = Array.from({length: map.heads}, (_, head) => {
      const matrix = matrixOf(map, state.layer, head);
      const at = (row, col) => matrix.values[axes.queryOnRows ? row * matrix.keys + col : col * matrix.keys + row];
      const canvas = make('canvas', {'aria-hidden': 'true'});
      paintCells(canvas, cols.length, rows.length, (i, j) => scale.rgb(at(rows[i], cols[j]) - base));
      const note = make('span', {class: 'mx-head-note'});
      const spread = `over ${(2 ** meanEntropy(matrix)).toFixed(1)} of ${matrix.keys}`;
      const button = make('button', {type: 'button', class: 'mx-head', 'data-head': head, 'aria-pressed': String(state.head === head)},
        make('span', {class: 'mx-head-name'}, `Head ${head + 1}`), canvas, note);
      elements.heads.push({at, note, spread});
      return button;
    });
    fill(part('heads'), buttons);
    part('heads-hint').textContent = `The same matrix, head by head; all on one scale, ${view.format(scale.low)} to ${view.format(scale.high)}. `
      + `Under each, how many ${axes.to} an average ${NOUNS[axes.from]} spreads over (2 to the power of the entropy), or the weight of the cell under the pointer. Click one to see it large.`;
  }

  // --- fusion and the plain table ------------------------------------------------------------------------------

  /** Which map says how much attention a side gets: the other side's if there is one, else its own. */
  function receivedBy(side) {
    const other = side === 'regions' ? 'words' : 'regions';
    for (const name of [`${other}_to_${side}`, `${side}_to_${side}`]) {
      const map = model.maps[name];
      if (map && map.queries && map.keys) {
        const layer = Math.min(state.layer, map.layers - 1);
        const head = typeof state.head === 'number' && state.head < map.heads ? state.head : 'mean';
        return {values: attentionOf(side, name, matrixOf(map, layer, head)), from: MAPS[name].from, head};
      }
    }
    return null;
  }

  function renderFusion() {
    part('fusion-hint').textContent = 'After attention every token adds its part to one pooled vector a side, and the two vectors are multiplied. '
      + 'Behind the ReLU nothing is negative, so the parts add up to 1. Much looked at is not the same as adding much.';
    fill(part('fusion'), ['regions', 'words'].map((side) => fusionSide(side)));
  }

  function fusionSide(side) {
    const shares = model.shares[side] ?? [];
    if (!shares.length) {
      return make('p', {class: 'mx-hint'}, model.reads_words
        ? 'No word was read: a learned constant stands in for the words, so that the regions still count.'
        : `${model.unit_name} pools the regions alone.`);
    }
    const received = receivedBy(side);
    const shown = side === 'regions' ? view.regions : shares.map((_, i) => i);
    const most = Math.max(...shown.map((i) => Math.max(shares[i], received ? received.values[i] : 0)), 1e-9);
    const bar = (kind, value) => {
      const fillBar = make('span', {class: `mx-fill mx-fill-${kind}`});
      fillBar.style.width = `${(100 * value) / most}%`;
      return make('td', {[`data-${kind}`]: ''}, make('span', {class: 'mx-track', 'aria-hidden': 'true'}, fillBar), make('span', {class: 'mx-number'}, fixed(value)));
    };
    const line = (name, share, attention) => make('tr', {}, make('th', {scope: 'row'}, name), bar('share', share), received ? bar('received', attention) : null);
    const lines = shown.map((i) => line(names.long(side, i), shares[i], received?.values[i]));
    if (shown.length < shares.length) {
      const rest = (values) => sum(values) - sum(shown.map((i) => values[i]));
      lines.push(make('tr', {class: 'mx-extra'}, make('th', {scope: 'row'}, `rest (${shares.length - shown.length})`),
        make('td', {}, make('span', {class: 'mx-number'}, fixed(rest(shares)))), received ? make('td', {}, make('span', {class: 'mx-number'}, fixed(rest(received.values)))) : null));
    }
    const source = received ? `attention from ${received.from} (${received.head === 'mean' ? 'mean of heads' : `head ${received.head + 1}`})` : '';
    const table = make('table', {class: 'mx-shares', 'data-side': side},
      make('caption', {}, started(side)),
      make('thead', {}, make('tr', {}, make('th', {scope: 'col'}, NOUNS[side]), make('th', {scope: 'col'}, 'share of the pooled vector'), received ? make('th', {scope: 'col'}, source) : null)),
      make('tbody', {}, ...lines));
    return make('div', {class: 'mx-scroll', role: 'region', tabindex: 0, 'aria-label': `Shares of the ${side}`}, table);
  }

  function renderTable() {
    const holder = part('table');
    if (!part('table-part').open) return;
    if (!view.exists) {
      fill(holder, [make('p', {}, view.reason)]);
      return;
    }
    const {axes, rows, cols} = view;
    const last = axes.queryOnRows ? extras() : [];
    const below = axes.queryOnRows ? [] : extras();
    fill(holder, [make('table', {class: 'mx-plain'},
      make('caption', {}, `${view.title}. ${part('sentence').textContent}`),
      make('thead', {}, make('tr', {}, make('td', {}), ...cols.map((col) => make('th', {scope: 'col'}, names.long(axes.cols, col))), ...last.map((extra) => make('th', {scope: 'col'}, extra.name)))),
      make('tbody', {}, ...rows.map((row) => make('tr', {}, make('th', {scope: 'row'}, names.long(axes.rows, row)),
        ...cols.map((col) => make('td', {}, view.format(view.weight(row, col) - view.base))), ...last.map((extra) => make('td', {}, extra.text(row))))),
      ...below.map((extra) => make('tr', {}, make('th', {scope: 'row'}, extra.name), ...cols.map((col) => make('td', {}, extra.text(col)))))))]);
  }

  // --- what is under the pointer -------------------------------------------------------------------------------

  /**
   * Which numbers light the tokens of each side, given a row token, a column token, or both; with none of them, what
   * each token that is looked at gets on average.
   */
  function litBy(active) {
    const lit = {regions: null, words: null};
    if (!view.exists) return lit;
    const {axes, weight, all, base} = view;
    if (!active) {
      lit[axes.to] = Array.from(attentionOf(axes.to, state.map, view.matrix), (value) => value - base);
      return lit;
    }
    if (active.col !== null) lit[axes.rows] = all.rows.map((row) => weight(row, active.col) - view.base);
    if (active.row !== null) lit[axes.cols] = all.cols.map((col) => weight(active.row, col) - view.base);
    return lit;
  }

  function isMarked(active, side, token) {
    return Boolean(active) && ((view.axes.rows === side && active.row === token) || (view.axes.cols === side && active.col === token));
  }

  /** All that follows the pointer. Runs at most once a frame, and asks nobody. */
  function paint() {
    frame = 0;
    const active = state.pin ?? state.hover;
    const lit = litBy(active);
    paintMatrix(active); // first: it asks where cells are, which is known as long as nothing else has changed
    paintBoxes(active, lit.regions);
    paintChips(active, lit.words);
    paintOverlay(part('overlay'), bumps, lit.regions, state.reading);
    for (const {at, note, spread} of elements.heads) {
      const text = active && active.row !== null && active.col !== null ? view.format(at(active.row, active.col) - view.base) : spread;
      if (note.textContent !== text) note.textContent = text;
    }
    paintReadout(active);
  }

  function paintBoxes(active, values) {
    const most = values ? values.reduce((top, value) => Math.max(top, Math.abs(value)), 1e-9) : 1;
    const tagged = new Set(values ? largest(values, SHORT_LIST) : []);
    const faintest = active ? 0.15 : 0.5;
    for (const [region, box] of elements.boxes) {
      const on = isMarked(active, 'regions', region);
      const share = values ? Math.abs(values[region]) / most : 0;
      const opacity = on ? 1 : values ? faintest + (1 - faintest) * share : active ? 0.25 : 0.8;
      const look = {
        stroke: values ? view.scale.css(values[region]) : '',
        'stroke-opacity': opacity.toFixed(2),
        'stroke-width': (on ? 3.5 : values ? 1 + 2.5 * share : 1.4).toFixed(1),
      };
      for (const [name, value] of Object.entries(look)) { // most boxes stay as they are: only what differs is redrawn
        if (box.look[name] !== value) box.rect.style.setProperty(name, value);
      }
      box.look = look;
      box.group.classList.toggle('mx-on', on);
      const pressed = String(Boolean(state.pin) && on);
      if (box.group.getAttribute('aria-pressed') !== pressed) box.group.setAttribute('aria-pressed', pressed);
      box.tag.style.display = on || tagged.has(region) || (!active && elements.boxes.size <= TAGS) ? '' : 'none';
    }
  }

  function paintChips(active, values) {
    elements.chips.forEach(({chip, number}, word) => {
      const on = isMarked(active, 'words', word);
      chip.classList.toggle('mx-on', on);
      chip.setAttribute('aria-pressed', String(Boolean(state.pin) && on));
      chip.style.background = values ? view.scale.css(values[word]) : '';
      chip.style.color = values ? view.scale.ink(values[word]) : '';
      number.textContent = values ? view.format(values[word]) : '';
    });
  }

  /** Where a token stands in the grid; 0 is the header's row or column. */
  const gridPlace = ({row, col}) => [row === null ? 0 : view.rows.indexOf(row) + 1, col === null ? 0 : view.cols.indexOf(col) + 1];
  const cellAt = (active) => {
    const [i, j] = gridPlace(active);
    return elements.grid[i]?.[j];
  };

  /** Marks lie over the table in frames of their own, so that its many cells are not painted again. */
  function paintMatrix(active) {
    const [i, j] = active && view.exists ? gridPlace(active) : [0, 0];
    const {grid, frames} = elements;
    const rowHeader = i ? grid[i][0] : null;
    const columnHeader = j ? grid[0][j] : null;
    const last = grid.length - 1;
    frameCells(frames[0], i || j ? grid[i || 1][j] : null, grid[i || last]?.[j || grid[i].length - 1]);
    frameCells(frames[1], j ? rowHeader : null, rowHeader);
    frameCells(frames[2], columnHeader, columnHeader);
    const next = [rowHeader, columnHeader].filter(Boolean);
    for (const header of marked) if (!next.includes(header)) header.classList.remove('mx-on');
    for (const header of next) header.classList.add('mx-on');
    marked = next;
  }

  /** Lay a frame around all cells from the first to the last; none hides it. */
  function frameCells(frame, first, last) {
    if (!frame) return;
    if (first) {
      const {offsetLeft: left, offsetTop: top} = first;
      const width = last.offsetLeft + last.offsetWidth - left;
      const height = last.offsetTop + last.offsetHeight - top;
      frame.style.cssText = `transform: translate(${left}px, ${top}px); width: ${width}px; height: ${height}px`;
    }
    frame.hidden = !first;
  }

  /** The query and the key among a row and a column token; either may be null. */
  const asPair = (active) => (view.axes.queryOnRows ? {query: active.row, key: active.col} : {query: active.col, key: active.row});

  function paintReadout(active) {
    const holder = part('readout');
    const free = state.pin ? make('button', {type: 'button', 'data-free': '', class: 'mx-free'}, 'Free the pin (Esc)') : null;
    const caption = captionOf(active);
    if (part('caption').textContent !== caption) part('caption').textContent = caption;
    if (!view.exists) {
      view.headline = view.reason;
      fill(holder, [make('p', {class: 'mx-headline'}, 'Nothing to point at in this direction.'), free]);
      return;
    }
    if (!active) {
      view.headline = overviewOf();
      const {from, to} = view.axes;
      fill(holder, [
        make('p', {class: 'mx-headline'}, 'Point at a word, a region or a cell; click to pin it.'),
        make('p', {}, view.headline),
        topList(`Where an average ${NOUNS[from]} looks most`, attentionOf(to, state.map, view.matrix), to),
      ]);
      return;
    }
    const {query, key} = asPair(active);
    const lines = query !== null && key !== null ? [cellSentence(query, key), querySentence(query)]
      : [query !== null ? querySentence(query) : keySentence(key)];
    view.headline = lines[0];
    fill(holder, [
      make('p', {class: 'mx-headline', 'data-readout': 'headline'}, state.pin ? 'Pinned. ' : '', lines[0]),
      ...lines.slice(1).map((line) => make('p', {}, line)),
      query !== null ? topList(`Where ${names.said(view.axes.from, query)} looks most`, rowOf(view.matrix, query), view.axes.to)
        : topList(`Who looks at ${names.said(view.axes.to, key)} most`, columnOf(view.matrix, key), view.axes.from),
      free,
    ]);
  }

  const byHead = () => (typeof state.head === 'number' ? `, ${headName()}` : state.head === 'mean' ? ', on average over the heads' : ', in the head that gives most');

  function cellSentence(query, key) {
    const {axes, matrix} = view;
    const weight = matrix.values[query * matrix.keys + key];
    const even = 1 / matrix.keys;
    return `${started(names.said(axes.from, query))} gives ${fixed(weight)} of its attention to ${names.said(axes.to, key)}${byHead()}: `
      + `${(weight / even).toFixed(2)} times an even share (1/${matrix.keys} = ${fixed(even)}).`;
  }

  function querySentence(query) {
    const {axes, matrix} = view;
    if (!view.sumsToOne) return `The largest weights of any head for ${names.said(axes.from, query)}.`;
    const bits = entropyOf(rowOf(matrix, query));
    return `${started(names.said(axes.from, query))} spreads its attention as evenly as over ${(2 ** bits).toFixed(1)} of ${matrix.keys} ${axes.to} `
      + `(entropy ${bits.toFixed(2)} of at most ${Math.log2(matrix.keys).toFixed(2)} bits).`;
  }

  function keySentence(key) {
    const {axes, matrix} = view;
    const mean = sum(columnOf(matrix, key)) / matrix.queries;
    return `${started(names.said(axes.to, key))} gets ${fixed(mean)} of the attention of an average ${NOUNS[axes.from]}${byHead()}: `
      + `${(mean * matrix.keys).toFixed(2)} times an even share (1/${matrix.keys} = ${fixed(1 / matrix.keys)}).`;
  }

  function overviewOf() {
    const {axes, matrix} = view;
    if (!view.sumsToOne) return `The largest weight is ${fixed(view.scale.high + view.base)}; an even share is ${fixed(1 / matrix.keys)}.`;
    const bits = meanEntropy(matrix);
    return `An average ${NOUNS[axes.from]} spreads its attention as evenly as over ${(2 ** bits).toFixed(1)} of ${matrix.keys} ${axes.to} `
      + `(entropy ${bits.toFixed(2)} of at most ${Math.log2(matrix.keys).toFixed(2)} bits).`;
  }

  function topList(title, weights, side) {
    const best = largest(weights, SHORT_LIST);
    const most = Math.max(weights[best[0]], 1e-9);
    return make('div', {class: 'mx-top'}, make('p', {}, title),
      make('ol', {'data-readout': 'top'}, ...best.map((i) => {
        const bar = make('span', {class: 'mx-fill mx-fill-received'});
        bar.style.width = `${(100 * weights[i]) / most}%`;
        return make('li', {'data-token': i}, make('span', {class: 'mx-top-name'}, names.long(side, i)),
          make('span', {class: 'mx-number'}, fixed(weights[i])), make('span', {class: 'mx-track', 'aria-hidden': 'true'}, bar));
      })));
  }

  function captionOf(active) {
    const shown = `The ${view.regions.length} boxes of ${model.boxes.length} are numbered by the detector’s score.`;
    if (!view.exists) return shown;
    if (view.axes.from === 'words' && view.axes.to === 'words') return `Words look at words here: the image takes no part. ${shown}`;
    if (!litBy(active).regions) return `${shown} Point at a ${NOUNS[view.axes.to]} to see which regions look at it.`;
    const what = active ? '' : `What an average ${NOUNS[view.axes.from]} looks at. `;
    const reading = state.reading === 'weight'
      ? 'Boxes crowd around the lesion, so even attention brightens the middle too: “minus even share” takes that away.'
      : 'Orange: more than an even share. Purple: less.';
    return `${what}Each region’s number is laid over its box as a smooth bump; bumps add up, and the strongest spot gets full colour. ${reading}`;
  }

  // --- the walk-through ----------------------------------------------------------------------------------------

  async function renderWalk() {
    const holder = part('walk');
    const ticket = ++walks;
    const say = (text) => fill(holder, [make('p', {class: 'mx-hint'}, text)]);
    const pinned = state.pin && state.pin.row !== null && state.pin.col !== null;
    if (!view.exists) return say(view.reason);
    if (!pinned) return say('Pin a cell of the matrix (click it, or press Enter on it) to take its number apart: query, key, scale, softmax, value.');
    if (!model.key || !server?.walk_through) return say('This view was opened from a file. The vectors behind a number live in the model: diagnose the image in the app to see them.');
    const {query, key} = asPair(state.pin);
    const {map, axes} = view;
    const weights = Array.from({length: map.heads}, (_, head) => rowOf(matrixOf(map, state.layer, head), query)[key]);
    const head = typeof state.head === 'number' ? state.head : state.walkHead ?? largest(weights, 1)[0];
    if (!holder.querySelector('[data-walk="panel"]')) say('Asking the model for the vectors …');
    let numbers;
    try {
      numbers = await server.walk_through({key: model.key, map: state.map, layer: state.layer, head, query, token: key});
    } catch {
      numbers = {error: 'The server did not answer. Try again, or diagnose the image once more.'};
    }
    if (ticket !== walks) return undefined; // another cell was pinned meanwhile
    if (numbers.error) return say(numbers.error);
    const panel = walkThrough(numbers, {
      query: started(names.said(axes.from, query)), key: names.said(axes.to, key), keys: axes.to, keyIndex: key,
      place: `head ${head + 1} of ${map.heads}, layer ${state.layer + 1} of ${map.layers}`,
    });
    return fill(holder, [typeof state.head === 'number' ? null : headChoice(weights, head), panel]);
  }

  /** Mean and maximum have no q and k of their own: pick a head. */
  function headChoice(weights, current) {
    const select = make('select', {'data-walk': 'head'}, ...weights.map((weight, head) => {
      const option = make('option', {value: head}, `head ${head + 1}: ${fixed(weight)}`);
      option.selected = head === current;
      return option;
    }));
    select.addEventListener('change', () => {
      state.walkHead = Number(select.value);
      renderWalk().then(() => part('walk').querySelector('select')?.focus());
    });
    return make('label', {class: 'mx-field'}, `Every head has its own q and k; the ${state.head === 'mean' ? 'mean' : 'maximum'} of the heads has none. Shown is`, select);
  }

  // --- pointer and keyboard ------------------------------------------------------------------------------------

  /** What an element of the page stands for: {row, col}, or null. */
  function tokenAt(target) {
    const found = target.closest?.('[data-region], [data-word], [data-row], [data-col]');
    if (!found || !view?.exists) return null;
    const {region, word, row, col} = found.dataset;
    const {axes} = view;
    if (region !== undefined) return axes.rows === 'regions' ? {row: Number(region), col: null} : null;
    if (word !== undefined) {
      if (axes.rows === 'words') return {row: Number(word), col: null};
      return axes.cols === 'words' ? {row: null, col: Number(word)} : null;
    }
    return {row: row === undefined ? null : Number(row), col: col === undefined ? null : Number(col)};
  }

  const same = (a, b) => Boolean(a && b) && a.row === b.row && a.col === b.col;

  function setHover(active) {
    if (same(active, state.hover) || (!active && !state.hover)) return;
    state.hover = active;
    if (!state.pin && !frame) frame = requestAnimationFrame(paint);
  }

  function setPin(active) {
    const freed = state.pin;
    const inside = element.contains(document.activeElement);
    state.pin = same(active, state.pin) ? null : active;
    state.walkHead = null;
    if (!state.pin) state.hover = null;
    paint();
    part('status').textContent = state.pin ? `Pinned. ${view.headline}` : 'Nothing is pinned.';
    renderWalk();
    if (freed && !state.pin && inside && !element.contains(document.activeElement)) cellAt(freed)?.focus(); // its panel is gone
  }

  /** Arrow keys inside the grid: to the neighbour, with the headers as row 0 and column 0. */
  function moveInGrid(event, target) {
    const {grid} = elements;
    const i = grid.findIndex((line) => line.includes(target));
    const j = grid[i].indexOf(target);
    const to = {
      ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1],
      Home: [i, event.ctrlKey ? 1 : Math.min(1, j)], End: [i, grid[i].length - 1], PageUp: [1, j], PageDown: [grid.length - 1, j],
    }[event.key];
    const next = to && grid[to[0]]?.[to[1]];
    if (!to) return;
    event.preventDefault();
    if (next) rove(grid.flat(), next);
  }

  /** Arrow keys among the boxes: through the regions in their order. */
  function moveInBoxes(event, region) {
    const {regions} = view;
    const at = regions.indexOf(region);
    const to = {ArrowUp: at - 1, ArrowLeft: at - 1, ArrowDown: at + 1, ArrowRight: at + 1, Home: 0, End: regions.length - 1}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = elements.boxes.get(regions[to]);
    if (next) rove([...elements.boxes.values()].map(({group}) => group), next.group);
  }

  /** One stop for Tab in a set; the arrows move it. */
  function rove(set, next) {
    for (const item of set) if (item) item.setAttribute('tabindex', item === next ? '0' : '-1');
    next.focus();
  }

  function onKey(event) {
    if (event.key === 'Escape' && (state.pin || state.hover)) {
      event.preventDefault();
      state.hover = null;
      if (state.pin) setPin(null);
      else paint();
      return;
    }
    const cell = event.target.closest('[data-row], [data-col]');
    const box = event.target.closest('[data-region]');
    if ((cell || box) && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      const token = tokenAt(event.target);
      if (token) setPin(token);
    } else if (cell) moveInGrid(event, cell);
    else if (box) moveInBoxes(event, Number(box.dataset.region));
  }

  function onClick(event) {
    const head = event.target.closest('[data-head]');
    const kind = event.target.closest('[data-export]')?.dataset.export;
    if (event.target.closest('[data-free]')) setPin(null);
    else if (head) {
      const wanted = Number(head.dataset.head);
      choose({head: state.head === wanted ? 'mean' : wanted});
      part('heads').querySelectorAll('[data-head]')[wanted].focus();
    } else if (kind) exportAs(kind);
    else {
      const token = tokenAt(event.target);
      if (token) setPin(token);
    }
  }

  // --- files ---------------------------------------------------------------------------------------------------

  async function exportAs(kind) {
    const error = part('error');
    error.textContent = '';
    const parts = {boxes: part('boxes'), overlay: part('overlay'), opacity: part('opacity')};
    const name = ['attention', state.map, `layer${state.layer + 1}`, typeof state.head === 'number' ? `head${state.head + 1}` : state.head, state.reading].join('-');
    try {
      if (kind === 'json') download(new Blob([everythingJson(model, state)], {type: 'application/json'}), 'attention.json');
      else if (kind === 'csv' && !view.exists) error.textContent = view.reason;
      else if (kind === 'csv') download(new Blob([matrixCsv(model, view)], {type: 'text/csv'}), `${name}.csv`);
      else if (kind === 'svg') download(new Blob([screenSvg(model, view, parts, names)], {type: 'image/svg+xml'}), `${name}.svg`);
      else download(await screenPng(screenSvg(model, view, parts, names)), `${name}.png`);
    } catch (problem) {
      error.textContent = `The export failed: ${problem.message}`;
    }
  }

  async function importFile(input) {
    const [file] = input.files;
    input.value = '';
    if (!file) return;
    if (file.size > LARGEST_FILE) {
      part('error').textContent = 'This file is too large to be an export of the explorer.';
      return;
    }
    const text = await file.text();
    await load(text || ' ', true);
  }

  // --- life ----------------------------------------------------------------------------------------------------

  /** Take up a choice that came with a file, as far as it makes sense here. */
  function takeUp(chosen) {
    if (!chosen || typeof chosen !== 'object') return;
    if (chosen.map in MAPS) state.map = chosen.map;
    if (['score', 'attention', 'position'].includes(chosen.order)) state.order = chosen.order;
    if (['weight', 'difference'].includes(chosen.reading)) state.reading = chosen.reading;
    const head = chosen.head;
    if (head === 'mean' || head === 'max' || (Number.isInteger(head) && head >= 0)) state.head = head;
    if (Number.isInteger(chosen.layer) && chosen.layer >= 0) state.layer = chosen.layer;
    if (Number.isInteger(chosen.top) && chosen.top > 0) state.top = chosen.top;
  }

  /** The pin in another answer for the same regions, as when the metadata change; null where its word is gone. */
  function samePlace(next) {
    if (JSON.stringify(next.boxes) !== JSON.stringify(model.boxes)) return null;
    const moved = (side, token) => {
      if (token === null || side === 'regions') return token;
      const {field} = model.words[token];
      const rank = token - model.words.findIndex((word) => word.field === field);
      return next.words.findIndex((word, i) => word.field === field && i - next.words.findIndex((other) => other.field === field) === rank);
    };
    const {rows, cols} = MAPS[state.map];
    const pin = {row: moved(rows, state.pin.row), col: moved(cols, state.pin.col)};
    return pin.row === -1 || pin.col === -1 ? null : pin;
  }

  /** Show a payload, or say in the page why not. */
  async function load(text, fromFile = false) {
    const ticket = ++loads;
    const error = part('error');
    error.textContent = '';
    if (!text) {
      part('body').hidden = true;
      part('empty').hidden = false;
      return;
    }
    let next;
    try {
      next = await readPayload(text);
    } catch (problem) {
      if (ticket === loads) error.textContent = problem.message;
      return;
    }
    if (ticket !== loads) return;
    if (fromFile) delete next.key; // a file cannot speak for a case on the server
    state.pin = state.pin && samePlace(next);
    state.hover = null;
    model = next;
    takeUp(model.view);
    const usable = (name) => model.maps[name] && model.maps[name].queries && model.maps[name].keys;
    if (!model.view && !usable(state.map)) state.map = Object.keys(MAPS).find(usable) ?? state.map;
    bumps = bumpsOf(model);
    part('empty').hidden = true;
    part('body').hidden = false;
    part('case').textContent = caseLine();
    part('stage').style.aspectRatio = `${model.image.width} / ${model.image.height}`;
    const image = part('image');
    image.alt = `Dermatoscopic image ${model.title}`.trim();
    image.src = model.image.uri;
    rebuild();
    element.dispatchEvent(new CustomEvent('explorer-ready'));
  }

  function caseLine() {
    const best = model.probabilities.reduce((a, b) => (b.value > a.value ? b : a));
    const facts = [model.title, model.unit_name, `${best.name}${best.malignant ? ' (malignant)' : ''} ${percent(best.value)}`,
      plural(model.boxes.length, 'region'), model.reads_words ? plural(model.words.length, 'word') : 'image only',
      model.key ? '' : 'opened from a file'];
    return facts.filter(Boolean).join(' · ');
  }

  // The page may scroll below a resting pointer when the keyboard moves the focus: that is no hover.
  let keyed = false;
  element.addEventListener('keydown', () => {
    keyed = true;
  }, true);
  const point = (event) => keyed || event.pointerType === 'touch' || setHover(tokenAt(event.target));
  element.addEventListener('pointerover', point);
  element.addEventListener('pointermove', (event) => {
    if (!keyed || !(event.movementX || event.movementY)) return;
    keyed = false;
    point(event);
  });
  element.addEventListener('pointerleave', () => keyed || setHover(null));
  element.addEventListener('focusin', (event) => {
    const token = tokenAt(event.target);
    if (token) setHover(token);
  });
  element.addEventListener('focusout', () => setHover(null));
  element.addEventListener('click', onClick);
  element.addEventListener('keydown', onKey);
  part('order').addEventListener('change', (event) => choose({order: event.target.value}));
  part('top').addEventListener('input', (event) => choose({top: Number(event.target.value)}));
  part('numbers').addEventListener('change', (event) => choose({numbers: event.target.checked}));
  part('opacity').addEventListener('input', (event) => {
    part('overlay').style.opacity = event.target.value / 100;
  });
  part('overlay').style.opacity = part('opacity').value / 100;
  part('image').addEventListener('load', paintCrops);
  part('import').addEventListener('change', (event) => importFile(event.target));
  part('table-part').addEventListener('toggle', () => view && renderTable());
  // where the cells are changes with the width of the page, and with a tab that is opened
  new ResizeObserver(() => view?.exists && paintMatrix(state.pin ?? state.hover)).observe(part('matrix'));
  watch('value', () => load(props.value));
  load(props.value);
}

mountExplorer(element, props, server, watch);
