import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootstrap, pairedBootstrap } from '../../src/evaluation/suites/comparison.js';
import { findSuite } from '../../src/evaluation/suites/definitions/find-suite.js';
import { QUICK_SUITE } from '../../src/evaluation/suites/definitions/quick-suite.js';
import { parseSuite, type SuiteInput } from '../../src/evaluation/suites/definitions/suite-spec.js';
import { HAND_MADE, METHODS, TUNED, TUNED_GLOBALLY } from '../../src/evaluation/suites/suite-contenders.js';
import {
	formatResults,
	parseResults,
	type RunRecord,
	type SuiteResults,
} from '../../src/evaluation/suites/suite-results.js';
import {
	BEST_METHOD,
	BEST_TUNED,
	BEST_TUNED_GLOBALLY,
	summarize,
	withBestRivals,
} from '../../src/evaluation/suites/suite-summary.js';
import { suiteTables, TRIAL_NOTE } from '../../src/evaluation/suites/suite-tables.js';
import { FIVE_DECADES, targetRows } from '../../src/evaluation/suites/suite-targets.js';
import { chooseLearningRates } from '../../src/evaluation/suites/suite-tuning.js';
import { packageRoot } from '../../src/package-files.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { markdownTable, textTable } from '../../src/report/text-table.js';

describe('a bootstrap interval', () => {
	it('is the same on every call, and pairs what belongs together', () => {
		const a = new Map([0, 1, 2, 3, 4, 5].map((i) => [`c${i}`, i + 0.5 + 0.01 * i]));
		const b = new Map([5, 4, 3, 2, 1, 0].map((i) => [`c${i}`, i]));
		const found = pairedBootstrap(a, b, 500, 7);
		expect(found).toEqual(pairedBootstrap(a, b, 500, 7));
		expect(found.mean).toBeCloseTo(0.525, 10);
		// The clusters differ by far more than the pairs.
		expect(found.high - found.low).toBeLessThan(0.05);
		expect(pairedBootstrap(a, new Map([['c1', 1]]), 500, 7)).toMatchObject({ count: 1, low: Number.NaN });
		expect(pairedBootstrap(a, new Map(), 500, 7).mean).toBeNaN();
	});

	it('holds the true mean in about 95 % of the samples', () => {
		const generator = new PhiloxGenerator(11, 'task');
		let held = 0;
		for (let trial = 0; trial < 400; trial++) {
			const { low, high } = bootstrap(
				Array.from({ length: 40 }, () => 3 + generator.nextNormal()),
				400,
				trial,
			);
			if (low <= 3 && 3 <= high) held++;
		}
		expect(held / 400).toBeGreaterThan(0.9);
		expect(held / 400).toBeLessThan(0.98);
	});

	it('has the width of the central limit theorem', () => {
		const values = Array.from({ length: 400 }, (_, i) => i % 2);
		const { low, high } = bootstrap(values, 4000, 1);
		expect(high - low).toBeCloseTo((2 * 1.96 * 0.5) / 20, 2);
	});
});

const TASKS: SuiteInput['tasks'] = ['a', 'b'].map((id) => ({
	...(QUICK_SUITE.tasks[0] as SuiteInput['tasks'][number]),
	id,
	family: id === 'a' ? 'first' : 'second',
	learningRates: FIVE_DECADES,
	...(id === 'b' ? { longerThan: 'a', role: 'cifar-residual' as const } : {}),
}));

/** Results in which a contender's final test accuracy is what `value` says. */
function results(value: (contender: string, task: string, rate: number | null) => number): SuiteResults {
	const suite = parseSuite({ ...QUICK_SUITE, trial: undefined, tasks: TASKS }, 'the test');
	const contenders: SuiteResults['contenders'] = [
		{ name: 'learned', kind: 'learned' },
		{ name: 'one action', kind: 'learned' },
		...HAND_MADE.map((name) => ({ name, kind: 'default' as const })),
		{ name: 'blind cosine', kind: 'rule-of-thumb' },
		...METHODS.map(({ name }) => ({ name: TUNED(name), kind: 'tuned' as const })),
		...METHODS.map(({ name }) => ({ name: TUNED_GLOBALLY(name), kind: 'tuned-globally' as const })),
	];
	const runs = contenders.flatMap(({ name, kind }) =>
		['a', 'b'].flatMap((task) => {
			const rates = kind === 'learned' || kind === 'default' ? FIVE_DECADES : [null];
			return rates.flatMap((learningRate) =>
				[1, 2].map((seed): RunRecord => {
					const finalTest = value(name, task, learningRate) + 0.0001 * seed;
					return {
						task,
						contender: name,
						learningRate,
						seed,
						finalTest,
						bestTest: finalTest,
						finalValidation: finalTest,
						bestValidation: finalTest,
						validationArea: finalTest / 2,
						stepsToTarget: finalTest > 0.5 ? 10 : null,
						diverged: finalTest < 0.15,
					};
				}),
			);
		}),
	);
	// The schedules are tuned equally well but for cosine in the first family, and step in the second and over all; in the second a method
	// that is no schedule is better still.
	const tuning = chooseLearningRates(
		suite.tasks,
		[0.1, 0.01],
		(task, method, rate) =>
			0.5 +
			(rate === 0.01 ? 0.1 : 0) +
			(method === (task.family === 'first' ? 'cosine' : 'step') ? 0.02 : 0) +
			(method === 'step' ? 0.01 : 0) +
			(method === 'schedule-free' && task.family === 'second' ? 0.1 : 0),
		48,
	);
	return {
		format: 'ganno-suite-results',
		version: 2,
		suite,
		seeds: 'reporting',
		contenders,
		policies: ['learned', 'one action'].map((name, i) => ({
			name,
			digest: 'd',
			granularity: i === 0 ? 'layer' : 'network',
			action: 'compounding',
			training: null,
		})),
		datasets: [{ name: 'synthetic', digest: 'e', images: [384, 128, 128] }],
		skipped: [{ task: 'c', contender: null, reason: 'mnist is not on this machine' }],
		targets: [{ task: 'a', validationAccuracy: 0.5 }],
		tuning,
		runs,
		trajectories: [{ task: 'a', contender: 'learned', learningRate: 0.1, learningRates: [[0.1, 0.2]] }],
		record: { date: '2020-01-01', ganno: '0', commit: null, node: 'v20', machine: 'm', workers: 1, seconds: 1 },
	};
}

describe('tuning', () => {
	it('takes the best of the grid by family and globally, the lower on equal scores, and says where the grid ended', () => {
		const { tuning } = results(() => 0.5);
		expect(tuning.families.map(({ family }) => family)).toEqual(['first', 'second']);
		for (const { choices } of tuning.families) {
			for (const { learningRate, atEdge, grid } of choices) {
				expect([learningRate, atEdge]).toEqual([0.01, true]);
				expect(grid.map((point) => point.learningRate)).toEqual([0.01, 0.1]);
			}
		}
		const equal = chooseLearningRates(parseSuite(QUICK_SUITE, 'q').tasks, [0.1, 0.01, 0.001], () => 0.5, 0);
		expect(equal.global.map(({ learningRate }) => learningRate)).toEqual(equal.global.map(() => 0.001));
	});

	it('weighs families alike for the choice that is made globally', () => {
		const suite = parseSuite({ ...QUICK_SUITE }, 'q'); // two tasks of one family, one of the other
		const { global } = chooseLearningRates(
			suite.tasks,
			[0.1, 0.01],
			(task, _, rate) => (task.family === 'perturbed rates' ? (rate === 0.1 ? 0.9 : 0.5) : rate === 0.1 ? 0.5 : 0.8),
			0,
		);
		expect(global[0]).toMatchObject({ learningRate: 0.1, validationAccuracy: 0.7 });
	});
});

describe('the summary of a suite', () => {
	it('composes the best rivals by what tuning saw', () => {
		const table = withBestRivals(
			results((contender, task) => {
				if (contender === TUNED('cosine')) return task === 'a' ? 0.7 : 0.1;
				if (contender === TUNED('schedule-free')) return 0.65;
				return contender === TUNED('step') ? 0.6 : contender === TUNED_GLOBALLY('step') ? 0.55 : 0.2;
			}),
		);
		expect(table.mean(BEST_TUNED, { tasks: new Set(['a']) })).toBeCloseTo(0.70015, 6);
		expect(table.mean(BEST_TUNED, { tasks: new Set(['b']) })).toBeCloseTo(0.60015, 6);
		expect(table.mean(BEST_METHOD, { tasks: new Set(['a']) })).toBeCloseTo(0.70015, 6);
		expect(table.mean(BEST_METHOD, { tasks: new Set(['b']) })).toBeCloseTo(0.65015, 6);
		expect(table.mean(BEST_TUNED_GLOBALLY)).toBeCloseTo(0.55015, 6);
	});

	it('ranks by task, ties sharing theirs, and counts a run that missed the target by its whole horizon', () => {
		const table = withBestRivals(results((contender) => (contender === 'learned' ? 0.9 : 0.3)));
		const summaries = summarize(table);
		const count = table.results.contenders.length;
		expect(summaries[0]).toMatchObject({ name: 'learned', rank: 1, reached: 1, stepsToTarget: 0.25 });
		expect(summaries[1]).toMatchObject({ name: 'one action', rank: 1 + count / 2, reached: 0, stepsToTarget: 1 });
		expect(summaries[0]?.families.first).toBeCloseTo(0.90015, 6);
	});
});

describe('the targets of a policy', () => {
	const rows = (value: Parameters<typeof results>[0]) =>
		new Map(targetRows(withBestRivals(results(value)), 'learned', 'one action').map((row) => [row.target, row]));

	it('are met by a policy that is above everybody from everywhere', () => {
		const found = rows((contender) => (contender === 'learned' ? 0.8 : 0.7));
		expect([...found.values()].filter(({ met }) => !met)).toEqual([]);
		expect(found.size).toBeGreaterThan(15);
		const text = found.get('mean over five decades of initial learning rate above blind cosine')?.value;
		expect(text).toBe('+10.00 [+10.00, +10.00]');
	});

	it.each<[string, Parameters<typeof results>[0], string]>([
		[
			'one start is bad',
			(c, _, rate) => (c === 'learned' ? (rate === 0.1 ? 0.75 : 0.8) : 0.3),
			'worst initial learning rate within 3 points of the best',
		],
		[
			'blind cosine is as good',
			(c) => (c === 'learned' || c === 'blind cosine' ? 0.8 : 0.3),
			'mean over five decades of initial learning rate above blind cosine',
		],
		['it diverges', (c) => (c === 'learned' ? 0.1 : 0.3), "divergence rate not above the lowest rival's"],
		[
			'tuning is worth half a point',
			(c) => (c === TUNED('cosine') ? 0.805 : c === 'learned' ? 0.8 : 0.3),
			'first: within 0.3 points of the schedule tuned for it',
		],
		[
			'one learning rate does for all',
			(c) => (c === TUNED_GLOBALLY('step') || c === 'learned' ? 0.8 : 0.3),
			'above the best single schedule tuned once for all families',
		],
		[
			'more steps make it worse',
			(c, task) => (c === 'learned' && task === 'b' ? 0.78 : 0.8),
			'b: no collapse against a',
		],
		[
			'the rule of thumb is better on CIFAR-10',
			(c, task) => (c === 'blind cosine' && task === 'b' ? 0.81 : 0.8),
			'b: not below blind cosine',
		],
		['one action is as good', () => 0.8, 'learned above one action on at least one family'],
	])('are missed where %s', (_, value, target) => {
		expect(rows(value).get(target)?.met, target).toBe(false);
	});

	it('are not judged by a trial, as the suite quick is', () => {
		const found = results((contender) => (contender === 'learned' ? 0.1 : 0.7));
		const trial = { ...found, suite: { ...found.suite, trial: true as const } };
		expect(findSuite('quick').trial).toBe(true);
		expect(findSuite('held-out').trial).toBeUndefined();
		expect(targetRows(withBestRivals(trial), 'learned', 'one action')).toEqual([]);
		const text = suiteTables(withBestRivals(trial)).map(textTable).join('\n');
		expect(text).not.toMatch(/What .* meets/);
		expect(text).toContain(TRIAL_NOTE);
		expect(suiteTables(withBestRivals(found)).map(textTable).join('\n')).not.toContain(TRIAL_NOTE);
	});
});

describe('the results file', () => {
	it('is read back as it was written, a line a run', () => {
		const whole = results((_, __, rate) => (rate ?? 0.5) / 2);
		const text = formatResults(whole);
		expect(parseResults(text)).toEqual(whole);
		expect(text.split('\n').filter((line) => line.includes('"one-cycle, tuned once",null,'))).toHaveLength(4);
	});

	it('of ganno 0.1 is read in the words of today', () => {
		const { contenders, tuning } = parseResults(
			readFileSync(join(packageRoot, 'bench/results/suite-held-out.json'), 'utf8'),
		);
		const kinds = Object.fromEntries(contenders.map(({ name, kind }) => [name, kind]));
		expect(kinds).toMatchObject({
			learned: 'learned',
			cosine: 'default',
			'blind cosine': 'rule-of-thumb',
			prodigy: 'parameter-free',
			'cosine, tuned per family': 'tuned',
			'cosine, tuned once': 'tuned-globally',
		});
		expect(tuning.global.map(({ method }) => method)).toEqual(METHODS.map(({ name }) => name));
		expect(Object.keys(tuning)).not.toContain('once');
	});

	it('becomes tables for people, with what was left out', () => {
		const tables = suiteTables(withBestRivals(results((contender) => (contender === 'learned' ? 0.81239 : 0.7))));
		const markdown = tables.map(markdownTable).join('\n\n');
		const text = tables.map(textTable).join('\n\n');
		for (const told of ['81.25', 'mnist is not on this machine', 'What learned meets', '1e-2*', '48 networks']) {
			expect(markdown).toContain(told);
			expect(text).toContain(told);
		}
		for (const table of tables) for (const row of table.rows) expect(row).toHaveLength(table.header.length);
		expect(text).not.toMatch(/NaN|undefined/);
	});
});
