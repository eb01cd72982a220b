import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTask } from '../../src/tasks/task.js';
import { sampleTasks, type TaskDistribution } from '../../src/tasks/task-distribution.js';

const dataset = { shape: [28, 28, 1], classes: 10 } as const;

const RICH: TaskDistribution = {
	dataset,
	networks: [
		{ type: 'mlp', depth: [0, 3], width: [16, 64], activation: 'tanh' },
		{ type: 'mlp', hidden: [32] },
		{ type: 'cnn', filters: [8, 16], hidden: [32] },
		{ type: 'layers', layers: [{ type: 'global-average-pool' }] },
	],
	networksPerTask: 8,
	optimizers: ['adam', { algorithm: 'momentum', hyperparameters: { momentum: 0.95 } }],
	batchSizes: [16, 32, 64],
	sliceSize: [1000, 0],
	horizon: [200, 80],
	decisions: [20, 4],
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
		expect(new Set(durations)).toEqual(new Set(['200/10', '200/50', '80/4', '80/20']));
		for (const { spec, validationSize } of tasks) {
			expect(spec.input).toEqual([28, 28, 1]);
			expect(spec.layers.at(-1)).toEqual({ type: 'dense', units: 10 });
			expect(validationSize).toBe(256);
		}
	});

	it('draws initial learning rates log-uniformly from 3.16e-6 to 0.316', () => {
		const tasks = sampleTasks({ dataset, networksPerTask: 50 }, 3, 0, 40);
		const exponents = tasks.flatMap(({ networks }) => networks.map(({ learningRate }) => Math.log10(learningRate)));
		expect(Math.min(...exponents)).toBeGreaterThanOrEqual(Math.log10(3.16e-6));
		expect(Math.max(...exponents)).toBeLessThanOrEqual(Math.log10(0.316));
		for (let decade = 0; decade < 5; decade++) {
			const count = exponents.filter((e) => Math.floor(e - Math.log10(3.16e-6)) === decade).length;
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

	it('draws convolutional networks from ranges: ascending filters, pooling while there are pixels, any activation listed', () => {
		const family = { convolutions: [1, 4], filters: [4, 32], depth: [0, 2], width: [8, 64] } as const;
		const networks = [{ type: 'cnn', ...family, activation: ['relu', 'tanh'] }] as const;
		const tasks = sampleTasks(
			{ dataset: { shape: [14, 14, 1], classes: 10 }, networks, networksPerTask: 1 },
			4,
			0,
			200,
		);
		const seen = { convolutions: new Set<number>(), hidden: new Set<number>(), activations: new Set<unknown>() };
		for (const task of tasks) {
			checkTask(task);
			const { layers } = task.spec;
			const filters = layers.flatMap((layer) => (layer.type === 'conv' ? [layer.filters] : []));
			expect(filters).toEqual(filters.toSorted((a, b) => a - b));
			expect(Math.min(...filters)).toBeGreaterThanOrEqual(4);
			expect(Math.max(...filters)).toBeLessThanOrEqual(32);
			// 14 → 7 → 3, and 3 × 3 is left as it is.
			expect(layers.filter(({ type }) => type === 'max-pool')).toHaveLength(Math.min(filters.length, 2));
			const dense = layers.flatMap((layer) => (layer.type === 'dense' ? [layer] : []));
			seen.convolutions.add(filters.length);
			seen.hidden.add(dense.length - 1);
			const activations = new Set(
				layers.flatMap((layer) => ('activation' in layer && layer.activation !== undefined ? [layer.activation] : [])),
			);
			expect(activations.size).toBe(1);
			seen.activations.add([...activations][0]);
		}
		expect(seen.convolutions).toEqual(new Set([1, 2, 3, 4]));
		expect(seen.hidden).toEqual(new Set([0, 1, 2]));
		expect(seen.activations).toEqual(new Set(['relu', 'tanh']));
	});

	it('draws residual networks from ranges, or takes the numbers given', () => {
		const draw = (blocks: number | [number, number], width: number | [number, number]) =>
			sampleTasks({ dataset, networks: [{ type: 'residual', blocks, width }], networksPerTask: 1 }, 1, 0, 60).map(
				({ spec }) => {
					const first = spec.layers[0]!;
					const count = spec.layers.filter(({ type }) => type === 'residual').length / 3;
					return [count, first.type === 'conv' ? first.filters : 0] as const;
				},
			);
		const drawn = draw([1, 3], [4, 8]);
		expect(new Set(drawn.map(([count]) => count))).toEqual(new Set([1, 2, 3]));
		expect(new Set(drawn.map(([, filters]) => filters))).toEqual(new Set([4, 5, 6, 7, 8]));
		expect(new Set(draw(2, 16).map(String))).toEqual(new Set(['2,16']));
	});

	it('keeps the cost of an episode within the limit, with equal chances for what fits', () => {
		const networks = [{ type: 'mlp', hidden: [] }] as const; // 7840 multiply–adds an image
		const free = {
			dataset,
			networks,
			networksPerTask: 1,
			batchSizes: [16, 64, 256],
			horizon: [100, 200, 400, 800],
		};
		const costLimit = (7840 * (3 * 64 * 200 + 512 * 20)) / 1e9;
		const tasks = sampleTasks({ ...free, costLimit }, 2, 0, 600);
		const counts = new Map<string, number>();
		for (const { batchSize, horizon } of tasks) {
			expect(batchSize * horizon).toBeLessThanOrEqual(64 * 200);
			counts.set(`${batchSize} × ${horizon}`, (counts.get(`${batchSize} × ${horizon}`) ?? 0) + 1);
		}
		// A batch of 256 never fits; 64 allows two horizons, 16 all four.
		expect(counts.size).toBe(6);
		expect(Math.abs((counts.get('64 × 100') as number) - 150)).toBeLessThan(55);
		expect(Math.abs((counts.get('16 × 800') as number) - 75)).toBeLessThan(40);
		const smallest = sampleTasks({ ...free, costLimit: 1e-9 }, 2, 0, 20);
		expect(smallest.every(({ batchSize, horizon }) => batchSize === 16 && horizon === 100)).toBe(true);
		expect(sampleTasks({ ...free, costLimit: 1e6 }, 2, 0, 50)).toEqual(sampleTasks(free, 2, 0, 50));
	});

	it('spreads the choices and the initial learning rates of a stratum evenly', () => {
		const stratified = { ...RICH, stratified: true, perIteration: 8 };
		for (const first of [0, 8, 2 ** 44]) {
			const tasks = sampleTasks(stratified, 9, first, 8);
			const count = (values: readonly unknown[]) =>
				[...new Set(values)].map((value) => values.filter((other) => other === value).length).toSorted((a, b) => a - b);
			expect(count(tasks.map(({ optimizer }) => optimizer.algorithm))).toEqual([4, 4]);
			expect(count(tasks.map(({ horizon }) => horizon))).toEqual([4, 4]);
			expect(count(tasks.map(({ batchSize }) => batchSize))).toEqual([2, 3, 3]);
			const rates = tasks.flatMap(({ networks }) => networks.map(({ learningRate }) => Math.log10(learningRate)));
			const parts = rates.map((rate) => Math.floor(((rate - Math.log10(3.16e-6)) / 5) * 64));
			expect(parts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i));
		}
		const all = sampleTasks(stratified, 9, 0, 24);
		expect(sampleTasks(stratified, 9, 13, 5)).toEqual(all.slice(13, 18));
		expect(all.slice(0, 8).map(({ batchSize }) => batchSize)).not.toEqual(
			all.slice(8, 16).map(({ batchSize }) => batchSize),
		);
	});

	it("draws initial learning rates from the optimiser's own range where it has one", () => {
		const optimizers = ['adam', { algorithm: 'sgd', initialLearningRates: [0.1, 1] }] as const;
		for (const task of sampleTasks({ dataset, optimizers }, 6, 0, 30)) {
			expect(Object.keys(task.optimizer)).toEqual(['algorithm']);
			if (task.optimizer.algorithm !== 'sgd') continue;
			for (const { learningRate } of task.networks) expect(learningRate).toBeGreaterThanOrEqual(0.1);
		}
	});

	it.each([
		[{ networks: [{ type: 'residual', blocks: 0, width: 16 }] }, /distribution.networks\[0\].blocks/],
		[{ networks: [{ type: 'residual', blocks: 1, width: [8, 4] }] }, /distribution.networks\[0\].width/],
		[{ costLimit: -1 }, /distribution.costLimit/],
		[{ perIteration: 0 }, /distribution.perIteration/],
		[
			{ optimizers: [{ algorithm: 'sgd', initialLearningRates: [1, 0.1] as const }] },
			/distribution.optimizers\[0\].initialLearningRates/,
		],
		[
			{ networks: [{ type: 'mlp', hidden: [], activation: ['gelu' as 'relu'] }] },
			/distribution.networks\[0\].activation/,
		],
		[{ batchSizes: [] }, /a list of integers from 1 to 65536 for distribution.batchSizes/],
		[{ networksPerTask: 0 }, /distribution.networksPerTask/],
		[{ initialLearningRates: [0.1, 0.01] as const }, /ascending numbers .*for distribution.initialLearningRates/],
		[{ horizon: 30 }, /a divisor of the horizon \(30\) for distribution.decisions but received 20/],
		[{ horizon: 30, decisions: 7 }, /a divisor of the horizon \(30\)/],
		[{ sliceSize: 20 }, /at least the largest of the batch sizes \(32\) for distribution.sliceSize but received 20/],
		[{ layerSpreadShare: 2 }, /distribution.layerSpreadShare/],
		[
			{ networks: [{ type: 'rnn' as 'mlp', hidden: [] }] },
			/'mlp', 'cnn', 'residual', 'layers' for distribution.networks\[0\].type/,
		],
		[{ networks: [{ type: 'mlp', hidden: [0] }] }, /distribution.networks\[0\].hidden\[0\]/],
		[{ networks: [{ type: 'mlp', depth: [2, 1], width: [1, 2] }] }, /distribution.networks\[0\].depth/],
	] satisfies [Partial<TaskDistribution>, RegExp][])('refuses %j', (wrong, message) => {
		expect(() => sampleTasks({ dataset, ...wrong }, 1, 0, 1)).toThrow(message);
	});

	it.each([
		[{ ends: dataset }, 'distribution.ends: it is called dataset now'],
		[{ durations: [{ horizon: 40 }] }, 'distribution.durations: it is horizon and decisions now'],
		[{ sliceSizes: ['all'] }, 'distribution.sliceSizes: it is called sliceSize now, and 0 means all images'],
		[{ classCounts: ['all'] }, 'distribution.classCounts: it is called classes now, and 0 means all of them'],
		[{ learningRates: [0.1, 1] }, 'distribution.learningRates: it is called initialLearningRates now'],
		[{ stratumSize: 8 }, 'distribution.stratumSize: it is perIteration with stratified: true now'],
		[
			{ optimizers: [{ algorithm: 'sgd', learningRates: [0.1, 1] }] },
			'distribution.optimizers[0].learningRates: it is called initialLearningRates now',
		],
		[{ horizons: [40] }, 'distribution.horizons; known ones are dataset, networks'],
		[{ fineTuning: { shares: 1 } }, 'distribution.fineTuning.shares; known ones are share, changes'],
	])('names the new key in place of an old or unknown one: %j', (wrong, message) => {
		expect(() => sampleTasks({ dataset, ...wrong } as TaskDistribution, 1, 0, 1)).toThrow(`Unknown option ${message}`);
	});
});
