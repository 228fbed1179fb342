// Messages of the panel and the list, in the page's language or English.

import {chooseLanguage, formatter, language as pageLanguage} from '../shared/i18n.js';

/**
 * The language, and a function of a key and the values for its {braces}.
 * @param {any} facts LessonService.facts() @param {string} wanted
 */
export function messagesOf(facts, wanted = pageLanguage) {
  const language = chooseLanguage(Object.keys(facts.words), [wanted]);
  return {language, say: formatter({...facts.words.en, ...facts.words[language]})};
}
