import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { ACTION_COUNT, NEUTRAL_ACTION } from '../../src/environment/actions/actions.js';
import { OBSERVATION_SIZE } from '../../src/environment/observations/layer-observation.js';
import type { Trajectory } from '../../src/learner/trajectory.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import type { PolicySpec } from '../../src/policy/policy.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { fakePopulations, fakeTask } from '../support/fake-population.js';
import { randomPolicy } from '../support/random-policy.js';

const dataset = syntheticDataset();

/** The fake has three layers, whatever its spec says; the spec must say so too. */
function task(options: Parameters<typeof fakeTask>[0] = {}): TrainingTask {
	const dense = { type: 'dense', units: 2 } as const;
	return fakeTask({ spec: { input: [2, 2, 1], layers: [dense, dense, dense] }, ...options });
}

const copy = (trajectory: Trajectory) => ({
	index: trajectory.task.index,
	observations: trajectory.observations.slice(),
	actions: trajectory.actions.slice(),
	logProbabilities: trajectory.logProbabilities.slice(),
	rewards: trajectory.rewards.slice(),
	active: trajectory.active.slice(),
	outcomes: trajectory.outcomes.slice(),
	diverged: trajectory.diverged.slice(),
});

async function collect(executor: InProcessExecutor, ...args: Parameters<InProcessExecutor['collect']>) {
	const all = [];
	for await (const trajectory of executor.collect(...args)) all.push(copy(trajectory));
	return all;
}

describe.each(['feed-forward', 'recurrent'] as const)('a rollout of a %s policy', (network) => {
	it('records what the policy saw, drew and earned', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const snapshot = randomPolicy(network);
		const [trajectory] = await collect(executor, [task()], snapshot);
		const { observations, actions, logProbabilities, rewards, active, outcomes } = trajectory!;
		expect(observations).toHaveLength(4 * 2 * 3 * OBSERVATION_SIZE);
		expect(active).toEqual(new Uint8Array(8).fill(1));
		expect(outcomes[3]).toBeNaN();
		// Replaying the policy on the recorded observations gives the recorded probabilities.
		const inference = createPolicyInference(snapshot);
		const state = new Float32Array(6 * inference.stateSize);
		const logits = new Float32Array(6 * ACTION_COUNT);
		for (let t = 0; t < 4; t++) {
			inference.forward(observations.subarray(t * 6 * OBSERVATION_SIZE), 6, state, logits);
			for (let row = 0; row < 6; row++) {
				const own = logits.subarray(row * ACTION_COUNT, (row + 1) * ACTION_COUNT);
				const total = own.reduce((sum, logit) => sum + Math.exp(logit), 0);
				const expected = own[actions[t * 6 + row]!]! - Math.log(total);
				expect(logProbabilities[t * 6 + row]).toBeCloseTo(expected, 5);
			}
		}
		// Undiscounted log improvements add up to ln V0 − ln V.
		for (let n = 0; n < 2; n++) {
			let sum = 0;
			for (let t = 0; t < 4; t++) sum += rewards[(t * 2 + n) * 3]!;
			const [first, last] = [outcomes[n * 5]!, outcomes[n * 5 + 1]!].map((loss) => Math.log(Math.max(loss, 1e-4)));
			if (trajectory!.diverged[n] === 0) expect(sum).toBeCloseTo(first! - last!, 4);
		}
	});
});

describe('an executor', () => {
	it('yields in task order and reuses its memory in the next run', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const tasks = [3, 1, 2].map((index) => task({ index }));
		const seen: { index: number; buffer: ArrayBufferLike }[] = [];
		for (let run = 0; run < 2; run++) {
			for await (const trajectory of executor.collect(tasks, randomPolicy())) {
				seen.push({ index: trajectory.task.index, buffer: trajectory.observations.buffer });
			}
		}
		expect(seen.map(({ index }) => index)).toEqual([3, 1, 2, 3, 1, 2]);
		expect(seen[0]!.buffer).toBeInstanceOf(SharedArrayBuffer);
		expect(seen[3]!.buffer).toBe(seen[0]!.buffer);
	});

	it('gives the same bits again, other bits for another exploration seed, the greedy ones whatever the seed', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const first = await collect(executor, [task()], randomPolicy());
		expect(await collect(executor, [task()], randomPolicy())).toEqual(first);
		const other = await collect(executor, [task()], randomPolicy(), { explorationSeed: 9 });
		expect(other[0]!.actions).not.toEqual(first[0]!.actions);
		const greedy = await collect(executor, [task()], randomPolicy(), { greedy: true });
		expect(await collect(executor, [task()], randomPolicy(), { greedy: true, explorationSeed: 9 })).toEqual(greedy);
	});

	it('keeps populations between runs and opens one a shape', async () => {
		const { factory, opened } = fakePopulations();
		await using executor = new InProcessExecutor({ dataset, population: factory });
		await collect(executor, [task(), task({ horizon: 40, interval: 10 }), task()], randomPolicy());
		await collect(executor, [task()], randomPolicy());
		expect(opened).toHaveLength(2);
		expect(opened.some(({ disposed }) => disposed)).toBe(false);
	});

	it('frees all populations when it is disposed of, and the oldest when there are many shapes', async () => {
		const { factory, opened } = fakePopulations();
		{
			await using executor = new InProcessExecutor({ dataset, population: factory });
			const many = Array.from({ length: 6 }, (_, i) => task({ batchSize: i + 1 }));
			await collect(executor, many, randomPolicy());
			expect(opened.map(({ disposed }) => disposed)).toEqual([true, true, false, false, false, false]);
		}
		expect(opened.every(({ disposed }) => disposed)).toBe(true);
	});

	it('passes on the first failure, ends the run, and works again afterwards', async () => {
		const { factory } = fakePopulations();
		await using executor = new InProcessExecutor({
			dataset,
			population: (asked, seeds) => {
				if (asked.batchSize === 99) throw new RangeError('no such batch');
				return factory(asked, seeds);
			},
		});
		const done: number[] = [];
		const tasks = [task({ index: 0 }), task({ index: 1, batchSize: 99 }), task({ index: 2 })];
		const run = async () => {
			for await (const trajectory of executor.collect(tasks, randomPolicy())) done.push(trajectory.task.index);
		};
		await expect(run()).rejects.toThrow('no such batch');
		expect(done).toEqual([0]);
		expect(await collect(executor, [task()], randomPolicy())).toHaveLength(1);
	});

	it('stops between decisions when it is cancelled, and works again afterwards', async () => {
		const { factory, opened } = fakePopulations();
		await using executor = new InProcessExecutor({ dataset, population: factory });
		const controller = new AbortController();
		const run = collect(executor, [task({ horizon: 1000, interval: 5 })], randomPolicy(), {
			signal: controller.signal,
		});
		setImmediate(() => controller.abort());
		await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(opened[0]!.calls.filter((call) => call === 'train').length).toBeLessThan(10);
		expect(await collect(executor, [task()], randomPolicy())).toHaveLength(1);
	});

	it('does nothing for a signal that was aborted before', async () => {
		const { factory, opened } = fakePopulations();
		await using executor = new InProcessExecutor({ dataset, population: factory });
		const run = collect(executor, [task()], randomPolicy(), { signal: AbortSignal.abort() });
		await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(opened).toHaveLength(0);
	});

	it('refuses a second run while one is under way; leaving the loop ends it', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		for await (const _ of executor.collect([task(), task()], randomPolicy())) {
			await expect(collect(executor, [task()], randomPolicy())).rejects.toThrow('running already');
			break;
		}
		expect(await collect(executor, [task()], randomPolicy())).toHaveLength(1);
	});

	it('refuses a policy that is not made for its environment', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const snapshot = randomPolicy();
		const wrong: [Partial<PolicySpec>, string][] = [
			[{ granularity: 'network' }, "granularity: 'network'"],
			[{ action: 'coarse' }, "action: 'coarse'"],
			[{ observation: 'layer-v0' }, "'layer-v0'"],
		];
		for (const [change, message] of wrong) {
			const run = collect(executor, [task()], { ...snapshot, spec: { ...snapshot.spec, ...change } });
			await expect(run).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) });
		}
	});

	it('marks what follows a divergence of every network as not active', async () => {
		await using executor = new InProcessExecutor({
			dataset,
			population: (asked, seeds) => {
				const population = fakePopulations().factory(asked, seeds) as ReturnType<
					typeof fakePopulations
				>['opened'][number];
				for (let n = 0; n < seeds.length; n++) population.forced.set(n, [1, 1, Number.NaN]);
				return population;
			},
		});
		const [trajectory] = await collect(executor, [task()], randomPolicy());
		expect([...trajectory!.active]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
		expect([...trajectory!.diverged]).toEqual([1, 1]);
		expect([...trajectory!.rewards.subarray(12)]).toEqual(Array.from({ length: 12 }, () => 0));
	});
});

describe('episodes under a controller', () => {
	it('come back in order with returns, outcomes and the test split', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const episodes = (['constant', 'cosine'] as const).map((name) => ({
			task: task(),
			method: { type: 'schedule', name } as const,
		}));
		const names: string[] = [];
		for await (const { episode, returns, outcomes, diverged } of executor.evaluate(episodes)) {
			names.push(episode.method.type === 'schedule' ? episode.method.name : '');
			expect([...diverged]).toEqual([0, 0]);
			for (let n = 0; n < 2; n++) {
				expect(returns[n]).toBeCloseTo(Math.log(outcomes[n * 5]!) - Math.log(Math.max(outcomes[n * 5 + 1]!, 1e-4)), 4);
				expect(outcomes[n * 5 + 4]).toBeGreaterThan(0);
			}
		}
		expect(names).toEqual(['constant', 'cosine']);
	});

	it("keep the learning rates of every decision, each network's in one row", async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const trained = task();
		const method = { type: 'schedule', name: 'cosine' } as const;
		for await (const { history } of executor.evaluate([{ task: trained, method }])) {
			const { horizon, interval, networks } = trained;
			const means = Array.from({ length: horizon / interval }, (_, decision) => {
				const steps = Array.from({ length: interval }, (__, k) => decision * interval + k);
				return steps.reduce((sum, t) => sum + (1 + Math.cos((Math.PI * t) / horizon)) / 2 / interval, 0);
			});
			const layers = history.learningRates.length / networks.length / means.length;
			const expected = networks.flatMap(({ learningRate }) =>
				means.flatMap((mean) => Array.from({ length: layers }, () => learningRate * mean)),
			);
			expect(layers).toBeGreaterThan(1);
			for (const [i, rate] of expected.entries()) expect(history.learningRates[i]! / rate).toBeCloseTo(1, 5);
		}
	});

	it('name what trains them a method, no longer a controller', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const old = { task: task(), controller: { type: 'schedule', name: 'cosine' } };
		await expect(executor.evaluate([old as never]).next()).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: 'Unknown option episode.controller: it is called method now',
		});
	});

	it('under a policy follow its greedy rollout', async () => {
		await using executor = new InProcessExecutor({ dataset, population: fakePopulations().factory });
		const snapshot = randomPolicy();
		const [rollout] = await collect(executor, [task()], snapshot, { greedy: true });
		for await (const { outcomes } of executor.evaluate([
			{ task: task(), method: { type: 'policy', policy: snapshot } },
		])) {
			for (const n of [0, 1]) expect(outcomes[n * 5 + 1]).toBe(rollout!.outcomes[n * 5 + 1]);
		}
		expect(rollout!.actions.some((action) => action !== NEUTRAL_ACTION)).toBe(true);
	});
});
