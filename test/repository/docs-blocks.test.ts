import { describe, expect, it } from 'vitest';
import { type Block, codeBlocks } from '../support/docs/blocks.js';
import { missingPaths, readJson } from '../support/docs/data.js';
import { COMMENT_PAGES, documentationComments, MARKDOWN_PAGES } from '../support/docs/pages.js';

/**
 * Every code block says what it is, and is checked as such: programs (js, mjs, ts) in docs-programs.test.ts, commands (sh) in
 * docs-commands.test.ts, files that users write (json) and what a folder holds (tree) here. Formulas and drawings (text) are not.
 */
const LANGUAGES = ['js', 'mjs', 'ts', 'sh', 'json', 'tree', 'text'];

const blocks = [...MARKDOWN_PAGES, ...COMMENT_PAGES].flatMap(codeBlocks);
const named = (language: string) =>
	blocks.filter((block) => block.language === language).map((block) => [`${block.page}:${block.line}`, block] as const);

it('there are blocks of all kinds but one', () => {
	expect([...new Set(blocks.map(({ language }) => language)), 'mjs'].sort()).toEqual([...LANGUAGES].sort());
});

describe('a code block says what it is', () => {
	it.each(blocks.map(({ page, line, language }) => [`${page}:${line}`, language]))('%s: %s', (_, language) => {
		expect(LANGUAGES).toContain(language);
	});
});

describe('a file that users write is read as it stands', () => {
	it.each(named('json'))('%s', (_, block) => {
		expect(() => readJson(block)).not.toThrow();
	});
});

describe('a folder holds what is said', () => {
	it.each(named('tree'))('%s', (_, block) => {
		expect(missingPaths(block)).toEqual([]);
	});
});

describe('the check of blocks', () => {
	const block = (...lines: string[]): Block => ({ page: 'x.md', line: 1, language: '', lines, continues: false });

	it.each([
		['broken syntax', '{ "seed": 1, }', SyntaxError],
		['a key of a config that is not known', '{ "sede": 1 }', /sede/],
		['a value of a config that is none', '{ "iterations": -1 }', /iterations/],
		['a key of a suite that is not known', '{ "name": "mine", "tasks": [], "sede": 1 }', /sede/],
	])('finds %s', (_, text, fault) => {
		expect(() => readJson(block(text))).toThrow(fault);
	});

	it('finds what a folder does not hold', () => {
		const tree = [
			'package.json  nothing.json    two files',
			'src/',
			'  index.ts   exports',
			'  nobody.ts',
			'docs/  test/',
		];
		expect(missingPaths(block(...tree))).toEqual(['nothing.json', 'src/nobody.ts']);
	});

	it('sees blocks in lists, with longer fences, and without a language', () => {
		const lines = ['- a', '  ```', '  b', '   c', '  ```', '````md', '```js', '```', '````', '~~~ sh', '~~~'];
		expect(codeBlocks({ path: 'x.md', lines })).toMatchObject([
			{ line: 3, language: '', lines: ['b', ' c'] },
			{ line: 7, language: 'md', lines: ['```js', '```'] },
			{ line: 11, language: 'sh', lines: [] },
		]);
	});

	it('sees blocks of documentation comments, and nothing else of a source file', () => {
		const lines = [
			'/** a */ const b = 1;',
			'/**',
			' * c',
			' * ```ts',
			' *   d',
			' * ```',
			' */',
			'// e',
			'\t/** f',
			'\t * g */',
		];
		expect(documentationComments(lines)).toEqual(['a', '', 'c', '```ts', '  d', '```', '', '', 'f', 'g']);
	});
});
