import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { configReference, resolveConfig } from '../../src/config/config.js';
import { PRESET_NAMES, PRESETS, type PresetName } from '../../src/config/presets.js';
import { searchConfigReference } from '../../src/search/search-config.js';
import { valueAt } from '../../src/settings/setting-values.js';
import { ganno } from '../support/run-ganno.js';

/** What a newcomer reads: --help, and the answers to mistakes. */

const program = createProgram();
const commandNamed = (name: string): Command => program.commands.find((each) => each.name() === name) as Command;

/** Options that stand for a setting. */
const SETTINGS = {
	'--seed': 'seed',
	'--iterations': 'iterations',
	'--dataset': 'dataset',
	'--workers': 'workers',
	'--device': 'device',
	'--precision': 'precision',
	'--controller': 'controller',
	'--granularity': 'environment.granularity',
	'--action': 'environment.action',
	'--reward': 'environment.reward',
	'--second-control': 'environment.secondControl',
	'--network': 'policy.network',
	'--algorithm': 'learner.algorithm',
	'--learner-backend': 'learner.backend',
} as const;

function described(command: Command, flag: string): string {
	const option = command.options.find(({ long }) => long === flag) as Option;
	return command.createHelp().optionDescription(option);
}

describe.each([
	['start', 'quick'],
	['train', 'standard'],
] as const)('the help of %s', (name, preset) => {
	const command = commandNamed(name);
	const configs = new Map(
		PRESET_NAMES.map((each) => [each, resolveConfig([{ source: each, values: PRESETS[each] }])] as const),
	);

	it.each(Object.entries(SETTINGS))('says what %s is where nothing is said, under each preset', (flag, key) => {
		const value = (each: PresetName) => `${valueAt(configs.get(each), key.split('.')) as string | number}`;
		const [, text] = /default: (.*)\)$/.exec(described(command, flag)) ?? [];
		const [own, others = ''] = (text as string).split('; ');
		expect(own).toBe(value(preset));
		const told = new Map(others.split(', ').map((each) => each.split(': ') as [string, string]));
		for (const each of PRESET_NAMES) expect(told.get(each) ?? own, each).toBe(value(each));
	});

	it('lists the words that a setting can be', () => {
		for (const [flag, key] of Object.entries(SETTINGS)) {
			const { expected } = configReference().find((each) => each.key === key)!;
			if (!expected.startsWith('one of')) continue;
			for (const [, word] of expected.matchAll(/'([^']+)'/g)) {
				expect(described(command, flag), flag).toMatch(new RegExp(`\\(.*\\b${word}\\b.*; default`));
			}
		}
	});
});

it('search says what its settings are, under each of its presets', () => {
	const keys = searchConfigReference();
	const depth = keys.find(({ key }) => key === 'space.maximumDepth')!;
	expect(described(commandNamed('search'), '--max-depth')).toContain(
		`(default: ${String(depth.default)}; svhn: 12, mnist: 12, small: 6)`,
	);
	expect(described(commandNamed('search'), '--fit')).toContain('(strict or inclusive; default: strict)');
});

describe('the help', () => {
	it.each(['start', 'train', 'evaluate', 'search'])('of %s has its many options in groups', (name) => {
		const groups = new Set(commandNamed(name).options.map(({ helpGroupHeading }) => helpGroupHeading));
		expect(groups).not.toContain(undefined);
		expect(groups.size).toBeGreaterThan(3);
	});

	it('keeps to 80 columns, examples apart, which must not be broken', async () => {
		for (const { name } of [{ name: () => '' }, ...program.commands].map((command) => ({ name: command.name() }))) {
			const { stdout } = await ganno([...(name === '' ? [] : [name]), '--help']);
			const long = stdout.split('\n').filter((line) => line.length > 80 && !line.startsWith('  $ '));
			expect(long, name).toEqual([]);
		}
	});
});

describe('a mistake on the command line', () => {
	it.each([
		[['trian'], "unknown command 'trian'", '(Did you mean train?)', 'npx ganno --help'],
		[
			['train', '--iteration', '3'],
			"unknown option '--iteration'",
			'(Did you mean --iterations?)',
			'npx ganno train --help',
		],
		[['evaluate'], "missing required argument 'policy'", '', 'npx ganno evaluate --help'],
		[
			['train', '--agent', 'adaptive-lr'],
			"unknown option '--agent': it is called --controller now, and its value 'ganno' is 'layerwise'",
			'',
			'npx ganno train --help',
		],
		[
			['start', '--agents=one'],
			"unknown option '--agents': it is called --granularity now, and its value 'layerwise' is 'layer', 'one' is 'network'",
			'',
			'npx ganno start --help',
		],
		[['start', 'here'], "too many arguments for 'start'", '', 'npx ganno start --help'],
	])('%j is answered with what is wrong, a guess, and where to look', async (words, ...answers) => {
		const { code, stderr } = await ganno(words);
		expect(code).toBe(2);
		for (const answer of answers) expect(stderr).toContain(answer);
	});

	it.each(['info', 'evaluate'])('%s of a policy that is not there says what can be given', async (command) => {
		const { code, stderr } = await ganno([command, 'defualt']);
		expect(code).toBe(1);
		expect(stderr).toMatch(/no policy at defualt.*run directory.*default, one-action, adaptive-lr/);
	});
});
