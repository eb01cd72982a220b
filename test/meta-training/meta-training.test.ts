import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { evaluatePolicy } from '../../src/evaluation/evaluate-policy.js';
import { formatEvaluation } from '../../src/evaluation/evaluation-table.js';
import { learningCheck } from '../../src/meta-training/learning-check.js';
import { metaTrain } from '../../src/meta-training/meta-train.js';
import { loadPolicy } from '../../src/policy/policy-file.js';
import type { RolloutExecutor } from '../../src/rollouts/executor.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import { environmentSettings } from '../../src/runs/open-executor.js';
import { listCheckpoints, RunDirectory, readMetrics } from '../../src/runs/run-directory.js';
import { fakePopulations } from '../support/fake-population.js';

const dataset = syntheticDataset();

/** Three trainable layers, as the fake population has. */
const config = parseConfig({
	iterations: 6,
	dataset: 'synthetic',
	workers: 0,
	tasks: {
		networks: [{ type: 'mlp', hidden: [8, 8] }],
		perIteration: 2,
		networksPerTask: 2,
		horizon: 40,
		decisions: 8,
		initialLearningRates: [1e-4, 0.6],
		validationSize: 16,
		sliceSize: 0,
	},
	policy: { hiddenUnits: 8 },
	learner: { backend: 'cpu', normalizerIterations: 3 },
	checkpoint: { every: 2, keep: 2 },
	evaluation: { seeds: 3, tuningSeeds: 2, network: { type: 'mlp', hidden: [8, 8] } },
});

const executorOf = () =>
	new InProcessExecutor({
		dataset,
		environment: environmentSettings(config),
		population: fakePopulations().factory,
	});

const newFolder = () => join(mkdtempSync(join(tmpdir(), 'ganno-meta-')), 'run');

async function train(run: RunDirectory, options: { signal?: AbortSignal; onIteration?: (i: number) => void } = {}) {
	await using executor = executorOf();
	return await metaTrain({
		run,
		dataset,
		executor,
		...(options.signal === undefined ? {} : { signal: options.signal }),
		onIteration: ({ iteration }) => options.onIteration?.(iteration),
	});
}

/** Figures that do not depend on the clock. */
function learned(path: string) {
	return readMetrics(path).map(({ seconds, networkStepsPerSecond, learnerShare, nativeShare, ...rest }) => {
		expect([seconds, networkStepsPerSecond, learnerShare, nativeShare]).toSatisfy((values: unknown[]) =>
			values.every((value) => typeof value === 'number'),
		);
		return rest;
	});
}

describe('meta-training', () => {
	it('writes config, metrics, checkpoints and policies', async () => {
		using run = RunDirectory.create(newFolder(), config);
		const result = await train(run);
		expect(result.iterations).toBe(6);
		expect(readMetrics(run.file('metrics'))).toHaveLength(6);
		expect(listCheckpoints(run.path).map(({ iteration }) => iteration)).toEqual([4, 6]);
		const policy = loadPolicy(result.policyPath);
		expect(policy.training).toMatchObject({ dataset: 'synthetic', seed: 0, iterations: 6 });
		expect(loadPolicy(result.initialPolicyPath).parameters).not.toEqual(policy.parameters);
	});

	it('goes on after an interruption to the same bits as without one', async () => {
		using whole = RunDirectory.create(newFolder(), config);
		const expected = await train(whole);

		const folder = newFolder();
		for (const stopAfter of [0, 2, 3]) {
			using run = stopAfter === 0 ? RunDirectory.create(folder, config) : RunDirectory.open(folder);
			const controller = new AbortController();
			const interrupted = train(run, {
				signal: controller.signal,
				onIteration: (iteration) => {
					if (iteration === stopAfter) controller.abort();
				},
			});
			await expect(interrupted).rejects.toMatchObject({ code: 'CANCELLED' });
			expect(listCheckpoints(folder).at(-1)?.iteration).toBe(stopAfter + 1);
		}
		using run = RunDirectory.open(folder);
		const result = await train(run);
		expect(readFileSync(result.policyPath)).toEqual(readFileSync(expected.policyPath));
		expect(readFileSync(result.checkpointPath!)).toEqual(readFileSync(expected.checkpointPath!));
		expect(readFileSync(result.initialPolicyPath)).toEqual(readFileSync(expected.initialPolicyPath));
		expect(learned(run.file('metrics'))).toEqual(learned(whole.file('metrics')));
	});

	it('goes on after a kill from the last checkpoint, to the same bits', async () => {
		using whole = RunDirectory.create(newFolder(), config);
		const expected = await train(whole);

		const folder = newFolder();
		{
			using run = RunDirectory.create(folder, config);
			// A failure that is no cancellation writes nothing more, as a kill would.
			const killed = train(run, {
				onIteration: (iteration) => {
					if (iteration === 4) throw new Error('killed');
				},
			});
			await expect(killed).rejects.toThrow('killed');
			expect(listCheckpoints(folder).at(-1)?.iteration).toBe(4);
			expect(readMetrics(run.file('metrics'))).toHaveLength(5);
		}
		using run = RunDirectory.open(folder);
		const result = await train(run);
		expect(readFileSync(result.policyPath)).toEqual(readFileSync(expected.policyPath));
		expect(learned(run.file('metrics'))).toEqual(learned(whole.file('metrics')));
	});

	it('has nothing left to do for a run that is finished', async () => {
		using run = RunDirectory.create(newFolder(), config);
		const first = await train(run);
		const before = readFileSync(first.policyPath);
		const seen: number[] = [];
		await train(run, { onIteration: (iteration) => seen.push(iteration) });
		expect(seen).toEqual([]);
		expect(readFileSync(first.policyPath)).toEqual(before);
	});

	it('names the checkpoint that does not fit its run', async () => {
		using run = RunDirectory.create(newFolder(), config);
		run.writeCheckpoint(3, [{ name: 'w', shape: [1], data: Float32Array.of(1) }], {});
		await expect(train(run)).rejects.toMatchObject({
			code: 'BAD_FILE',
			message: expect.stringContaining('checkpoint-000003.safetensors does not fit this run'),
		});
	});
});

describe('what a policy is worth', () => {
	it('is told in a table: learned, default and tuned schedules from every initial learning rate', async () => {
		using run = RunDirectory.create(newFolder(), config);
		const { policyPath } = await train(run);
		await using executor = executorOf();
		const progress: string[] = [];
		const table = await evaluatePolicy({
			config,
			dataset,
			policy: loadPolicy(policyPath),
			executor,
			onProgress: (done, total) => progress.push(`${done}/${total}`),
		});
		expect(table.rows.map(({ contender }) => contender)).toEqual([
			'learned',
			'constant',
			'step',
			'cosine',
			'one-cycle',
			'cosine, tuned',
		]);
		for (const { cells, mean } of table.rows) {
			expect(cells.map(({ learningRate }) => learningRate)).toEqual(config.evaluation.learningRates);
			for (const { accuracies } of cells) expect(accuracies).toHaveLength(3);
			expect(mean).toBeCloseTo(cells.reduce((sum, cell) => sum + cell.mean, 0) / cells.length, 10);
		}
		const tuned = table.rows.at(-1)!;
		expect(new Set(tuned.cells.map(({ mean }) => mean)).size).toBe(1);
		const best = Math.max(...table.tuning.grid.map(({ validationAccuracy }) => validationAccuracy));
		expect(table.tuning.grid.find(({ learningRate }) => learningRate === table.tuning.learningRate)).toMatchObject({
			validationAccuracy: best,
		});
		expect(table.tuning.childRuns).toBe(14);
		expect(progress.at(-1)).toBe('33/33');
		const text = formatEvaluation(table);
		expect(text).toContain('held-out seeds');
		expect(text).toMatch(/learned\s+\d+\.\d ± \d+\.\d/);
		expect(text).toContain('the tuned cosine.');
	});

	it('is compared with its beginning and with doing nothing, task by task', async () => {
		using run = RunDirectory.create(newFolder(), config);
		const { policyPath, initialPolicyPath } = await train(run);
		await using executor = executorOf();
		const final = loadPolicy(policyPath);
		const check = await learningCheck({ config, dataset, initial: loadPolicy(initialPolicyPath), final, executor });
		expect(check.tasks).toBe(64);
		const { final: finals, nothing } = check.returns;
		const differences = finals.map((value, i) => value - nothing[i]!);
		const mean = differences.reduce((sum, value) => sum + value, 0) / 64;
		expect(check.finalMinusNothing.mean).toBeCloseTo(mean, 10);
		expect(check.finalMinusNothing.low).toBeLessThan(mean);
		const itself = await learningCheck({ config, dataset, initial: final, final, executor, tasks: 4 });
		expect(itself.finalMinusInitial).toMatchObject({ mean: 0, low: 0, high: 0 });
	});
});

describe('an interruption during a long update', () => {
	it('does not wait for its end: the work before it is kept', async () => {
		const long = { ...config, learner: { ...config.learner, epochs: 1000, targetKl: 0 } };
		using run = RunDirectory.create(newFolder(), long);
		await using executor = executorOf();
		const controller = new AbortController();
		const interrupting: RolloutExecutor = {
			workers: 1,
			evaluate: (...args) => executor.evaluate(...args),
			session: (...args) => executor.session(...args),
			async *collect(...args) {
				yield* executor.collect(...args);
				setImmediate(() => controller.abort()); // the update begins before the next turn of the event loop
			},
			[Symbol.asyncDispose]: () => executor[Symbol.asyncDispose](),
		};
		const interrupted = metaTrain({ run, dataset, executor: interrupting, signal: controller.signal });
		await expect(interrupted).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(listCheckpoints(run.path).map(({ iteration }) => iteration)).toEqual([0]);
		expect(loadPolicy(run.file('policy')).training).toMatchObject({ iterations: 0 });
	});
});
