// Lint rules, where eslint is installed (CONTRIBUTING.md). The app needs none of it; tsc checks the names.

import js from '@eslint/js';

export default [
  {ignores: ['.venv/', 'build/', 'node_modules/']},
  {files: ['**/*.js', '**/*.mjs'], ...js.configs.recommended},
  {files: ['**/*.js', '**/*.mjs'], languageOptions: {sourceType: 'module'}, rules: {'no-undef': 'off'}},
];
