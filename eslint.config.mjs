// How our JavaScript is checked, where eslint is installed (CONTRIBUTING.md). The app needs none of it.

import js from '@eslint/js';

const globals = (names) => Object.fromEntries(names.split(' ').map((name) => [name, 'readonly']));
// what our files take from the browser or from node; a name that is on neither list is a slip
const BROWSER = globals('addEventListener atob Blob clearTimeout CSS CustomEvent DecompressionStream document getComputedStyle history '
  + 'Image innerHeight innerWidth location MutationObserver requestAnimationFrame ResizeObserver scrollTo sessionStorage setTimeout URL '
  + 'window XMLSerializer');
const NODE = globals('Buffer');

export default [
  {ignores: ['.venv/', 'build/', 'node_modules/']},
  {files: ['**/*.js', '**/*.mjs'], ...js.configs.recommended},
  {files: ['assets/**/*.js'], languageOptions: {sourceType: 'module', globals: BROWSER}},
  {files: ['tests/js/*.mjs'], languageOptions: {sourceType: 'module', globals: NODE}},
];
