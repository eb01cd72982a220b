import { describe, expect, it } from 'vitest';
import { createActorCritic } from '../../src/learner/actor-critic.js';
import type { MiniBatch } from '../../src/learner/batch.js';
import { createLearner, type Learner } from '../../src/learner/learner.js';
import { type PpoTargets, ppoLoss } from '../../src/learner/ppo-loss.js';
import type { Trajectory } from '../../src/learner/trajectory.js';
import { PhiloxGenerator } from '../../src/philox.js';
import {
	gaussianEntropy,
	gaussianLogDensity,
	logDeviation,
	sampleContinuousActions,
} from '../../src/policy/gaussian.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import { loadTensorFlow, type TensorFlow } from '../../src/tensorflow/load-tensorflow.js';
import { policySpec, uniformArray } from '../support/policies.js';
import { referenceNetwork } from '../support/reference-network.js';
import { taskOf, trajectoryOf } from '../support/trajectories.js';

function draw(networks: number, changes: Partial<Parameters<typeof sampleContinuousActions>[1]> = {}) {
	const outputs = Float32Array.from({ length: networks * 2 }, (_, i) => (i % 2 === 0 ? 0.7 : 0.4));
	const actions = new Float32Array(networks);
	const logProbabilities = new Float32Array(networks);
	const networkSeeds = Uint32Array.from({ length: networks }, (_, n) => n);
	const options = { networks, agents: 1, networkSeeds, explorationSeed: 5, ...changes };
	sampleContinuousActions(outputs, options, actions, logProbabilities);
	return { actions, logProbabilities };
}

describe('the Gaussian', () => {
	const logSigma = -1 + 2 * Math.tanh(0.4);

	it('keeps its deviation within bounds', () => {
		expect(logDeviation(0)).toBe(-1);
		expect(logDeviation(0.4)).toBeCloseTo(logSigma, 6);
		expect([logDeviation(-1e9), logDeviation(1e9)]).toEqual([-3, 1]);
	});

	it('has a density whose integral is 1 and whose entropy is its own', () => {
		let mass = 0;
		let entropy = 0;
		const sigma = Math.exp(logSigma);
		for (let x = -12 * sigma; x < 12 * sigma; x += sigma / 1000) {
			const logDensity = gaussianLogDensity(x / sigma, logSigma);
			mass += (Math.exp(logDensity) * sigma) / 1000;
			entropy -= (Math.exp(logDensity) * logDensity * sigma) / 1000;
		}
		expect(mass).toBeCloseTo(1, 6);
		expect(gaussianEntropy(logSigma)).toBeCloseTo(entropy, 6);
	});

	it('is what draws follow: mean, deviation, and the share within one deviation', () => {
		const { actions, logProbabilities } = draw(20_000);
		const mean = actions.reduce((a, b) => a + b) / actions.length;
		const sigma = Math.sqrt(actions.reduce((a, b) => a + (b - mean) ** 2, 0) / actions.length);
		const within = actions.filter((u) => Math.abs(u - 0.7) < Math.exp(logSigma)).length / actions.length;
		expect(mean).toBeCloseTo(0.7, 1.5);
		expect(sigma / Math.exp(logSigma)).toBeCloseTo(1, 1.5);
		expect(within).toBeCloseTo(0.6827, 1.5);
		for (const i of [0, 7, 19_999]) {
			const z = (actions[i]! - Math.fround(0.7)) / Math.exp(logSigma);
			expect(logProbabilities[i]).toBeCloseTo(-z * z * 0.5 - logSigma - 0.5 * Math.log(2 * Math.PI), 4);
		}
	});

	it('draws by seed, network and decision alone, and greedily takes the mean', () => {
		const base = draw(50).actions;
		expect(draw(50).actions).toEqual(base);
		expect(draw(60).actions.subarray(0, 50)).toEqual(base);
		expect(draw(50, { decision: 1 }).actions).not.toEqual(base);
		expect(draw(50, { explorationSeed: 6 }).actions).not.toEqual(base);
		expect(draw(3, { greedy: true }).actions).toEqual(new Float32Array(3).fill(0.7));
	});

	it('explores together where noise is shared', () => {
		const options = { networks: 1, agents: 4, networkSeeds: [3] };
		const outputs = new Float32Array(8);
		const [own, shared] = [new Float32Array(4), new Float32Array(4)];
		sampleContinuousActions(outputs, options, own);
		sampleContinuousActions(outputs, { ...options, sharedExplorationNoise: true }, shared);
		expect(new Set(own).size).toBe(4);
		expect(new Set(shared)).toEqual(new Set([own[0]]));
	});

	it('refuses what does not fit', () => {
		const options = { networks: 2, agents: 1, networkSeeds: [1, 2] };
		expect(() => sampleContinuousActions(new Float32Array(3), options, new Float32Array(2))).toThrow(/outputs/);
		expect(() => sampleContinuousActions(new Float32Array(4), options, new Float32Array(1))).toThrow(/actionsOut/);
		expect(() => sampleContinuousActions(new Float32Array(4), { networks: 2, agents: 1 }, new Float32Array(2))).toThrow(
			/2 network seeds/,
		);
	});
});

/** PPO's loss of a continuous policy from its formulas, in float64. */
function referenceLoss(outputs: ArrayLike<number>, rows: readonly number[], targets: PpoTargets): number {
	let sum = 0;
	let counted = 0;
	for (const [i, row] of rows.entries()) {
		if (row < 0) continue;
		counted++;
		const logSigma = -1 + 2 * Math.tanh(outputs[i * 2 + 1]!);
		const sigma = Math.exp(logSigma);
		const z = (targets.actions[row]! - outputs[i * 2]!) / sigma;
		const density = Math.exp(-0.5 * z * z) / (sigma * Math.sqrt(2 * Math.PI));
		const ratio = density / Math.exp(targets.logProbabilities[row]!);
		const advantage = targets.advantages[row]!;
		sum -= Math.min(ratio * advantage, Math.min(Math.max(ratio, 0.8), 1.2) * advantage);
		sum -= 0.05 * 0.5 * Math.log(2 * Math.PI * Math.E * sigma * sigma);
	}
	return sum / counted;
}

describe('the loss of a continuous policy', () => {
	const count = 40;
	const outputs = uniformArray(count * 2, 0.8, 3);
	const rows = Array.from({ length: count }, (_, i) => (i === 4 || i === count - 1 ? -1 : count - 1 - i));
	const targets: PpoTargets = {
		actions: uniformArray(count, 1, 4),
		logProbabilities: uniformArray(count, 0.6, 5).map((x) => x - 1),
		advantages: uniformArray(count, 2, 6),
		returns: new Float32Array(count),
		values: new Float32Array(count),
	};
	const miniBatch = { steps: 1, sequences: count, rows: Int32Array.from(rows) } as unknown as MiniBatch;
	const settings = { clip: 0.2, entropyCoefficient: 0.05, valueCoefficient: 0.5, valueClip: 0 };
	const result = ppoLoss(outputs, new Float32Array(count), miniBatch, targets, settings);

	it('is that of the formulas', () => {
		expect(result.loss).toBeCloseTo(referenceLoss(outputs, rows, targets), 6);
		expect(result.clipFraction).toBeGreaterThan(0.2);
		expect(result.clipFraction).toBeLessThan(1);
	});

	it('has the gradient that finite differences give', () => {
		let largest = 0;
		for (let i = 0; i < outputs.length; i++) {
			const moved = (by: number) => Float64Array.from(outputs, (x, j) => (j === i ? x + by : x));
			const step = 1e-5;
			const difference =
				(referenceLoss(moved(step), rows, targets) - referenceLoss(moved(-step), rows, targets)) / (2 * step);
			expect(result.logitGradients[i], `output ${i}`).toBeCloseTo(difference, 5);
			largest = Math.max(largest, Math.abs(difference));
		}
		expect(largest).toBeGreaterThan(0.02);
		expect([...result.logitGradients.subarray(8, 10)]).toEqual([0, 0]); // row −1
	});

	it('reaches every parameter through the networks of the learner', async () => {
		const tf: TensorFlow = await loadTensorFlow('cpu');
		const spec = policySpec({ observationSize: 7, action: 'continuous', actions: 2, hiddenUnits: 4 });
		const networks = createActorCritic(tf, spec, spec.observationSize);
		const parameters = uniformArray(networks.size, 0.5, 9);
		const observations = uniformArray(count * 7, 1, 10);
		const batch = { ...miniBatch, observations, criticObservations: observations };
		const gradients = new Float32Array(networks.size);
		networks.differentiate(
			batch,
			parameters,
			(logits, values) => ppoLoss(logits, values, batch, targets, settings),
			gradients,
		);
		const shapes = networks.shapes.filter(({ name }) => name.startsWith('actor/'));
		const inputs = Array.from({ length: count }, (_, s) => [[...observations.subarray(s * 7, s * 7 + 7)]]);
		for (let i = 0; i < networks.actorSize; i += 3) {
			const at = (by: number): number => {
				const moved = Float64Array.from(parameters, (x, j) => (j === i ? x + by : x));
				return referenceLoss(referenceNetwork(shapes, moved, inputs).flat(2), rows, targets);
			};
			expect(gradients[i], `parameter ${i}`).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 4);
		}
	});
});

/** Name the number on display, within [−1, 1]: paid −(u − number)². */
function playNumbers(learner: Learner, networks: number, seed: number, greedy = false): Trajectory {
	const generator = new PhiloxGenerator(seed, 'environment');
	const inference = createPolicyInference(learner.snapshot());
	const observations = Float32Array.from({ length: networks }, () => generator.uniform(-1, 1));
	const [actions, logProbabilities] = [new Float32Array(networks), new Float32Array(networks)];
	const outputs = new Float32Array(networks * 2);
	const networkSeeds = Uint32Array.from({ length: networks }, () => generator.nextUint32());
	inference.forward(observations, networks, new Float32Array(networks * inference.stateSize), outputs);
	sampleContinuousActions(outputs, { networks, agents: 1, networkSeeds, greedy }, actions, logProbabilities);
	return {
		task: taskOf(1, networks, 1),
		decisions: 1,
		networks,
		agents: 1,
		observations,
		actions,
		logProbabilities,
		rewards: actions.map((u, n) => -((u - observations[n]!) ** 2)),
		active: new Uint8Array(networks).fill(1),
		outcomes: new Float32Array(networks * 5),
		diverged: new Uint8Array(networks),
		milliseconds: { total: 0, native: 0 },
	};
}

describe('the learner of a continuous policy', () => {
	const spec = policySpec({
		observation: 'number',
		observationSize: 1,
		action: 'continuous',
		actions: 2,
		hiddenUnits: 16,
	});

	it('learns to name a number, and to be sure of it', async () => {
		const learner = await createLearner({ spec, seed: 1, iterations: 60, ppo: { entropyCoefficient: 0.001 } });
		const error = () => {
			const { rewards } = playNumbers(learner, 256, 99, true);
			return -rewards.reduce((a, b) => a + b) / rewards.length;
		};
		const before = error();
		let entropy: number[] = [];
		for (let i = 0; i < 60; i++) {
			entropy = [...entropy, (await learner.update([playNumbers(learner, 256, i)])).entropy];
		}
		expect(before).toBeGreaterThan(0.25); // it says 0, which is off by a third on average
		expect(error()).toBeLessThan(0.01);
		expect(entropy.at(-1)!).toBeLessThan(entropy[0]! - 0.5);
		learner.dispose();
	});

	it('goes on from a saved state to the same bits', async () => {
		const options = { spec, seed: 2, iterations: 6 };
		const straight = await createLearner(options);
		for (let i = 0; i < 4; i++) await straight.update([playNumbers(straight, 32, i)]);
		const broken = await createLearner(options);
		for (let i = 0; i < 2; i++) await broken.update([playNumbers(broken, 32, i)]);
		const { tensors, record } = broken.state();
		const resumed = await createLearner(options);
		resumed.restore({ tensors, record: JSON.parse(JSON.stringify(record)) });
		for (let i = 2; i < 4; i++) await resumed.update([playNumbers(resumed, 32, i)]);
		expect(resumed.snapshot().parameters).toEqual(straight.snapshot().parameters);
	});

	it('refuses categories, and numbers that are not finite', async () => {
		const learner = await createLearner({ spec, seed: 3, iterations: 1 });
		const categories = trajectoryOf({ decisions: 1, networks: 2, agents: 1, observationSize: 1, actions: 2 });
		await expect(learner.update([categories])).rejects.toThrow(/a Float32Array of length 2/);
		const wrong = playNumbers(learner, 4, 1);
		wrong.actions[2] = Number.NaN;
		await expect(learner.update([wrong])).rejects.toThrow(/a finite number for trajectories\[0\]\.actions\[2\]/);
	});
});
