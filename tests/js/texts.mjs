// The English texts, for tests of what is written with them; import this before the module under test.

import {readFileSync} from 'node:fs';

import {useTexts} from '../../assets/shared/i18n.js';

useTexts(JSON.parse(readFileSync(new URL('../../assets/languages/en.json', import.meta.url), 'utf-8')));
