import { describe, expect, it } from 'vitest';
import * as index from '../../src/index.js';
import * as tfjsIndex from '../../src/tfjs/index.js';
import { nameFault, PUBLIC_NAMES } from '../support/docs/names.js';
import { MARKDOWN_PAGES } from '../support/docs/pages.js';
import { codeSpans } from '../support/docs/spans.js';

/** Names in sentences of the pages: `LayerwiseOptimizer`. */

it('knows all exports', () => {
	expect([...PUBLIC_NAMES]).toEqual(expect.arrayContaining([...Object.keys(index), ...Object.keys(tfjsIndex)]));
});

describe('a name in a sentence can be imported, or its file is named', () => {
	it.each(MARKDOWN_PAGES.map((page) => [page.path, page] as const))('%s', (_, page) => {
		const faults = codeSpans(page).flatMap((span) => {
			const fault = nameFault(span);
			return fault === undefined ? [] : [`${span.page}:${span.line}: ${fault}`];
		});
		expect(faults).toEqual([]);
	});
});

describe('the check of names', () => {
	const beside = (text: string, paragraph = `It has \`${text}\`.`) => nameFault({ text, paragraph });

	it.each([
		'searchDataset(definition)',
		'new ObservationEncoder(layers)',
		'LayerwiseOptimizer.setp()',
		'loadDatset',
		'STATISTICS_INDEX',
	])('finds %s', (text) => {
		expect(beside(text)).toBeDefined();
	});

	it.each([
		'loadDataset(name)',
		'LayerwiseOptimizer.step',
		'dataDirectory',
		'DIVERGED',
		'GannoError',
		'exp(x)',
		'Adam',
	])('lets %s pass', (text) => {
		expect(beside(text)).toBeUndefined();
	});

	it('lets the inside of the package be named together with its file', () => {
		expect(beside('searchDataset', 'Change `searchDataset` (`src/datasets/download/locate.ts`).')).toBeUndefined();
	});
});

describe('code in sentences', () => {
	it('is found with its line, over line ends and beside blocks', () => {
		const lines = ['a `b`', '', '```js', '`no`', '```', '- `c', '  d` and ``e ` f``', '', '| `g` |', '| `h` |'];
		expect(codeSpans({ path: 'x.md', lines }).map(({ line, text }) => [line, text])).toEqual([
			[1, 'b'],
			[6, 'c d'],
			[7, 'e ` f'],
			[9, 'g'],
			[10, 'h'],
		]);
	});
});
