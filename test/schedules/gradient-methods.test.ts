import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { mlp } from '../../src/networks/builders.js';
import { NetworkPopulation } from '../../src/networks/population.js';
import type { NetworkSpec } from '../../src/networks/spec.js';
import { ALGORITHMS } from '../../src/optimizer/algorithms.js';
import { openEpisodeBuffer } from '../../src/rollouts/episodes/episode-buffer.js';
import type { EpisodeResult } from '../../src/rollouts/executor.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import type { GradientMethodStart } from '../../src/schedules/gradient-methods/gradient-method.js';
import {
	type GradientMethodSpec,
	openGradientMethod,
} from '../../src/schedules/gradient-methods/gradient-method-registry.js';
import { updateDirection } from '../../src/schedules/gradient-methods/update-direction.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { populationOutput } from '../support/population.js';

/** f(x) = ½ Σ c (x − 1)², a different curvature in each direction. */
const CURVATURES = [0.3, 1, 2.5];
const slope = (x: ArrayLike<number>): number[] => CURVATURES.map((c, i) => c * ((x[i] as number) - 1));
const value = (x: ArrayLike<number>): number =>
	CURVATURES.reduce((sum, c, i) => sum + (c / 2) * ((x[i] as number) - 1) ** 2, 0);

const START = [2, -1.5, 0.25];
function start(changes: Partial<GradientMethodStart> = {}): GradientMethodStart {
	return {
		parameters: Float32Array.from(START),
		optimizer: { algorithm: 'sgd' },
		learningRate: 0.1,
		layers: [{ begin: 0, end: 3, multiplier: 1 }],
		...changes,
	};
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], digits = 5): void {
	for (const [i, x] of expected.entries()) expect(actual[i], `element ${i}`).toBeCloseTo(x, digits);
}

describe('schedule-free learning', () => {
	it('averages the sgd steps evenly, and takes gradients between them and the average', () => {
		const method = openGradientMethod({ name: 'schedule-free' }, start());
		let z = [...START];
		const history: number[][] = [];
		for (let t = 0; t < 30; t++) {
			const mean =
				history.length === 0 ? START : START.map((_, i) => average(history.map((past) => past[i] as number)));
			const y = mean.map((x, i) => 0.1 * (z[i] as number) + 0.9 * x);
			expectClose(method.point, y);
			method.step(Float32Array.from(slope(method.point)));
			z = z.map((x, i) => x - 0.1 * (slope(y)[i] as number));
			history.push(z);
			expectClose(
				method.solution,
				START.map((_, i) => average(history.map((past) => past[i] as number))),
			);
		}
	});

	it('weighs AdamW steps by their squared learning rates', () => {
		const optimizer = { algorithm: 'adamw', hyperparameters: { weightDecay: 0.05 } } as const;
		const method = openGradientMethod({ name: 'schedule-free' }, start({ optimizer }));
		let z = [...START];
		const gradients: number[][] = [];
		const history: { z: number[]; weight: number }[] = [];
		for (let t = 1; t <= 25; t++) {
			const y = [...method.point];
			const gradient = slope(y);
			gradients.push(gradient);
			method.step(Float32Array.from(gradient));
			const rate = 0.1 * Math.sqrt(1 - 0.999 ** t);
			// v_t as a sum over all gradients, not a recursion.
			z = z.map((x, i) => {
				const v = gradients.reduce((sum, g, k) => sum + 0.001 * 0.999 ** (t - 1 - k) * (g[i] as number) ** 2, 0);
				return x - rate * ((gradient[i] as number) / (Math.sqrt(v) + 1e-8) + 0.05 * (y[i] as number));
			});
			history.push({ z, weight: rate ** 2 });
			const total = history.reduce((sum, { weight }) => sum + weight, 0);
			const mean = START.map(
				(_, i) => history.reduce((sum, past) => sum + past.weight * (past.z[i] as number), 0) / total,
			);
			expectClose(method.solution, mean, 4);
		}
	});
});

describe('Prodigy', () => {
	it('follows its definition, written as sums over all steps', () => {
		const method = openGradientMethod({ name: 'prodigy', options: { initialDistance: 1e-3 } }, start());
		const d0 = 1e-3;
		let distance = d0;
		const past: { x: number[]; gradient: number[]; d: number }[] = [];
		for (let k = 0; k < 120; k++) {
			const x = [...method.point];
			const gradient = slope(x);
			const d = distance;
			past.push({ x, gradient, d });
			const decayed = (base: number, term: (step: (typeof past)[number]) => number) =>
				past.reduce((sum, step, j) => sum + base ** (k - j) * term(step), 0);
			const beta3 = Math.sqrt(0.999);
			const numerator = decayed(beta3, (s) =>
				s.gradient.reduce((sum, g, i) => sum + (s.d ** 2 / d0) * g * ((START[i] as number) - (s.x[i] as number)), 0),
			);
			const denominator = average(
				START.map((_, i) => 3 * Math.abs(decayed(beta3, (s) => (s.d ** 2 / d0) * (s.gradient[i] as number)))),
			);
			distance = Math.max(d, numerator / denominator);
			const next = x.map((value_, i) => {
				const m = decayed(0.9, (s) => 0.1 * s.d * (s.gradient[i] as number));
				const v = decayed(0.999, (s) => 0.001 * s.d ** 2 * (s.gradient[i] as number) ** 2);
				return value_ - (d * m) / (Math.sqrt(v) + distance * 1e-8);
			});
			expect(method.step(Float32Array.from(gradient))).toBe(true);
			expect(method.learningRate).toBeCloseTo(d, 6);
			expectClose(method.point, next, 4);
		}
		// It found a distance of the right order by itself, and came nearer.
		expect(distance).toBeGreaterThan(0.1);
		expect(value(method.point)).toBeLessThan(value(START) / 2);
	});

	it('waits where there is no gradient', () => {
		const method = openGradientMethod({ name: 'prodigy' }, start());
		expect(method.step(new Float32Array(3))).toBe(true);
		expectClose(method.point, START, 12);
	});
});

describe('hypergradient descent', () => {
	it.each(ALGORITHMS)('descends the slope of the loss in the learning rate (%s)', (algorithm) => {
		const optimizer = { algorithm } as const;
		const layers = [
			{ begin: 0, end: 1, multiplier: 1 },
			{ begin: 1, end: 3, multiplier: 0.5 },
		];
		const spec: GradientMethodSpec = { name: 'hypergradient', options: { beta: 0.01 } };
		const method = openGradientMethod(spec, start({ optimizer, layers }));
		const direction = updateDirection(optimizer, 3);
		const factors = [1, 0.5, 0.5];
		for (let t = 0; t < 10; t++) {
			const before = [...method.point];
			const rate = method.learningRate;
			const gradient = Float32Array.from(slope(before));
			direction.update(gradient, Float32Array.from(before));
			method.step(gradient);
			const decay = direction.decoupledDecay;
			const moved = (eta: number) =>
				before.map((x, i) => {
					const own = eta * (factors[i] as number);
					return x * (1 - own * decay) - own * (direction.values[i] as number);
				});
			expectClose(method.point, moved(method.learningRate));
			const h = 1e-4;
			// What the next step will do to the learning rate, by finite differences of f in it (decoupled decay is no part of it).
			const undecayed = (eta: number) =>
				moved(eta).map((x, i) => x + eta * (factors[i] as number) * decay * (before[i] as number));
			const expected =
				method.learningRate -
				0.01 *
					CURVATURES.reduce((sum, c, i) => {
						const derivative = ((undecayed(rate + h)[i] as number) - (undecayed(rate - h)[i] as number)) / (2 * h);
						return sum + c * ((method.point[i] as number) - 1) * derivative;
					}, 0);
			const next = openGradientMethod(spec, start({ optimizer, layers }));
			replay(next, t + 2);
			expect(next.learningRate).toBeCloseTo(expected, 4);
		}
	});

	it('multiplies instead where asked, whatever the scale of the loss', () => {
		const options = { form: 'multiplicative', beta: 0.1 } as const;
		const rates = [1, 1000].map((scale) => {
			const learningRate = 0.01 / scale;
			const method = openGradientMethod({ name: 'hypergradient', options }, start({ learningRate }));
			for (let t = 0; t < 12; t++) method.step(Float32Array.from(slope(method.point), (g) => g * scale));
			return method.learningRate * scale;
		});
		expect(rates[0]).toBeGreaterThan(0.02);
		expect(rates[1]).toBeCloseTo(rates[0] as number, 4);
	});

	/** Steps a new method on its own gradients as often. */
	function replay(method: ReturnType<typeof openGradientMethod>, steps: number): void {
		for (let t = 0; t < steps; t++) method.step(Float32Array.from(slope(method.point)));
	}
});

describe('a gradient method in a population', () => {
	const dataset = syntheticDataset();
	const spec = mlp({ input: [8, 8, 1], hidden: [12], classes: 4 });
	const seeds = [3, 4];

	function task(algorithm: (typeof ALGORITHMS)[number], changes: Partial<TrainingTask> = {}): TrainingTask {
		const optimizer = { algorithm };
		const networks = seeds.map((seed) => ({ seed, learningRate: 0.01, layerMultipliers: [1, 0.5] }));
		const shape = { index: 0, spec, optimizer, batchSize: 8, horizon: 30, interval: 10, sliceSize: 96 };
		return { ...shape, validationSize: 64, networks, ...changes };
	}

	async function run(training: TrainingTask, method: GradientMethodSpec): Promise<EpisodeResult> {
		await using executor = new InProcessExecutor({ dataset, threads: 1 });
		const episode = { task: training, method: { type: 'gradient-method', method } as const };
		for await (const result of executor.evaluate([episode], { testPoints: 3 })) return result;
		throw new Error('no result');
	}

	it.each(ALGORITHMS)('meets the weights and batches that the population itself would (%s)', async (algorithm) => {
		const training = task(algorithm);
		// A learning rate that never changes leaves the optimiser alone.
		const result = await run(training, { name: 'hypergradient', options: { beta: 0 } });
		using population = new NetworkPopulation({
			spec,
			networks: 2,
			batchSize: 8,
			optimizer: training.optimizer,
			dataset,
			seeds: Uint32Array.from(seeds),
			sliceSize: 96,
			validationSize: 64,
		});
		const out = populationOutput(population, 10);
		const rates = Float32Array.of(0.01, 0.005, 0.01, 0.005);
		for (let decision = 1; decision <= 3; decision++) {
			population.train(10, rates, out);
			for (const n of [0, 1]) {
				const loss = result.history.validationLoss[n * 4 + decision] as number;
				expect(loss / (out.validation[n * 3] as number)).toBeCloseTo(1, 3);
			}
		}
		expectClose(result.history.learningRates.subarray(0, 2), [0.01, 0.005], 8);
		expect(result.diverged).toEqual(new Uint8Array(2));
	});

	it.each(['schedule-free', 'prodigy'] as const)('is judged at its solution (%s)', async (name) => {
		const result = await run(task('adam', { horizon: 200, interval: 50 }), { name });
		for (const n of [0, 1]) {
			const [first, last] = [0, 4].map((i) => result.history.validationAccuracy[n * 5 + i] as number);
			expect(last).toBeGreaterThan(first as number);
			expect(result.history.bestTestAccuracy[n]).toBeGreaterThanOrEqual(result.outcomes[n * 5 + 4] as number);
		}
	});

	it('ends a network whose parameters are no longer finite, and only that one', async () => {
		const networks = [
			{ seed: 3, learningRate: 1e30 },
			{ seed: 4, learningRate: 0.01 },
		];
		const result = await run(task('sgd', { networks }), { name: 'schedule-free' });
		expect(result.diverged).toEqual(Uint8Array.of(1, 0));
		expect(result.outcomes.every((x) => Number.isFinite(x))).toBe(true);
		const alone = await run(task('sgd', { networks: networks.slice(1) }), { name: 'schedule-free' });
		expect(result.history.validationLoss.subarray(4)).toEqual(alone.history.validationLoss);
	});

	it('is judged with the batch statistics of its solution where there is batch norm', async () => {
		const layers: NetworkSpec['layers'] = [
			{ type: 'conv', filters: 6, kernelSize: 3 },
			{ type: 'batch-norm', activation: 'relu' },
			{ type: 'global-average-pool' },
			{ type: 'dense', units: 4 },
		];
		const normalized = { input: spec.input, layers };
		// Batch norm divides the factor out again, with the batch's statistics; those at 0 and 1 would not.
		const networks = seeds.map((seed) => ({ seed, learningRate: 0.01, initialScales: [100, 1] }));
		const training = task('adam', { spec: normalized, horizon: 200, interval: 50, networks });
		const { history } = await run(training, { name: 'schedule-free' });
		for (const n of [0, 1]) {
			expect(history.validationLoss[n * 5 + 4]).toBeLessThan(1);
			expect(history.validationAccuracy[n * 5 + 4]).toBeGreaterThan(0.5);
		}
	});

	it('starts from the layers and networks that the task says', async () => {
		const plain = await run(task('adam'), { name: 'prodigy' });
		const networks = seeds.map((seed) => ({ seed, learningRate: 0.01, initialScales: [4, 0.25] }));
		const scaled = await run(task('adam', { networks }), { name: 'prodigy' });
		const pretraining = { steps: 60, seeds: [9], keepOutputLayer: true };
		const pretrained = await run(task('adam', { pretraining }), { name: 'prodigy' });
		// The network computes what it computed, but is another one; a trained one begins lower.
		expect(scaled.history.validationLoss[0]).toBeCloseTo(plain.history.validationLoss[0] as number, 3);
		expect(scaled.history.validationLoss[3]).not.toBe(plain.history.validationLoss[3]);
		expect(pretrained.history.validationLoss[0]).toBeLessThan(plain.history.validationLoss[0] as number);
	});

	it('leaves a buffer without gaps', () => {
		const buffer = openEpisodeBuffer({ networks: 2, decisions: 3, layers: 2 });
		expect(buffer.history.learningRates).toHaveLength(12);
		expect(buffer.diverged.byteOffset + buffer.diverged.byteLength).toBe(buffer.memory.byteLength);
	});
});

function average(values: readonly number[]): number {
	return values.reduce((sum, x) => sum + x, 0) / values.length;
}
