import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { codeBlocks } from '../support/docs/blocks.js';
import { allNames, commandFaults } from '../support/docs/commands.js';
import { gannoFault, helpExamples } from '../support/docs/ganno-command.js';
import { COMMENT_PAGES, MARKDOWN_PAGES } from '../support/docs/pages.js';
import { shellCommands } from '../support/docs/shell.js';
import { codeSpans } from '../support/docs/spans.js';
import { ganno } from '../support/run-ganno.js';

/** Commands that readers type: those printed in pages, named in their sentences and shown by --help. */

const pages = [...MARKDOWN_PAGES, ...COMMENT_PAGES];
const printed = pages
	.flatMap(codeBlocks)
	.filter(({ language }) => language === 'sh')
	.flatMap(({ page, line, lines, notRun }) =>
		lines.map((text, index) => ({ title: `${page}:${line + index}: ${text.trim()}`, text, notRun })),
	)
	.filter(({ text }) => text.trim() !== '');
const spans = MARKDOWN_PAGES.flatMap(codeSpans).map((span) => ({
	...span,
	title: `${span.page}:${span.line}: ${span.text}`,
}));

function faultsOf(text: string, mention = false): readonly string[] {
	return shellCommands([text]).flatMap((command) => commandFaults(command, mention));
}

describe('a printed command can be typed as it stands', () => {
	it.each(printed.map(({ title, text }) => [title, text]))('%s', (_, text) => {
		expect(faultsOf(text)).toEqual([]);
	});
});

/** Commands that look, and train nothing; without what `npx` needs to find them. */
function quick(words: readonly string[]): boolean {
	const [command, policy] = words;
	return (
		words.includes('--help') ||
		words.includes('--describe') ||
		command === 'devices' ||
		(command === 'info' && policy === 'default')
	);
}

describe('a printed command that only looks does so', () => {
	const home = mkdtempSync(join(tmpdir(), 'ganno-reader-'));
	afterAll(() => rmSync(home, { recursive: true, force: true }));

	const run = printed
		.filter(({ notRun }) => notRun === undefined)
		.flatMap(({ title, text }) =>
			shellCommands([text]).map(({ words: [npx, name, ...words] }) => ({
				title,
				words,
				own: npx === 'npx' && name === 'ganno',
			})),
		)
		.filter(({ own, words }) => own && quick(words));

	it.each(run.map(({ title, words }) => [title, words] as const))('%s', async (_, words) => {
		const { code, stdout, stderr } = await ganno(words, { cwd: home });
		expect(stderr).toBe('');
		expect(stdout.trim()).not.toBe('');
		expect(code).toBe(0);
	});
});

describe('a command named in a sentence is one', () => {
	const named = spans.filter(({ text }) => /^(npx |ganno |npm |scripts\/|node [\w-]+\/|[A-Z_]+=\S* )/.test(text));

	it.each(named.map(({ title, text }) => [title, text]))('%s', (_, text) => {
		expect(faultsOf(text, true)).toEqual([]);
	});
});

describe('an option or environment variable named in a sentence is one', () => {
	/** Of programs that ganno is built into. */
	const others = new Set(['--external']);
	const named = spans.flatMap(({ title, text }) => {
		const options = text.startsWith('--') ? (text.match(/(?<!\S)--[a-z][a-z-]*/g) ?? []) : [];
		return [...options, ...(text.match(/\bGANNO_[A-Z_]+\b/g) ?? [])].map((name) => [title, name] as const);
	});

	it.each(named)('%s', (_, name) => {
		expect(allNames().has(name) || others.has(name), name).toBe(true);
	});
});

describe('an example of --help can be typed as it stands', () => {
	it.each(helpExamples().map(({ command, example }) => [command, example]))('%s: %s', (_, example) => {
		expect(faultsOf(example)).toEqual([]);
	});
});

describe('the check of commands', () => {
	it.each([
		'npx ganno trian',
		'npx ganno train --iteration 5',
		'npx ganno train --preset huge',
		'npx ganno train --set learner.clop=0.1',
		'npx ganno train --controller adaptive-lr --action compounding',
		'npx ganno evaluate',
		'npx ganno info default other',
		'npx ganno search --set learner.parallel=many',
		'npm run bench:nothing',
		'npm run bench:tfjs --json',
		'npm run bench:tfjs -- --jsno',
		'npm install left-pad',
		'scripts/nothing',
		'scripts/gpu-check --minuets 9',
		'node examples/nothing.mjs',
		'GANNO_DATADIR=/data npx ganno devices',
		'export GANNO_DATADIR=/data',
		'apt-get install dataset-fashion',
		'pip install ganno',
		'scripts/setup && npm tset',
	])('finds what is wrong with: %s', (text) => {
		expect(faultsOf(text)).not.toEqual([]);
	});

	it.each(['npx ganno info runs/<run>', "npx ganno info 'runs/mine", 'npx ganno train \\'])(
		'finds that a shell would not take it so: %s',
		(text) => {
			expect(() => faultsOf(text)).toThrow('line 1');
		},
	);

	it('reads lines as a shell does', () => {
		expect(
			shellCommands([
				"A_B=1 npx ganno search --network 'C(8,3,1)-FC(16)' > 'a file' # why; not",
				'x --a="b c"#d && y 2>> log; z | w',
			]),
		).toEqual([
			{ line: 0, variables: { A_B: '1' }, words: ['npx', 'ganno', 'search', '--network', 'C(8,3,1)-FC(16)'] },
			{ line: 1, variables: {}, words: ['x', '--a=b c#d'] },
			{ line: 1, variables: {}, words: ['y'] },
			{ line: 1, variables: {}, words: ['z'] },
			{ line: 1, variables: {}, words: ['w'] },
		]);
	});

	it('lets a sentence name a command without all that it needs, and nothing else', () => {
		expect(gannoFault(['evaluate', '--suite'])).toMatch(/missing required argument/);
		expect(gannoFault(['evaluate', '--suite'], true)).toBeUndefined();
		expect(gannoFault(['evaluate', '--siute'], true)).toMatch(/unknown option/);
	});
});
