import { beforeAll, describe, expect, it } from 'vitest';
import { type ActorCritic, createActorCritic } from '../../src/learner/actor-critic.js';
import type { MiniBatch } from '../../src/learner/batch.js';
import { type PpoTargets, ppoLoss } from '../../src/learner/ppo-loss.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import { loadTensorFlow, type TensorFlow } from '../../src/tensorflow/load-tensorflow.js';
import { policySpec, randomSnapshot, uniformArray } from '../support/policies.js';
import { referenceNetwork } from '../support/reference-network.js';

let tf: TensorFlow;
beforeAll(async () => {
	tf = await loadTensorFlow('wasm');
});

function miniBatch(steps: number, sequences: number, observations: Float32Array, rows?: number[]): MiniBatch {
	const count = steps * sequences;
	return {
		steps,
		sequences,
		rows: Int32Array.from(rows ?? Array.from({ length: count }, (_, i) => i)),
		observations,
		criticObservations: observations,
	};
}

describe.each(['feed-forward', 'recurrent'] as const)('%s networks on tfjs', (network) => {
	it('give the logits of the inference function within 1e-5', () => {
		const spec = policySpec({ network });
		const steps = 12;
		const sequences = 5;
		// The identity as normaliser: the learner's mini-batches are normalised already.
		const snapshot = {
			...randomSnapshot(spec),
			normalizerMean: new Float32Array(23),
			normalizerStandardDeviation: new Float32Array(23).fill(1),
		};
		const networks = createActorCritic(tf, spec, 23);
		const parameters = new Float32Array(networks.size);
		// Weights as large as training makes them: orthogonal with gain √2, random biases, a policy head of full size.
		networks.initialize(11, parameters);
		snapshot.parameters.set(parameters.subarray(0, networks.actorSize));
		snapshot.parameters.forEach((x, i) => {
			if (x === 0) snapshot.parameters[i] = Math.sin(i) / 3;
		});
		const head = spec.hiddenUnits * spec.actions + spec.actions;
		for (let i = networks.actorSize - head; i < networks.actorSize; i++) snapshot.parameters[i]! *= 100;
		parameters.set(snapshot.parameters);

		const observations = uniformArray(steps * sequences * 23, 5, 4);
		const fromTensors = networks.logits(miniBatch(steps, sequences, observations), parameters);
		const inference = createPolicyInference(snapshot);
		const state = new Float32Array(sequences * inference.stateSize);
		const logits = new Float32Array(sequences * 9);
		let largest = 0;
		for (let t = 0; t < steps; t++) {
			inference.forward(observations.subarray(t * sequences * 23), sequences, state, logits);
			logits.forEach((logit, i) => {
				const other = fromTensors[t * sequences * 9 + i]!;
				expect(Math.abs(logit - other) / Math.max(1, Math.abs(logit))).toBeLessThan(1e-5);
				largest = Math.max(largest, Math.abs(logit));
			});
		}
		expect(largest).toBeGreaterThan(0.5);
	});

	describe('against a float64 reference', () => {
		const spec = policySpec({ network, observationSize: 3, actions: 4, hiddenUnits: 5 });
		const steps = network === 'recurrent' ? 4 : 1;
		const sequences = network === 'recurrent' ? 6 : 24;
		const count = steps * sequences;
		const observations = uniformArray(count * 3, 2, 21);
		// Two rows carry no loss: a padded one and one of a network that had ended.
		const rows = Array.from({ length: count }, (_, i) => (i === 2 || i === count - 1 ? -1 : i));
		const batch = miniBatch(steps, sequences, observations, rows);
		let networks: ActorCritic;
		let parameters: Float32Array;
		let targets: PpoTargets;
		beforeAll(() => {
			networks = createActorCritic(tf, spec, 3);
			parameters = uniformArray(networks.size, 0.5, 5);
			const advantages = uniformArray(count, 2, 31);
			targets = {
				actions: Uint8Array.from({ length: count }, (_, i) => i % 4),
				// Around ln ¼, so that some ratios are clipped on either side and some are not.
				logProbabilities: uniformArray(count, 0.3, 32).map((x) => x - 1.4),
				advantages,
				returns: uniformArray(count, 1, 33),
				values: uniformArray(count, 1, 34),
			};
		});

		function outputs(from: number, to: number, flat: ArrayLike<number>): number[] {
			const inputs = Array.from({ length: sequences }, (_, s) =>
				Array.from({ length: steps }, (_, t) => [...observations.subarray((t * sequences + s) * 3).subarray(0, 3)]),
			);
			const shapes = networks.shapes.slice(from, to);
			const result = referenceNetwork(shapes, flat, inputs);
			return Array.from({ length: count }, (_, i) => result[i % sequences]![Math.floor(i / sequences)]!).flat();
		}

		/** PPO's loss from its formulas, of all parameters. */
		function referenceLoss(flat: ArrayLike<number>, valueClip: number): number {
			const actorShapes = networks.shapes.findIndex(({ name }) => name.startsWith('critic/'));
			const logits = outputs(0, actorShapes, flat);
			const critic = Array.from(
				{ length: networks.size - networks.actorSize },
				(_, i) => flat[networks.actorSize + i]!,
			);
			const values = outputs(actorShapes, networks.shapes.length, critic);
			let sum = 0;
			let counted = 0;
			rows.forEach((row, i) => {
				if (row < 0) return;
				counted++;
				const own = logits.slice(i * 4, i * 4 + 4);
				const total = own.reduce((a, logit) => a + Math.exp(logit), 0);
				const probabilities = own.map((logit) => Math.exp(logit) / total);
				const ratio = probabilities[targets.actions[row]!]! / Math.exp(targets.logProbabilities[row]!);
				const advantage = targets.advantages[row]!;
				sum -= Math.min(ratio * advantage, Math.min(Math.max(ratio, 0.8), 1.2) * advantage);
				sum += 0.05 * probabilities.reduce((a, p) => a + p * Math.log(p), 0);
				const target = targets.returns[row]!;
				let valueLoss = (values[i]! - target) ** 2;
				if (valueClip > 0) {
					const old = targets.values[row]!;
					const clipped = old + Math.min(Math.max(values[i]! - old, -valueClip), valueClip);
					valueLoss = Math.max(valueLoss, (clipped - target) ** 2);
				}
				sum += 0.7 * valueLoss;
			});
			return sum / counted;
		}

		it.each([0, 0.3])('loss and every gradient agree (value clip %s)', (valueClip) => {
			const gradients = new Float32Array(networks.size);
			const settings = { clip: 0.2, entropyCoefficient: 0.05, valueCoefficient: 0.7, valueClip };
			const result = networks.differentiate(
				batch,
				parameters,
				(logits, values) => ppoLoss(logits, values, batch, targets, settings),
				gradients,
			);
			expect(result.loss).toBeCloseTo(referenceLoss(parameters, valueClip), 5);
			expect(result.clipFraction).toBeGreaterThan(0.1);
			expect(result.clipFraction).toBeLessThan(0.95);
			const point = Float64Array.from(parameters);
			const step = 1e-5;
			for (let i = 0; i < point.length; i++) {
				const at = point[i]!;
				point[i] = at + step;
				const above = referenceLoss(point, valueClip);
				point[i] = at - step;
				const below = referenceLoss(point, valueClip);
				point[i] = at;
				const numeric = (above - below) / (2 * step);
				expect(Math.abs(gradients[i]! - numeric), `gradient ${i}`).toBeLessThan(1e-5 + 1e-4 * Math.abs(numeric));
			}
		});

		it('gives rows without loss no influence', () => {
			const settings = { clip: 0.2, entropyCoefficient: 0.05, valueCoefficient: 0.7, valueClip: 0 };
			const gradientsOf = (x: Float32Array): Float32Array => {
				const own = miniBatch(steps, sequences, x, rows);
				const gradients = new Float32Array(networks.size);
				networks.differentiate(own, parameters, (l, v) => ppoLoss(l, v, own, targets, settings), gradients);
				return gradients;
			};
			const changed = observations.slice();
			changed.fill(3, (count - 1) * 3); // the last step of the last sequence: nothing comes after it
			expect(gradientsOf(changed)).toEqual(gradientsOf(observations));
		});
	});

	it('leave no tensor behind', () => {
		const spec = policySpec({ network, observationSize: 3, actions: 4, hiddenUnits: 5 });
		const networks = createActorCritic(tf, spec, 3);
		const parameters = uniformArray(networks.size, 0.5, 1);
		const batch = miniBatch(3, 2, uniformArray(18, 1, 2));
		const targets: PpoTargets = {
			actions: new Uint8Array(6),
			logProbabilities: new Float32Array(6),
			advantages: new Float32Array(6).fill(1),
			returns: new Float32Array(6),
			values: new Float32Array(6),
		};
		const settings = { clip: 0.2, entropyCoefficient: 0, valueCoefficient: 1, valueClip: 0 };
		const before = tf.memory();
		networks.values(batch, parameters);
		networks.logits(batch, parameters);
		const gradients = new Float32Array(networks.size);
		networks.differentiate(batch, parameters, (l, v) => ppoLoss(l, v, batch, targets, settings), gradients);
		const after = tf.memory();
		expect(after.numTensors).toBe(before.numTensors);
		expect(after.numBytes).toBe(before.numBytes);
		expect(gradients.some((g) => g !== 0)).toBe(true);
	});
});
