// The tab 'Lessons': all of them, with how far this browser has come; what was left out, and why.

import {linkOf} from './navigation.js';
import {make, partsOf, query} from '../shared/dom.js';
import {guide} from './lesson_panel.js';
import {messagesOf} from './messages.js';

/** Call the panel now, or as soon as it is mounted: the list may be there first. @param {function(object): void} act */
function withPanel(act) {
  if (guide) act(guide);
  else addEventListener('mat-lessons', () => act(guide), {once: true});
}

/** Bring the list in `element` to life. @param {Element} element @param {object} facts */
export function mountList(element, facts) {
  const part = partsOf(element);
  const {language, say} = messagesOf(facts);
  let shown = ''; // HTML of the items

  function item(lesson) {
    const progress = guide?.progress(lesson.name) ?? {reached: 0, done: false};
    const isCurrent = guide?.current() === lesson.name;
    const begin = (presenting) => withPanel((panel) => panel.begin(lesson.name, presenting));
    return make('li', {'data-name': lesson.name, 'data-done': progress.done ? 'yes' : null},
      make('h3', {}, make('a', {href: linkOf(lesson.name), onclick: (event) => { event.preventDefault(); begin(false); }}, lesson.title)),
      make('p', {class: 'll-fine'}, [
        say('minutes', {minutes: lesson.minutes}), say('steps', {steps: lesson.steps}), say('for', {audience: lesson.audience}),
        lesson.own ? say('own') : null, lesson.case ? say(lesson.drawn ? 'drawn' : 'photograph', {case: lesson.case}) : null,
      ].filter(Boolean).join(' · ')),
      make('p', {class: 'll-buttons'},
        make('button', {type: 'button', class: 'll-button', onclick: () => (isCurrent ? guide.resume() : begin(false))},
          say(isCurrent ? 'go-on' : progress.done ? 'again' : 'begin')),
        make('button', {type: 'button', class: 'll-button', onclick: () => begin(true)}, say('present')),
        progress.done ? make('span', {class: 'll-done'}, say('done'))
          : isCurrent ? make('span', {class: 'll-done'}, say('step', {at: progress.reached + 1, of: lesson.steps})) : null));
  }

  function render() {
    query('.ll', element).lang = language;
    part('title').textContent = say('title');
    part('intro').textContent = say('intro');
    part('keeps').textContent = say(guide?.keeps() === false ? 'keeps-nothing' : 'keeps');
    const items = facts.lessons[language].map((lesson) => item(lesson));
    const html = items.map((each) => each.outerHTML).join('');
    if (html !== shown) part('list').replaceChildren(...items); // a click on a button that is replaced meanwhile is lost
    shown = html;
    part('clear').textContent = say('clear');
    part('problems').replaceChildren(...(facts.problems.length ? [
      make('h3', {}, say('problems')), make('ul', {}, ...facts.problems.map((problem) => make('li', {}, problem))),
    ] : []));
  }

  part('clear').addEventListener('click', () => withPanel((panel) => panel.clear()));
  addEventListener('mat-lessons', render);
  render();
}
