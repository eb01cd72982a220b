import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { findSuite, SUITE_NAMES } from '../../src/evaluation/suites/definitions/find-suite.js';
import { QUICK_SUITE } from '../../src/evaluation/suites/definitions/quick-suite.js';
import { parseSuite, type Suite } from '../../src/evaluation/suites/definitions/suite-spec.js';
import { evaluateSuite, journalPath } from '../../src/evaluation/suites/evaluate-suite.js';
import { stepsToTarget, validationArea } from '../../src/evaluation/suites/suite-cells.js';
import {
	contenders,
	RULE_OF_THUMB_COSINE,
	TUNED,
	TUNED_GLOBALLY,
	unfit,
} from '../../src/evaluation/suites/suite-contenders.js';
import { writeSuiteReport } from '../../src/evaluation/suites/suite-report.js';
import { parseResults, type SuiteResults } from '../../src/evaluation/suites/suite-results.js';
import { BEST_METHOD, withBestRivals } from '../../src/evaluation/suites/suite-summary.js';
import { suiteTables, TRIAL_NOTE } from '../../src/evaluation/suites/suite-tables.js';
import { targetRows } from '../../src/evaluation/suites/suite-targets.js';
import { taskSeeds, trainingTask } from '../../src/evaluation/suites/suite-tasks.js';
import { savePolicy } from '../../src/policy/policy-file.js';
import { textTable } from '../../src/report/text-table.js';
import { SCHEDULES } from '../../src/schedules/registry.js';
import type { DatasetShape } from '../../src/tasks/network-family.js';
import { damage, spoil } from '../support/garbage.js';
import { randomPolicy } from '../support/random-policy.js';
import { ganno, startGanno } from '../support/run-ganno.js';

const folder = mkdtempSync(join(tmpdir(), 'ganno-suites-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const layerwise = { ...randomPolicy('feed-forward', 2), training: {} };
const oneAction = { ...randomPolicy('feed-forward', 3), training: {} };
const POLICIES = [
	{ name: 'learned', policy: layerwise },
	{ name: 'one action', policy: { ...oneAction, spec: { ...oneAction.spec, granularity: 'network' as const } } },
];

const ends: DatasetShape = { shape: [14, 14, 1], classes: 10 };

describe('the built-in suites', () => {
	it.each(SUITE_NAMES)('are what the schema says: %s', (name) => {
		const suite = findSuite(name);
		expect(suite.name).toBe(name);
		for (const task of suite.tasks) {
			const shape = { ...ends, ...(task.dataset.name === 'cifar-10' ? { shape: [16, 16, 3] as const } : {}) };
			expect(() => trainingTask(suite, task, shape, 'reporting', 1e-3)).not.toThrow();
		}
	});

	it('hold out what the default one promises', () => {
		const { tasks, seeds } = findSuite('held-out');
		expect(tasks.length).toBeGreaterThanOrEqual(20);
		expect(seeds).toBeGreaterThanOrEqual(5);
		const has = (test: (task: Suite['tasks'][number]) => boolean) => tasks.some(test);
		expect(tasks.filter(({ learningRates }) => learningRates.length === 5).length).toBeGreaterThanOrEqual(10);
		expect(has(({ optimizer }) => optimizer === 'nesterov')).toBe(true);
		expect(has(({ batchSize }) => batchSize > 256)).toBe(true);
		expect(has(({ layerSpreadDecades }) => layerSpreadDecades > 0)).toBe(true);
		expect(has(({ initialScaleDecades }) => initialScaleDecades > 0)).toBe(true);
		expect(has(({ fineTuning }) => fineTuning !== undefined)).toBe(true);
		expect(has(({ longerThan, horizon }) => longerThan !== undefined && horizon >= 2 * 960)).toBe(true);
		expect(
			has(({ role, sliceSize, dataset }) => role === 'full-cnn' && sliceSize === undefined && dataset.downsample === 1),
		).toBe(true);
		expect(has(({ role, network }) => role === 'cifar-residual' && network.type === 'residual')).toBe(true);
		for (const name of ['mnist', 'cifar-10', 'fashion-mnist'])
			expect(has(({ dataset }) => dataset.name === name)).toBe(true);
	});

	it('name every fault of a file', () => {
		const [task] = QUICK_SUITE.tasks;
		const path = join(folder, 'bad.json');
		const cases: [unknown, string][] = [
			['nonsense', 'Expected object for the suite but received "nonsense"'],
			[{ ...QUICK_SUITE, seeds: 0 }, 'Expected number >=1 for seeds but received 0'],
			[{ ...QUICK_SUITE, tasks: [task, task] }, 'Expected another name: this one is taken for tasks.1.id'],
			[
				{ ...QUICK_SUITE, tasks: [{ ...task, longerThan: 'none' }] },
				'the id of a task of the suite for tasks.0.longerThan',
			],
			[
				{ ...QUICK_SUITE, tasks: [{ ...task, decisions: 7 }] },
				'Expected decisions that divide the horizon for tasks.0',
			],
			[{ ...QUICK_SUITE, tasks: [{ ...task, optimizer: 'lion' }] }, 'tasks.0.optimizer but received "lion"'],
			[
				{ ...QUICK_SUITE, tasks: [{ ...task, network: { type: 'mlp', depth: [1, 2], width: [8, 9] } }] },
				'Expected one network, not a family with ranges or lists to draw from for tasks.0',
			],
		];
		for (const [values, message] of cases) {
			writeFileSync(path, JSON.stringify(values));
			expect(() => findSuite(path), message).toThrow(message);
			expect(() => findSuite(path)).toThrow(path);
		}
		fc.assert(
			fc.property(damage, (how) => {
				try {
					parseSuite(spoil(QUICK_SUITE, how), 'the test');
				} catch (error) {
					expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
				}
			}),
			{ numRuns: 300 },
		);
		writeFileSync(path, '{');
		expect(() => findSuite(path)).toThrow('is not JSON');
		expect(() => findSuite('held-in')).toThrow('Expected held-out, quick or a JSON file for --suite');
		expect(() => findSuite(join(folder, 'none.json'))).toThrow('Could not read');
	});
});

describe('a task of a suite', () => {
	const suite = findSuite('held-out');

	it('has seeds of its own for reporting, development and tuning, wherever it stands', () => {
		const all = suite.tasks.flatMap((task) =>
			(['reporting', 'development', 'tuning'] as const).flatMap((purpose) => taskSeeds(suite, task, purpose, 5)),
		);
		expect(new Set(all).size).toBe(all.length);
		const [first] = suite.tasks as [Suite['tasks'][number]];
		const turned = { ...suite, tasks: suite.tasks.toReversed() };
		expect(taskSeeds(turned, first, 'reporting', 3)).toEqual(taskSeeds(suite, first, 'reporting', 5).slice(0, 3));
	});

	it('meets the same networks from every initial learning rate', () => {
		for (const task of suite.tasks) {
			const at = (rate: number) => trainingTask(suite, task, ends, 'reporting', rate);
			const [low, high] = [at(1e-3), at(1e-2)];
			expect({ ...high, networks: [] }).toEqual({ ...low, networks: [] });
			for (const [n, network] of low.networks.entries()) {
				expect(high.networks[n]).toMatchObject({ seed: network.seed });
				expect(high.networks[n]?.initialScales).toEqual(network.initialScales);
			}
		}
	});

	it('is closed to methods that cannot see its gradients as it takes them', () => {
		const method = { type: 'gradient-method', method: { name: 'prodigy' } } as const;
		expect(unfit(method, ['dense', 'dropout'])).toContain('dropout');
		expect(unfit(method, ['dense', 'conv'])).toBeUndefined();
		expect(unfit({ type: 'schedule', name: 'cosine' }, ['dropout'])).toBeUndefined();
	});
});

describe('the measures of a run', () => {
	it('are those of its curve', () => {
		expect(validationArea([0, 1, 1])).toBe(0.75);
		expect(validationArea([0.5])).toBe(0.5);
		expect(stepsToTarget([0.1, 0.4, 0.6, 0.2], 25, 0.6)).toBe(50);
		expect(stepsToTarget([0.1, 0.4], 25, 0.6)).toBeUndefined();
	});
});

describe('evaluating a suite', () => {
	const suite = parseSuite({ ...QUICK_SUITE, trial: undefined, tasks: QUICK_SUITE.tasks.slice(2) }, 'the test');
	const base = { suite, policies: POLICIES, seeds: 'reporting' as const };
	const run = (name: string, workers: number, more: Partial<Parameters<typeof evaluateSuite>[0]> = {}) =>
		evaluateSuite({ ...base, config: parseConfig({ workers }), out: join(folder, name), ...more });
	/** All but when and where. */
	const bits = (results: SuiteResults) => ({ ...results, record: undefined });
	let reference: SuiteResults;

	beforeAll(async () => {
		reference = await run('reference.json', 0);
	});

	it('enters every contender, columns for those that start from the rate of the task', () => {
		const names = reference.contenders.map(({ name }) => name);
		expect(names).toEqual(
			contenders([])
				.map(({ name }) => name)
				.toSpliced(0, 0, 'learned', 'one action'),
		);
		for (const schedule of SCHEDULES) expect(names).toContain(schedule);
		for (const { name, kind } of reference.contenders) {
			const runs = reference.runs.filter(({ contender }) => contender === name);
			const columns = kind === 'learned' || kind === 'default' ? 2 : 1;
			expect(runs.length, name).toBe(columns * suite.seeds);
			for (const { finalTest, bestTest, validationArea: area } of runs) {
				expect(bestTest).toBeGreaterThanOrEqual(finalTest);
				expect(area).toBeGreaterThan(0);
				expect(area).toBeLessThan(1);
			}
		}
		expect(reference.trajectories).toHaveLength(4);
		expect(reference.trajectories[0]?.learningRates).toHaveLength(10);
		expect(reference.targets).toHaveLength(1);
		expect(existsSync(journalPath(join(folder, 'reference.json')))).toBe(false);
		expect(bits(parseResults(readFileSync(join(folder, 'reference.json'), 'utf8')))).toEqual(bits(reference));
	});

	it('gives the same figures with any number of workers', async () => {
		expect(bits(await run('threads.json', 2))).toEqual(bits(reference));
	});

	it('differs on other seeds', async () => {
		const development = await run('development.json', 0, { seeds: 'development' });
		expect(development.runs[0]?.seed).not.toBe(reference.runs[0]?.seed);
		expect(development.tuning).toEqual(reference.tuning);
	});

	it('goes on after an interruption, even one in the middle of a line, to the same figures', async () => {
		const controller = new AbortController();
		const interrupted = run('cut.json', 0, {
			signal: controller.signal,
			onProgress: (done) => done === 20 && controller.abort(),
		});
		await expect(interrupted).rejects.toMatchObject({ code: 'CANCELLED' });
		const journal = journalPath(join(folder, 'cut.json'));
		expect(readFileSync(journal, 'utf8').trim().split('\n').length).toBeGreaterThanOrEqual(20);
		expect(existsSync(join(folder, 'cut.json'))).toBe(false);
		await expect(run('cut.json', 0)).rejects.toThrow('--resume');
		appendFileSync(journal, '{"key":"abc","resu');
		let first: number | undefined;
		const resumed = await run('cut.json', 0, {
			resume: true,
			onProgress: (_, total) => {
				first ??= total;
			},
		});
		expect(bits(resumed)).toEqual(bits(reference));
		expect(first).toBeLessThan(45);
	});

	it('keeps its cells if asked, and makes nothing again from them', async () => {
		const first = await run('kept.json', 0, { keepCells: true });
		const journal = journalPath(join(folder, 'kept.json'));
		const cells = readFileSync(journal, 'utf8');
		// Not from one that somebody changed.
		const lines = cells.split('\n');
		for (const at of [0, lines.length - 2]) {
			writeFileSync(journal, lines.with(at, lines[at]!.replace(/"finalTest":[\d.]+/, '"finalTest":0.5')).join('\n'));
			const changed = run('kept.json', 0, { resume: true });
			await expect(changed).rejects.toThrow(`kept.json.partial: line ${at + 1} was changed`);
		}
		writeFileSync(journal, cells);
		let total: number | undefined;
		const again = await run('kept.json', 0, { resume: true, onProgress: (_, all) => (total = all) });
		expect(total ?? 0).toBe(0);
		expect(bits(again)).toEqual(bits(first));
		expect(bits(first)).toEqual(bits(reference));
		expect(cells.trim().split('\n').length).toBeGreaterThan(40);
		expect(existsSync(journal)).toBe(false);
	});

	it('refuses what is no journal, and leaves it alone', async () => {
		const path = journalPath(join(folder, 'foreign.json'));
		writeFileSync(path, '{"note":"mine"}\n{"note":"too"}\n');
		await expect(run('foreign.json', 0, { resume: true })).rejects.toMatchObject({ code: 'BAD_FILE' });
		expect(readFileSync(path, 'utf8')).toBe('{"note":"mine"}\n{"note":"too"}\n');
	});

	it('leaves out what has no data here, and says so', async () => {
		const [task] = suite.tasks as [Suite['tasks'][number]];
		const tasks = [task, { ...task, id: 'elsewhere', dataset: { name: 'mnist' as const, downsample: 1 as const } }];
		const config = parseConfig({ workers: 0, dataDirectory: folder });
		const home = process.env.XDG_CACHE_HOME;
		process.env.XDG_CACHE_HOME = folder;
		try {
			const found = await run('partly.json', 0, { config, suite: { ...suite, tasks } });
			expect(found.skipped).toEqual([
				{ task: 'elsewhere', contender: null, reason: expect.stringContaining('--download') },
			]);
			expect(found.runs).toEqual(reference.runs);
			const nothing = run('nothing.json', 0, { config, suite: { ...suite, tasks: tasks.slice(1) } });
			await expect(nothing).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
		} finally {
			if (home === undefined) delete process.env.XDG_CACHE_HOME;
			else process.env.XDG_CACHE_HOME = home;
		}
	});

	it('draws its charts and writes its report', () => {
		const charts = join(folder, 'charts');
		const paths = writeSuiteReport(join(folder, 'reference.json'), reference, charts);
		for (const path of paths) expect(existsSync(path), path).toBe(true);
		const html = readFileSync(join(folder, 'reference.html'), 'utf8');
		expect(html).toContain('What learned meets');
		expect(html.match(/<svg/g)?.length).toBeGreaterThanOrEqual(5);
		const robustness = readFileSync(join(charts, 'robustness.svg'), 'utf8');
		expect(robustness).toContain('>blind cosine</text>');
		expect(robustness).not.toMatch(/NaN|undefined|<script|<style/);
		const rates = readFileSync(join(charts, 'rates-learned-perturbed-momentum-1e-3.svg'), 'utf8');
		expect(rates).toContain('layer 2 (output)');
	});

	it('refuses two contenders of one name', async () => {
		const policies = [POLICIES[0], POLICIES[0]] as typeof POLICIES;
		await expect(run('twice.json', 0, { policies })).rejects.toThrow('Two policies are called "learned"');
		for (const name of ['cosine', 'prodigy', TUNED('step'), 'best schedule, tuned once']) {
			const taken = [{ ...POLICIES[0], name }] as typeof POLICIES;
			await expect(run('taken.json', 0, { policies: taken }), name).rejects.toThrow(`${JSON.stringify(name)} already`);
		}
		for (const name of ['learned', 'trust-ratio', RULE_OF_THUMB_COSINE]) {
			const schedules = [{ name, file: ownCosine() }];
			await expect(run('taken.json', 0, { schedules }), name).rejects.toThrow(`${JSON.stringify(name)} already`);
		}
		expect(existsSync(journalPath(join(folder, 'taken.json')))).toBe(false);
	});

	/** A module whose schedule is the cosine. */
	const ownCosine = (more = ''): string => {
		const file = join(folder, 'mine.mjs');
		writeFileSync(file, `export default (step, horizon) => 0.5 * (1 + Math.cos((Math.PI * step) / horizon));${more}`);
		return file;
	};

	it('runs and tunes a schedule of your own as it does the hand-made ones, which fare as without it', async () => {
		const schedules = [{ name: 'mine', file: ownCosine() }];
		const found = await run('own.json', 2, { schedules, keepCells: true });
		const rowsOf = (contender: string) =>
			found.runs.filter((one) => one.contender === contender).map((one) => ({ ...one, contender: '' }));
		for (const rename of [(name: string) => name, TUNED, TUNED_GLOBALLY]) {
			expect(rowsOf(rename('mine')).length).toBeGreaterThan(0);
			expect(rowsOf(rename('mine'))).toEqual(rowsOf(rename('cosine')));
		}
		const others = (results: SuiteResults) => results.runs.filter(({ contender }) => !contender.startsWith('mine'));
		expect(others(found)).toEqual(reference.runs);
		expect(found.schedules).toEqual([{ ...schedules[0], digest: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
		const [table, before] = [withBestRivals(found), withBestRivals(reference)];
		expect(targetRows(table, 'learned', 'one action')).toEqual(targetRows(before, 'learned', 'one action'));
		expect(table.runs(BEST_METHOD)).toEqual(before.runs(BEST_METHOD));
		expect(suiteTables(table).map(textTable).join('\n')).toMatch(/mine, tuned per family/);
		// Its cells are filed under what the file holds.
		let total: number | undefined;
		const again = { schedules, resume: true, keepCells: true, onProgress: (_: number, all: number) => (total = all) };
		await run('own.json', 0, again);
		expect(total ?? 0).toBe(0);
		ownCosine(' // changed');
		await run('own.json', 0, again);
		expect(total).toBeGreaterThan(0);
	});

	it('tells what is wrong with a schedule of your own before anything is run', async () => {
		const file = join(folder, 'bad.mjs');
		writeFileSync(file, 'export default (step) => (step < 39 ? 1 : undefined);');
		const told = expect(run('bad.json', 0, { schedules: [{ name: 'mine', file }] })).rejects;
		await told.toThrow(`factor(39, 40) of ${file}`);
		expect(existsSync(journalPath(join(folder, 'bad.json')))).toBe(false);
	});
});

describe('ganno evaluate --suite', () => {
	const policy = join(folder, 'policy.safetensors');

	beforeAll(() => {
		savePolicy(policy, layerwise);
	});

	it('runs the quick suite and says where everything lies', async () => {
		const out = join(folder, 'quick', 'results.json');
		const result = await ganno(['evaluate', policy, '--quick', '--out', out, '--workers', '1'], { cwd: folder });
		expect(result.stderr).toContain('Evaluation done');
		expect(result.code).toBe(0);
		expect(result.stdout).toContain("Suite 'quick', reporting seeds: 3 tasks × 2 seeds");
		expect(result.stderr).toContain(TRIAL_NOTE);
		expect(result.stdout).not.toContain('What learned meets');
		for (const file of ['results.json', 'results.md', 'results.html']) {
			expect(result.stdout).toContain(join(folder, 'quick', file));
			expect(existsSync(join(folder, 'quick', file))).toBe(true);
		}
	});

	it('keeps what is finished when it is interrupted, and says how to go on', async () => {
		const out = join(folder, 'stopped.json');
		const { child, until, result } = startGanno(['evaluate', policy, '--quick', '--out', out, '--workers', '1']);
		await until('cell 8/');
		child.kill('SIGINT');
		const stopped = await result;
		expect(stopped.code).toBe(130);
		expect(stopped.stderr).toContain(
			`Go on with: npx ganno evaluate ${policy} --quick --out ${out} --workers 1 --resume\n`,
		);
		expect(readFileSync(journalPath(out), 'utf8').trim().split('\n').length).toBeGreaterThanOrEqual(8);
	});

	it('refuses what makes no sense in one sentence', async () => {
		const cases: [readonly string[], string][] = [
			[['--quick', '--seeds', '5'], 'Expected reporting or development for --seeds with --suite'],
			[['--suite', 'none'], 'Expected held-out, quick or a JSON file for --suite'],
			[['--quick', '--one-action', policy], "Expected a policy trained with granularity 'network' for --one-action"],
			[['--quick', '--policy', 'x'], 'Expected NAME=FILE for --policy'],
			[['--quick', '--policy', `a=${policy}`, '--schedule', 'a=b.mjs'], 'The name "a" of --schedule is given twice'],
			[['--quick', '--schedule', 'a=b.mjs'], 'No file is at'],
			[['--quick', '--kinds', '3'], '--kinds goes without --suite'],
			[['--quick', '--optimizer', 'sgd'], '--optimizer goes without --suite'],
			[['--quick', '--output', folder], '--output goes without --suite'],
			[['--resume'], '--resume goes with --suite'],
			[['--keep-cells'], '--keep-cells goes with --suite'],
			[['--one-action', policy], '--one-action goes with --suite'],
		];
		for (const [args, message] of cases) {
			const result = await ganno(['evaluate', policy, ...args], { cwd: folder });
			expect(result.stderr, message).toContain(message);
			expect(result.stderr.trim().split('\n'), message).toHaveLength(1);
			expect(result.code, message).toBe(2);
		}
	});
});
