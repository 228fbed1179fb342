// The tab 'Lessons': all of them, with how far this browser has come; what was left out, and why.

import {linkOf} from './course.js';
import {make} from '../shared/elements.js';
import {languageOf, wordsOf} from './words.js';

/** Bring the list in `element` to life; `window.mat.lessons` is the panel's side of it. @param {object} facts */
export function listIn(element, facts) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const guide = () => window.mat?.lessons;

  function item(lesson, say) {
    const progress = guide()?.progress(lesson.name) ?? {reached: 0, done: false};
    const under = guide()?.current() === lesson.name;
    const begin = (presenting) => guide()?.begin(lesson.name, presenting);
    return make('li', {'data-name': lesson.name, 'data-done': progress.done ? 'yes' : null},
      make('h3', {}, make('a', {href: linkOf(lesson.name), onclick: (event) => { event.preventDefault(); begin(false); }}, lesson.title)),
      make('p', {class: 'll-fine'}, [
        say('minutes', {minutes: lesson.minutes}), say('steps', {steps: lesson.steps}), say('for', {audience: lesson.audience}),
        lesson.own ? say('own') : null, lesson.case ? say(lesson.drawn ? 'drawn' : 'photograph', {case: lesson.case}) : null,
      ].filter(Boolean).join(' · ')),
      make('p', {class: 'll-buttons'},
        make('button', {type: 'button', class: 'll-button', onclick: () => (under ? guide().resume() : begin(false))},
          say(under ? 'go-on' : progress.done ? 'again' : 'begin')),
        make('button', {type: 'button', class: 'll-button', onclick: () => begin(true)}, say('present')),
        progress.done ? make('span', {class: 'll-done'}, say('done'))
          : under ? make('span', {class: 'll-done'}, say('step', {at: progress.reached + 1, of: lesson.steps})) : null));
  }

  function render() {
    const language = languageOf(facts, guide()?.language());
    const say = wordsOf(facts, language);
    element.querySelector('.ll').lang = language;
    part('title').textContent = say('title');
    part('intro').textContent = say('intro');
    part('keeps').textContent = say(guide()?.keeps() === false ? 'keeps-nothing' : 'keeps');
    part('list').replaceChildren(...facts.lessons[language].map((lesson) => item(lesson, say)));
    part('clear').textContent = say('clear');
    part('problems').replaceChildren(...(facts.problems.length ? [
      make('h3', {}, say('problems')), make('ul', {}, ...facts.problems.map((problem) => make('li', {}, problem))),
    ] : []));
  }

  part('clear').addEventListener('click', () => guide()?.clear());
  addEventListener('mat-lessons', render);
  render();
}
