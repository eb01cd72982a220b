import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../src/config/config.js';
import { mergeLayers } from '../../src/config/config-load.js';
import { evaluateOnHeldOutTasks } from '../../src/evaluation/held-out-outcomes.js';
import { learningCheck } from '../../src/meta-training/learning-check.js';
import { metaTrain } from '../../src/meta-training/meta-train.js';
import {
	type BaselineTrial,
	needsBaseline,
	tuneBaseline,
	withoutBaseline,
} from '../../src/meta-training/tune-baseline.js';
import type { PolicySnapshot } from '../../src/policy/policy.js';
import { loadPolicy } from '../../src/policy/policy-file.js';
import type { ControllerSpec } from '../../src/rollouts/controller-spec.js';
import { openDataset } from '../../src/runs/open-dataset.js';
import { openExecutor } from '../../src/runs/open-executor.js';
import { RunDirectory, readMetrics } from '../../src/runs/run-directory.js';
import { heldOutTasks } from '../../src/runs/sample-tasks.js';
import { BASE_SCHEDULES, baseSchedule } from '../../src/schedules/base-schedule.js';
import { TINY } from '../support/tiny-config.js';

function tiny(changes: Record<string, unknown> = {}): Config {
	const layers = [TINY, { workers: 0, iterations: 2, learner: { backend: 'cpu' } }, changes];
	return parseConfig(mergeLayers(layers.map((values) => ({ source: 'a test', values }))));
}

async function train(config: Config) {
	using run = RunDirectory.create(join(mkdtempSync(join(tmpdir(), 'ganno-switch-')), 'run'), config);
	const { policyPath } = await metaTrain({ run, dataset: await openDataset(config) });
	return { metrics: readMetrics(run.file('metrics')), policy: loadPolicy(policyPath) };
}

describe('a switch of the config', () => {
	it.each([
		{ environment: { action: 'coarse' } },
		{ environment: { baseSchedule: 'cosine' } },
		{ environment: { action: 'absolute' } },
		{ environment: { granularity: 'network' } },
		{ environment: { reward: 'baseline', baselineLearningRate: { adam: 0.01 } } },
		{ environment: { reward: 'final-loss' } },
		{ environment: { reward: 'accuracy-gain' } },
		{ environment: { secondControl: 'weight-decay' } },
		{ policy: { network: 'recurrent' } },
		{ learner: { algorithm: 'mappo' } },
		{ learner: { sharedExplorationNoise: true } },
		{ tasks: { horizon: [20, 40], decisions: [4, 10], stratified: true, costLimit: 0.001 } },
	])('leads to another policy than without it: %j', async (changes) => {
		const [plain, switched] = [await train(tiny()), await train(tiny(changes))];
		expect(switched.metrics).toHaveLength(2);
		for (const { return: mean, policyLoss } of switched.metrics) {
			expect(Number.isFinite(mean)).toBe(true);
			expect(Number.isFinite(policyLoss)).toBe(true);
		}
		expect(switched.policy.parameters).not.toEqual(plain.policy.parameters);
	});

	it('that makes networks train more than once is told in the steps', async () => {
		const steps = async (environment: object) => (await train(tiny({ environment }))).metrics[0]!.networkSteps;
		expect(await steps({})).toBe(2 * 2 * 20);
		expect(await steps({ reward: 'baseline', baselineLearningRate: 0.01 })).toBe(2 * 2 * 20 * 2);
	});
});

describe('held-out tasks', () => {
	it('are the same networks for every controller, judged by the return of log-improvement whatever the run was paid for', async () => {
		const config = tiny({ environment: { reward: 'final-loss' } });
		const dataset = await openDataset(config);
		const { policy } = await train(config);
		await using executor = openExecutor(withoutBaseline(config), dataset);
		const judge = (controller: PolicySnapshot | ControllerSpec) =>
			evaluateOnHeldOutTasks({ config, dataset, executor, controller, tasks: 6 });
		const nothing = await judge({ type: 'schedule', name: 'constant' });
		const learned = await judge(policy);
		const check = await learningCheck({ config, dataset, executor, initial: policy, final: policy, tasks: 6 });
		expect(nothing.returns).toEqual(check.returns.nothing);
		expect(learned.returns).toEqual(check.returns.final);
		expect(learned.returns).not.toEqual(nothing.returns);
		for (const { testAccuracy, diverged } of [nothing, learned]) {
			expect(testAccuracy).toHaveLength(6);
			expect(testAccuracy.every((accuracy) => accuracy >= 0 && accuracy <= 1)).toBe(true);
			expect(diverged).toHaveLength(6);
		}
	});
});

describe('the base schedule', () => {
	it.each(BASE_SCHEDULES)('is a factor for each step: %s', (name) => {
		const factors = baseSchedule(name, 40);
		expect(factors).toHaveLength(40);
		expect(factors.every((factor) => factor >= 0 && factor <= 1)).toBe(true);
	});

	it('is the cosine that it says', () => {
		expect([...baseSchedule('cosine', 4)]).toEqual(
			[1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2].map(Math.fround),
		);
	});

	it('multiplies a policy in evaluations as in training, and leaves schedules alone', async () => {
		const [plain, cosine] = ['constant', 'cosine'].map((name) =>
			tiny({ environment: { action: 'absolute', baseSchedule: name } }),
		) as [Config, Config];
		const dataset = await openDataset(plain);
		const task = heldOutTasks(plain, dataset, 1)[0]!;
		const { policy } = await train(plain);
		policy.parameters.fill(0);
		policy.parameters[policy.parameters.length - 9 + 6] = 1; // its output bias: always the action of 10^−1.75
		const learned = { type: 'policy', policy } as const;
		const scaled = {
			...task,
			networks: task.networks.map((network) => ({ ...network, learningRate: 10 ** -1.75 })),
		};
		const loss = async (config: Config, controller: ControllerSpec, of = task): Promise<number> => {
			await using executor = openExecutor(config, dataset);
			const losses: number[] = [];
			for await (const { outcomes } of executor.evaluate([{ task: of, method: controller }])) losses.push(outcomes[1]!);
			return losses[0]!;
		};
		expect(await loss(cosine, learned)).toBeCloseTo(await loss(plain, { type: 'schedule', name: 'cosine' }, scaled), 5);
		expect(await loss(plain, learned)).toBeCloseTo(
			await loss(plain, { type: 'schedule', name: 'constant' }, scaled),
			5,
		);
		expect(await loss(cosine, learned)).not.toBeCloseTo(await loss(plain, learned), 5);
		const constant = { type: 'schedule', name: 'constant' } as const;
		expect(await loss(cosine, constant)).toBe(await loss(plain, constant));
	});
});

describe('the learning rates of the baseline', () => {
	const config = tiny({
		tasks: { optimizers: ['adam', { algorithm: 'sgd', hyperparameters: { weightDecay: 1e-4 } }] },
		environment: { reward: 'baseline' },
		evaluation: { tuningLearningRates: [1e-5, 1e-4], tuningSeeds: 3 },
	});

	it('are tuned for each optimiser, beyond the grid where its end is the best', async () => {
		expect(needsBaseline(config)).toBe(true);
		const dataset = await openDataset(config);
		await using executor = openExecutor(withoutBaseline(config), dataset);
		const trials: BaselineTrial[] = [];
		const tuned = await tuneBaseline({ config, dataset, executor, onTrial: (trial) => trials.push(trial) });
		const rates = tuned.environment.baselineLearningRate as Record<string, number>;
		expect(Object.keys(rates)).toEqual(['adam', 'sgd']);
		for (const [optimizer, rate] of Object.entries(rates)) {
			const own = trials.filter((trial) => trial.optimizer === optimizer);
			const best = own.reduce((a, b) => (b.logLoss < a.logLoss ? b : a));
			expect(rate).toBe(best.learningRate);
			expect(own.every(({ networks }) => networks === 3)).toBe(true);
			// Both grids end far below what 20 steps need.
			expect(rate).toBeGreaterThan(1e-4);
			expect(Math.max(...own.map(({ learningRate }) => learningRate))).toBeGreaterThanOrEqual(rate);
		}
		expect(needsBaseline(tuned)).toBe(false);
		expect(parseConfig(tuned)).toEqual(tuned);
		expect((await train(tuned)).metrics).toHaveLength(2);
	});

	it('are asked for where nobody has tuned them', async () => {
		const dataset = await openDataset(config);
		expect(() => openExecutor(config, dataset)).toThrow(/call tuneBaseline first/);
	});
});
