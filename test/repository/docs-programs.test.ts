import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';
import { codeBlocks, unfencedExamples } from '../support/docs/blocks.js';
import { COMMENT_PAGES, EXAMPLES, MARKDOWN_PAGES, type Page } from '../support/docs/pages.js';
import { checkPrograms, exampleProgram, programsOf, runProgram } from '../support/docs/programs.js';

/** Programs that readers copy: those printed in pages and documentation comments, and those of examples/. */

const pages = [...MARKDOWN_PAGES, ...COMMENT_PAGES];
const printed = pages.flatMap((page) => programsOf(codeBlocks(page)));
const checked = checkPrograms('pages', [...printed, ...EXAMPLES.map(exampleProgram)]).map((program) => ({
	...program,
	title: `${program.page}:${program.line}`,
}));

it('examples in documentation comments are code blocks', () => {
	expect(COMMENT_PAGES.flatMap(unfencedExamples)).toEqual([]);
});

describe('programs use what the package exports, with the types it states', () => {
	it.each(checked)('$title', ({ faults }) => {
		expect(faults).toEqual([]);
	});
});

describe('printed programs run as they stand', () => {
	/** What pages tell the reader to have by then. */
	const home = mkdtempSync(join(tmpdir(), 'ganno-reader-'));
	afterAll(() => rmSync(home, { recursive: true, force: true }));
	mkdirSync(join(home, 'runs', 'first'), { recursive: true });
	copyFileSync(join(packageRoot, 'policies/default.safetensors'), join(home, 'runs/first/policy.safetensors'));
	copyFileSync(join(packageRoot, 'bench/results/suite-held-out.json'), join(home, 'evaluation-held-out.json'));

	const complete = checked.filter(({ page, notRun }) => !page.startsWith('examples/') && notRun === undefined);

	it.each(complete)('$title', (program) => {
		expect(runProgram(program, home)).toEqual({ status: 0, stderr: '' });
	});
});

describe('the check of programs finds', () => {
	const page = (path: string, ...lines: string[]): Page => ({ path, lines });
	const task = (line: string): readonly string[] => ['import { sampleTasks, syntheticDataset } from "ganno";', line];
	const broken = {
		'a name that is not exported': page(
			'a.md',
			'```js',
			'import { DATASET } from "ganno";',
			'console.log(DATASET);',
			'```',
		),
		'an import that is not used': page('b.md', '```js', 'import { devices } from "ganno";', '```'),
		'an option that is not known': page(
			'c.md',
			'```js',
			...task('sampleTasks({ dataset: syntheticDataset(), horizon: 40, decision: 4 }, 1, 0, 1);'),
			'```',
		),
		'options behind a name': page(
			'd.md',
			'```js',
			...task('const fineTuning = { share: 0, shares: 1 };'),
			'sampleTasks({ dataset: syntheticDataset(), fineTuning }, 1, 0, 1);',
			'```',
		),
		'a parameter without a type': page('e.md', '```ts', 'export const same = (x) => x;', '```'),
		'what another program of the page has declared': page(
			'f.md',
			'```ts',
			'const answer = 42;',
			'```',
			'```ts',
			'console.log(answer);',
			'```',
		),
	};
	const faults = Object.fromEntries(
		checkPrograms(
			'broken',
			Object.values(broken).flatMap((each) => programsOf(codeBlocks(each))),
		).flatMap((program) => program.faults.map((fault) => [program.page, fault])),
	);

	it.each(Object.entries(broken))('%s', (_, { path }) => {
		expect(faults).toHaveProperty([path]);
		expect(faults[path]).toMatch(new RegExp(`^${path}:\\d+:`));
	});

	it('broken syntax', () => {
		const [program] = checkPrograms(
			'syntax',
			programsOf(codeBlocks(page('g.md', '  ~~~mjs', '  const = 1;', '  ~~~'))),
		);
		expect(program?.faults[0]).toMatch(/^g\.md:2:/);
	});

	it('where on the page it is', () => {
		expect(faults['c.md']).toMatch(/^c\.md:3:\d+: .*'decision' does not exist/);
		expect(faults['f.md']).toMatch(/^f\.md:5:13: Cannot find name 'answer'/);
	});

	it('no fault in a program that continues the one before, in TypeScript or JavaScript', () => {
		const good = page(
			'h.md',
			'```ts',
			'const answer: number = 42;',
			'```',
			'',
			'<!-- continues -->',
			'```ts',
			'if (answer !== 42) throw new Error("another answer");',
			'```',
			'~~~~js',
			'[1, 2].map((x) => x + 1);',
			'~~~~',
		);
		const programs = checkPrograms('good', programsOf(codeBlocks(good)));
		expect(programs.map(({ line, faults: found }) => [line, found])).toEqual([
			[2, []],
			[7, []],
			[10, []],
		]);
		for (const program of programs) expect(runProgram(program, packageRoot)).toEqual({ status: 0, stderr: '' });
	});

	it('a program that fails, and one that complains', () => {
		const text = ['```js', 'throw new Error("no");', '```', '```js', 'console.error("hm");', '```'];
		const [fails, complains] = checkPrograms('failing', programsOf(codeBlocks(page('i.md', ...text))));
		expect(runProgram(fails!, packageRoot).status).toBe(1);
		expect(runProgram(complains!, packageRoot)).toEqual({ status: 0, stderr: 'hm\n' });
	});

	it('a block that is not closed, and a comment that says nothing', () => {
		expect(() => codeBlocks(page('j.md', '```js', '1;', '``'))).toThrow('j.md:1: the code block is not closed');
		expect(() => codeBlocks(page('k.md', '<!-- skip -->', '```js', '```'))).toThrow('k.md:3: ');
	});
});
