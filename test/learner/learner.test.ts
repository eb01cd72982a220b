import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createLearner, type Learner, type LearnerOptions } from '../../src/learner/learner.js';
import type { Trajectory } from '../../src/learner/trajectory.js';
import { loadTensorFlow, type TensorFlow } from '../../src/tensorflow/load-tensorflow.js';
import { policySpec } from '../support/policies.js';
import { trajectoryOf } from '../support/trajectories.js';

const shape = { observationSize: 6, actions: 4 };

/** Trajectories of different shapes, one of which ends early. */
function trajectories(seed: number): Trajectory[] {
	const first = trajectoryOf({ ...shape, decisions: 5, networks: 3, agents: 2, seed });
	first.active.set([1, 1, 0], 9);
	first.active.set([1, 0, 0], 12);
	return [first, trajectoryOf({ ...shape, decisions: 3, networks: 2, agents: 4, seed: seed + 100 })];
}

function options(network: 'feed-forward' | 'recurrent', changes: Partial<LearnerOptions> = {}): LearnerOptions {
	const spec = policySpec({ network, hiddenUnits: 8, observation: 'test', ...shape });
	return { spec, seed: 3, iterations: 10, ...changes };
}

function bits(learner: Learner): unknown {
	const { tensors, record } = learner.state();
	const snapshot = learner.snapshot();
	return {
		record: JSON.parse(JSON.stringify(record)),
		tensors: tensors.map(({ name, data }) => [name, [...data]]),
		normalizer: [[...snapshot.normalizerMean], [...snapshot.normalizerStandardDeviation]],
		snapshot: [...snapshot.parameters],
	};
}

let tf: TensorFlow;
beforeAll(async () => {
	tf = await loadTensorFlow('wasm');
});

describe.each(['feed-forward', 'recurrent'] as const)('%s learner', (network) => {
	it('gives the same bits from the same trajectories and seed', async () => {
		const learners = await Promise.all([createLearner(options(network)), createLearner(options(network))]);
		for (const learner of learners) {
			for (let i = 0; i < 3; i++) await learner.update(trajectories(i));
		}
		expect(bits(learners[1]!)).toEqual(bits(learners[0]!));
		const other = await createLearner(options(network, { seed: 4 }));
		expect([...other.snapshot().parameters]).not.toEqual([
			...(await createLearner(options(network))).snapshot().parameters,
		]);
	});

	it('continues from a saved state to the same bits as without the break', async () => {
		const straight = await createLearner(options(network));
		for (let i = 0; i < 4; i++) await straight.update(trajectories(i));
		const broken = await createLearner(options(network));
		for (let i = 0; i < 2; i++) await broken.update(trajectories(i));
		const saved = broken.state();
		const record = JSON.parse(JSON.stringify(saved.record)); // as a checkpoint would hold it
		await broken.update(trajectories(77)); // must not reach into the saved copy
		const resumed = await createLearner(options(network));
		resumed.restore({ tensors: saved.tensors, record });
		expect(resumed.iteration).toBe(2);
		for (let i = 2; i < 4; i++) await resumed.update(trajectories(i));
		expect(bits(resumed)).toEqual(bits(straight));
	});

	it.each(['ippo', 'mappo'] as const)('leaves no tensor behind (%s)', async (algorithm) => {
		const learner = await createLearner(options(network, { ppo: { algorithm } }));
		await learner.update(trajectories(0));
		const before = tf.memory();
		for (let i = 1; i < 4; i++) await learner.update(trajectories(i));
		expect(tf.memory().numTensors).toBe(before.numTensors);
		expect(tf.memory().numBytes).toBe(before.numBytes);
	});

	it('is not moved by what stands in inactive rows', async () => {
		const learners = await Promise.all([createLearner(options(network)), createLearner(options(network))]);
		const clean = trajectories(5);
		const dirty = trajectories(5);
		const { agents, decisions, networks } = dirty[0]!;
		for (let row = 0; row < decisions * networks * agents; row++) {
			if (dirty[0]!.active[Math.floor(row / agents)] === 1) continue;
			dirty[0]!.rewards[row] = Number.NaN;
			dirty[0]!.logProbabilities[row] = -1e9;
			dirty[0]!.observations.fill(1e9, row * 6, row * 6 + 6);
		}
		await learners[0]!.update(clean);
		await learners[1]!.update(dirty);
		expect(bits(learners[1]!)).toEqual(bits(learners[0]!));
	});

	it('agrees with the cpu back end', async () => {
		const wasm = await createLearner(options(network));
		const wasmMetrics = await wasm.update(trajectories(1));
		const cpu = await createLearner(options(network, { backend: 'cpu' }));
		const cpuMetrics = await cpu.update(trajectories(1));
		expect(cpu.backend).toBe('cpu');
		for (const key of ['policyLoss', 'valueLoss', 'entropy', 'gradientNorm', 'explainedVariance'] as const) {
			expect(cpuMetrics[key]).toBeCloseTo(wasmMetrics[key], 4);
		}
	});
});

describe('learner', () => {
	it('starts nearly uniform, logs what it does, and anneals', async () => {
		const learner = await createLearner(options('feed-forward'));
		const first = await learner.update(trajectories(0));
		expect(first.entropy).toBeGreaterThan(0.99 * Math.log(4));
		expect(first.learningRate).toBe(3e-3);
		expect(first.entropyCoefficient).toBe(0.003);
		expect(first.rows).toBe(5 * 3 * 2 - 6 + 3 * 2 * 4);
		expect(first.epochs).toBe(4);
		for (let i = 1; i < 5; i++) await learner.update(trajectories(i));
		const sixth = await learner.update(trajectories(5));
		expect(sixth.learningRate).toBeCloseTo(1.65e-3, 12);
		expect(sixth.entropyCoefficient).toBeCloseTo(0.0015, 12);
		for (const value of Object.values(sixth)) expect(Number.isFinite(value)).toBe(true);
	});

	it('stops the epochs of an update once the policy has moved far enough', async () => {
		const learner = await createLearner(options('feed-forward', { ppo: { targetKl: 1e-9, epochs: 10 } }));
		expect((await learner.update(trajectories(0))).epochs).toBe(1);
	});

	it('rewrites its snapshot in place, in shared memory', async () => {
		const learner = await createLearner(options('feed-forward'));
		const snapshot = learner.snapshot();
		const { parameters, normalizerMean } = snapshot;
		expect(parameters.buffer).toBeInstanceOf(SharedArrayBuffer);
		const before = parameters.slice();
		await learner.update(trajectories(0));
		expect(learner.snapshot()).toBe(snapshot);
		expect(parameters).not.toEqual(before);
		expect(normalizerMean.some((x) => x !== 0)).toBe(true);
	});

	it('freezes the normaliser after its iterations', async () => {
		const learner = await createLearner(options('feed-forward', { ppo: { normalizerIterations: 2 } }));
		const mean = learner.snapshot().normalizerMean;
		const seen: number[][] = [];
		for (let i = 0; i < 4; i++) {
			await learner.update(trajectories(i));
			seen.push([...mean]);
		}
		expect(seen[1]).not.toEqual(seen[0]);
		expect(seen[2]).toEqual(seen[1]);
		expect(seen[3]).toEqual(seen[1]);
	});

	it('survives an update in which nothing was active', async () => {
		const learner = await createLearner(options('recurrent'));
		const [trajectory] = trajectories(0);
		trajectory!.active.fill(0);
		const before = learner.policy().parameters;
		const metrics = await learner.update([trajectory!]);
		expect(metrics.rows).toBe(0);
		expect(learner.policy().parameters).toEqual(before);
	});

	it('refuses what does not fit, and stays usable', async () => {
		const learner = await createLearner(options('feed-forward'));
		const wrong = trajectoryOf({ ...shape, observationSize: 5, decisions: 2, networks: 1, agents: 1 });
		await expect(learner.update([wrong])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		const other = await createLearner(options('recurrent'));
		expect(() => learner.restore(other.state())).toThrow(/the state of a learner of/);
		const broken = learner.state();
		expect(() => learner.restore({ ...broken, tensors: broken.tensors.slice(1) })).toThrow(/actor\/hidden1\/kernel/);
		const first = learner.update(trajectories(0));
		await expect(learner.update(trajectories(1))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		await first;
		expect(learner.iteration).toBe(1);
		learner.dispose();
		learner.dispose();
		await expect(learner.update(trajectories(1))).rejects.toMatchObject({ code: 'DISPOSED' });
		await expect(createLearner(options('feed-forward', { ppo: { clip: -1 } }))).rejects.toThrow(/ppo\.clip/);
		await expect(createLearner({ ...options('feed-forward'), seed: -1 })).rejects.toThrow(/seed/);
	});
});

describe('without tfjs', () => {
	it('says what to install', async () => {
		vi.resetModules();
		vi.doMock('node:module', () => ({
			createRequire: () => ({
				resolve: (name: string) => {
					throw new Error(`Cannot find module '${name}'`);
				},
			}),
		}));
		const { loadTensorFlow: load } = await import('../../src/tensorflow/load-tensorflow.js');
		const wasm = load('wasm');
		await expect(wasm).rejects.toMatchObject({ code: 'MISSING_DEPENDENCY' });
		await expect(wasm).rejects.toThrow('npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm');
		await expect(load('cpu')).rejects.toThrow(/npm install @tensorflow\/tfjs$/);
		await expect(load('tensorflow')).rejects.toThrow(/npm install @tensorflow\/tfjs-node/);
		vi.doUnmock('node:module');
	});
});
