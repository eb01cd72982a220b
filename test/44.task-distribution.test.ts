import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTask } from '../src/environment/task.js';
import { sampleTasks, type TaskDistribution } from '../src/environment/task-distribution.js';

const ends = { shape: [28, 28, 1], classes: 10 } as const;

const RICH: TaskDistribution = {
	ends,
	networks: [
		{ type: 'mlp', depth: [0, 3], width: [16, 64], activation: 'tanh' },
		{ type: 'mlp', hidden: [32] },
		{ type: 'cnn', filters: [8, 16], hidden: [32] },
		{ type: 'layers', layers: [{ type: 'global-average-pool' }] },
	],
	networksPerTask: 8,
	optimizers: [{ algorithm: 'adam' }, { algorithm: 'momentum', hyperparameters: { momentum: 0.95 } }],
	batchSizes: [16, 32, 64],
	sliceSizes: [1000, 'all'],
	durations: [{ horizon: 200 }, { horizon: 90, interval: 30 }],
	layerSpreadDecades: 2,
	layerSpreadShare: 0.5,
	validationSize: 256,
};

describe('sampleTasks', () => {
	it('gives a task that depends on its index and the seed alone', () => {
		const all = sampleTasks(RICH, 7, 0, 40);
		fc.assert(
			fc.property(fc.integer({ min: 0, max: 39 }), fc.integer({ min: 0, max: 39 }), (a, b) => {
				const [first, last] = a < b ? [a, b] : [b, a];
				expect(sampleTasks(RICH, 7, first, last - first + 1)).toEqual(all.slice(first, last + 1));
			}),
			{ numRuns: 20 },
		);
		expect(sampleTasks(RICH, 8, 0, 1)[0]!.networks).not.toEqual(all[0]!.networks);
		expect(new Set(all.flatMap(({ networks }) => networks.map(({ seed }) => seed))).size).toBe(40 * 8);
	});

	it('gives a network that does not depend on how many train beside it', () => {
		const few = sampleTasks({ ...RICH, networksPerTask: 3 }, 7, 5, 1)[0]!;
		expect(few.networks).toEqual(sampleTasks(RICH, 7, 5, 1)[0]!.networks.slice(0, 3));
	});

	it('draws every choice, and nothing else', () => {
		const tasks = sampleTasks(RICH, 1, 0, 200);
		for (const task of tasks) checkTask(task);
		const kinds = new Set(tasks.map(({ spec }) => spec.layers.map(({ type }) => type).join(' ')));
		const mlps = ['dense', 'dense dense', 'dense dense dense', 'dense dense dense dense'];
		const others = ['conv max-pool conv max-pool dense dense', 'global-average-pool dense'];
		expect([...kinds].toSorted()).toEqual([...mlps, ...others].toSorted());
		expect(new Set(tasks.map(({ optimizer }) => optimizer.algorithm))).toEqual(new Set(['adam', 'momentum']));
		expect(new Set(tasks.map(({ batchSize }) => batchSize))).toEqual(new Set([16, 32, 64]));
		expect(new Set(tasks.map(({ sliceSize }) => sliceSize))).toEqual(new Set([1000, undefined]));
		const durations = tasks.map(({ horizon, interval }) => `${horizon}/${interval}`);
		expect(new Set(durations)).toEqual(new Set(['200/10', '90/30']));
		for (const { spec, validationSize } of tasks) {
			expect(spec.input).toEqual([28, 28, 1]);
			expect(spec.layers.at(-1)).toEqual({ type: 'dense', units: 10 });
			expect(validationSize).toBe(256);
		}
	});

	it('draws initial learning rates log-uniformly from 10^−5.5 to 10^−0.5', () => {
		const tasks = sampleTasks({ ends, networksPerTask: 50 }, 3, 0, 40);
		const exponents = tasks.flatMap(({ networks }) => networks.map(({ learningRate }) => Math.log10(learningRate)));
		expect(Math.min(...exponents)).toBeGreaterThanOrEqual(-5.5);
		expect(Math.max(...exponents)).toBeLessThanOrEqual(-0.5);
		for (let decade = 0; decade < 5; decade++) {
			const count = exponents.filter((e) => Math.floor(e + 5.5) === decade).length;
			expect(Math.abs(count - 400)).toBeLessThan(90); // 5 standard deviations of a binomial (2000, 1/5)
		}
	});

	it('sets the layers of a share of the networks apart, within p decades and the limits', () => {
		const networks = sampleTasks(RICH, 5, 0, 100).flatMap((task) => task.networks);
		const apart = networks.filter(({ layerMultipliers }) => layerMultipliers !== undefined);
		expect(Math.abs(apart.length - 400)).toBeLessThan(70);
		const decades = apart.flatMap(({ layerMultipliers }) => layerMultipliers!.map(Math.log10));
		expect(Math.max(...decades.map(Math.abs))).toBeLessThanOrEqual(2);
		expect(Math.max(...decades)).toBeGreaterThan(1.8);
		expect(Math.min(...decades)).toBeLessThan(-1.8);
		for (const { learningRate, layerMultipliers } of apart) {
			for (const multiplier of layerMultipliers!) {
				expect(learningRate * multiplier).toBeLessThanOrEqual(1 + 1e-12);
				expect(learningRate * multiplier).toBeGreaterThanOrEqual(1e-6 - 1e-18);
			}
		}
		const together = sampleTasks({ ...RICH, layerSpreadShare: 0 }, 5, 0, 1)[0]!.networks;
		expect(together.map(({ learningRate }) => learningRate)).toEqual(
			networks.slice(0, 8).map(({ learningRate }) => learningRate),
		);
		expect(together.every(({ layerMultipliers }) => layerMultipliers === undefined)).toBe(true);
	});

	it.each([
		[{ batchSizes: [] }, /at least one entry for distribution.batchSizes/],
		[{ networksPerTask: 0 }, /distribution.networksPerTask/],
		[{ learningRates: [0.1, 0.01] as const }, /distribution.learningRates\[1\]/],
		[{ durations: [{ horizon: 30 }] }, /durations\[0\].interval.*divisible by 20/],
		[{ durations: [{ horizon: 30, interval: 7 }] }, /divisor of the horizon 30/],
		[{ layerSpreadShare: 2 }, /distribution.layerSpreadShare/],
		[
			{ networks: [{ type: 'rnn' as 'mlp', hidden: [] }] },
			/'mlp', 'cnn', 'layers' for distribution.networks\[0\].type/,
		],
		[{ networks: [{ type: 'mlp', hidden: [0] }] }, /distribution.networks\[0\].hidden\[0\]/],
		[{ networks: [{ type: 'mlp', depth: [2, 1], width: [1, 2] }] }, /distribution.networks\[0\].depth\[1\]/],
	] satisfies [Partial<TaskDistribution>, RegExp][])('refuses %j', (wrong, message) => {
		expect(() => sampleTasks({ ends, ...wrong }, 1, 0, 1)).toThrow(message);
	});
});
