// What belongs to no view: the keyboard, addresses, the language, terms of the glossary, which case is on the screen.

import {recordGestures} from './answer_timing.js';
import {followCase} from './current_case.js';
import {diagnoseOnEnter} from './enter_key.js';
import {markTerms} from './glossary_terms.js';
import {measureTop} from './sticky_header.js';
import {takeAnyFile} from './image_field.js';
import {followAddress} from './tab_router.js';
import {holdSliders} from './touch_sliders.js';
import {explainTerms} from './tooltips.js';
import {ENGLISH, language} from '../shared/i18n.js';
import {translatePage} from './translator.js';

/** Begin. @param {Object<string, {term: string, meaning: string, forms: string[]}[]>} glossaries by language */
export function startPage(glossaries) {
  const glossary = glossaries[language] ?? glossaries[ENGLISH];
  recordGestures();
  diagnoseOnEnter();
  takeAnyFile();
  holdSliders();
  followCase();
  followAddress();
  measureTop();
  translatePage();
  explainTerms(glossary);
  markTerms(glossary);
}
