import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { viewDataset } from '../../src/datasets/view.js';
import { populationFactory } from '../../src/environment/populations/open-population.js';
import type { Population } from '../../src/environment/populations/population-interface.js';
import { TrainingEnvironment } from '../../src/environment/training-environment.js';
import { POPULATION_STATISTICS, STATISTIC_INDEX } from '../../src/optimizer/statistics.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import { PiscinaExecutor } from '../../src/rollouts/piscina.js';
import { iterationTasks } from '../../src/runs/sample-tasks.js';
import type { Pretraining } from '../../src/tasks/pretraining.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { sampleTasks, type TaskDistribution } from '../../src/tasks/task-distribution.js';
import { fakePopulations, fakeTask } from '../support/fake-population.js';
import { TEST_DEVICE } from '../support/test-device.js';

/** Networks that do not start as their initialiser left them: weights of another scale, parameters from a training before. */

const dataset = syntheticDataset({ noise: 80 });
const PRETRAINING: Pretraining = {
	steps: 60,
	learningRate: 0.01,
	batchSize: 16,
	data: { trainShare: [0, 0.5], classes: [0, 1] },
	seeds: [7, 8],
};
const TASK: TrainingTask = {
	index: 0,
	spec: {
		input: dataset.shape,
		layers: [
			{ type: 'conv', filters: 4, kernelSize: 3, activation: 'relu' },
			{ type: 'max-pool', size: 2 },
			{ type: 'dense', units: dataset.classes },
		],
	},
	optimizer: { algorithm: 'adam' },
	batchSize: 16,
	horizon: 40,
	interval: 10,
	sliceSize: 80,
	validationSize: 32,
	networks: [11, 12, 13].map((seed) => ({ seed, learningRate: 0.003 })),
};
const FINE_TUNING: TrainingTask = {
	...TASK,
	data: { trainShare: [0.5, 1], classes: [2, 3] },
	pretraining: PRETRAINING,
};

/** Parameters of a task's networks before the first step, and how many populations were opened for them. */
function start(task: TrainingTask, resets = 1): { parameters: Float32Array[]; opened: number } {
	const populations: Population[] = [];
	const open = populationFactory({ dataset, device: TEST_DEVICE });
	const population = (...args: Parameters<typeof open>): Population => {
		populations.push(open(...args));
		return populations.at(-1) as Population;
	};
	using environment = new TrainingEnvironment({ population, task });
	for (let i = 0; i < resets; i++) environment.reset();
	const [first] = populations;
	return { parameters: task.networks.map((_, n) => first!.parameters!(n)), opened: populations.length };
}

const plain = start(TASK).parameters;
const CONV = 3 * 3 * 4; // weights of the convolution; 4 biases follow
const OUTPUT = plain[0]!.length - (4 * 4 * 4 + 1) * dataset.classes;

describe('initialScales', () => {
	it('multiply the weights of their layer, exactly, and nothing else', () => {
		const networks = TASK.networks.map((network, n) => (n === 1 ? { ...network, initialScales: [10, 0.25] } : network));
		const { parameters } = start({ ...TASK, networks });
		expect(parameters[0]).toEqual(plain[0]);
		expect(parameters[2]).toEqual(plain[2]);
		const weights = plain[1]!.length - dataset.classes;
		const expected = plain[1]!.map((value, i) => {
			if (i < CONV) return value * 10;
			return i >= OUTPUT && i < weights ? value * 0.25 : value;
		});
		expect(parameters[1]).toEqual(expected);
	});

	it('come back with every reset', () => {
		const networks = TASK.networks.map((network) => ({ ...network, initialScales: [3, 3] }));
		expect(start({ ...TASK, networks }, 3)).toEqual(start({ ...TASK, networks }));
	});

	it('are refused with the wrong number of layers, and by a population without parameters', () => {
		const networks = [{ seed: 1, learningRate: 0.1, initialScales: [1, 2, 3] }];
		expect(() => start({ ...TASK, networks })).toThrow(/array of length 2.*task.networks\[0\].initialScales/);
		const { factory } = fakePopulations();
		using environment = new TrainingEnvironment({ population: factory, task: fakeTask({ networks }) });
		expect(() => environment.reset()).toThrow(/setParameters\(network, values\)/);
	});
});

describe('pretraining', () => {
	it('gives each network the body of the trained network that its own seed points at, and a fresh output layer', () => {
		const { parameters } = start(FINE_TUNING);
		// 11 and 13 start from seed 8, 12 from seed 7.
		expect(parameters[0]!.subarray(0, OUTPUT)).toEqual(parameters[2]!.subarray(0, OUTPUT));
		expect(parameters[0]!.subarray(0, OUTPUT)).not.toEqual(parameters[1]!.subarray(0, OUTPUT));
		for (const [n, values] of parameters.entries()) {
			expect(values.subarray(OUTPUT)).toEqual(plain[n]!.subarray(OUTPUT));
			expect(values.subarray(0, OUTPUT)).not.toEqual(plain[n]!.subarray(0, OUTPUT));
		}
		const alone = start({ ...FINE_TUNING, networks: [FINE_TUNING.networks[1]!] });
		expect(alone.parameters[0]).toEqual(parameters[1]);
	});

	it('has learned its own task when the output layer is kept', () => {
		const pretraining = { ...PRETRAINING, keepOutputLayer: true };
		const loss = (task: TrainingTask): number => {
			using environment = new TrainingEnvironment({ dataset, task, device: TEST_DEVICE });
			return environment.reset().infos.validationLoss[0]!;
		};
		expect(loss({ ...TASK, pretraining, data: { classes: [0, 1] } })).toBeLessThan(0.3);
		expect(loss({ ...TASK, pretraining, data: { classes: [2, 3] } })).toBeGreaterThan(2);
	});

	it('hands on the running statistics of batch norms', () => {
		const layers = [
			{ type: 'conv', filters: 4, kernelSize: 3 },
			{ type: 'batch-norm', activation: 'relu' },
			TASK.spec.layers[2]!,
		] as const;
		const pretraining = { ...PRETRAINING, keepOutputLayer: true };
		const task = { ...TASK, spec: { ...TASK.spec, layers }, pretraining, data: { classes: [0, 1] } };
		const populations: Population[] = [];
		const open = populationFactory({ dataset, device: TEST_DEVICE });
		using environment = new TrainingEnvironment({
			population: (...args) => {
				populations.push(open(...args));
				return populations.at(-1) as Population;
			},
			task,
		});
		const loss = environment.reset().infos.validationLoss[0]!;
		expect(loss).toBeLessThan(0.3);
		const [trained, other] = [0, 1].map((n) => populations[0]?.runningStatistics?.(n) as Float32Array);
		expect(trained).toHaveLength(8);
		for (const value of trained!) expect([0, 1]).not.toContain(value);
		expect(trained).not.toEqual(other);
	});

	it('is run once for networks that start over, and again for others', () => {
		expect(start(FINE_TUNING, 3).opened).toBe(2);
		using environment = new TrainingEnvironment({ dataset, task: FINE_TUNING, device: TEST_DEVICE });
		const first = environment.reset().observations.slice();
		environment.reset({ ...FINE_TUNING, pretraining: { ...PRETRAINING, steps: 61 } });
		expect(environment.reset(FINE_TUNING).observations).toEqual(first);
	});

	it('forgets moments: the first update of Adam is that of a new optimiser', () => {
		using environment = new TrainingEnvironment({ dataset, task: { ...FINE_TUNING, horizon: 10, interval: 1 } });
		environment.reset();
		environment.step(new Uint8Array(6).fill(4));
		const { statistics } = environment.context;
		// At its first step Adam's corrected moment is the gradient itself.
		for (let i = 0; i < 6; i++) {
			const cosine = statistics[i * POPULATION_STATISTICS.length + STATISTIC_INDEX.gradientMomentCosine];
			expect(cosine).toBeCloseTo(1, 5);
		}
	});

	it('is part of what the baseline is run for', () => {
		const finalReward = (environment: TrainingEnvironment, task: TrainingTask): number => {
			environment.reset(task);
			for (;;) {
				const { done, rewards } = environment.step(new Uint8Array(6).fill(4));
				if (done) return rewards[0]!;
			}
		};
		using environment = new TrainingEnvironment({
			dataset,
			task: FINE_TUNING,
			reward: 'baseline',
			baselineLearningRate: 0.01,
		});
		const reference = finalReward(environment, FINE_TUNING);
		finalReward(environment, { ...FINE_TUNING, pretraining: { ...PRETRAINING, seeds: [9] } });
		expect(finalReward(environment, FINE_TUNING)).toBe(reference);
	});

	it('gives the same bits for any number of workers', async () => {
		const networks = FINE_TUNING.networks.map((network) => ({ ...network, initialScales: [2, 0.5] }));
		const tasks = [0, 1, 2].map((index) => ({ ...FINE_TUNING, index, networks, horizon: 20 + 10 * index }));
		const episodes = tasks.map((task) => ({ task, method: { type: 'schedule', name: 'cosine' } as const }));
		const outcomes = async (executor: InProcessExecutor | PiscinaExecutor): Promise<number[][]> => {
			const all = [];
			for await (const result of executor.evaluate(episodes)) all.push([...result.outcomes]);
			await executor[Symbol.asyncDispose]();
			return all;
		};
		const reference = await outcomes(new InProcessExecutor({ dataset }));
		expect(await outcomes(new PiscinaExecutor({ dataset, workers: 2 }))).toEqual(reference);
		expect(await outcomes(new PiscinaExecutor({ dataset, workers: 1 }))).toEqual(reference);
	});

	it.each([
		[{ ...PRETRAINING, steps: 0 }, /task.pretraining.steps/],
		[{ ...PRETRAINING, seeds: [] }, /at least one seed for task.pretraining.seeds/],
		[{ ...PRETRAINING, seeds: [-1] }, /task.pretraining.seeds\[0\]/],
		[{ ...PRETRAINING, data: { classes: [] } }, /at least one class for task.pretraining.data.classes/],
		[{ ...PRETRAINING, data: { classes: [77] } }, /The view leaves no training image of synthetic/],
		[{ ...PRETRAINING, data: { trainShare: [0.6, 0.5] as const } }, /trainShare\[1\]/],
		[{ ...PRETRAINING, learningRate: 1e30, optimizer: { algorithm: 'sgd' } as const }, /pre-training.*diverged; lower/],
	])('refuses %j', (pretraining, message) => {
		expect(() => start({ ...TASK, pretraining })).toThrow(message);
	});
});

describe('viewDataset', () => {
	it('keeps classes in every split, and shares of the training split apart', () => {
		const view = viewDataset(dataset, { classes: [1, 3], trainShare: [0, 0.5] });
		for (const indices of Object.values(view.splits)) {
			expect(new Set(Array.from(indices, (i) => view.labels[i]))).toEqual(new Set([1, 3]));
		}
		const rest = viewDataset(dataset, { trainShare: [0.5, 1] });
		const first = new Set(view.splits.train);
		expect(rest.splits.train.some((index) => first.has(index))).toBe(false);
		expect(rest.splits.train).toHaveLength(dataset.splits.train.length / 2);
		expect(view.images).toBe(dataset.images);
	});

	it('shifts labels', () => {
		const { labels } = viewDataset(dataset, { labelOffset: 3 });
		expect([...labels]).toEqual(Array.from(dataset.labels, (label) => (label + 3) % dataset.classes));
		expect(viewDataset(dataset, { labelOffset: 4 }).labels).toBe(dataset.labels);
	});

	it('gives a share of the labels to other classes, each with the same chances, the same for the same seed', () => {
		const large = syntheticDataset({ size: 9500 });
		const noisy = (share: number, seed = 7) => viewDataset(large, { labelNoise: { share, seed } }).labels;
		const half = noisy(0.5);
		const shifts = new Uint32Array(large.classes);
		for (const [i, label] of half.entries()) {
			shifts[(label - large.labels[i]! + large.classes) % large.classes]!++;
		}
		const [kept = 0, ...changed] = shifts;
		const count = half.length;
		expect(Math.abs(kept - count / 2)).toBeLessThan(5 * Math.sqrt(count / 4));
		const expected = count / 2 / changed.length;
		for (const shift of changed) expect(Math.abs(shift - expected)).toBeLessThan(5 * Math.sqrt(expected));
		expect(noisy(0.5)).toEqual(half);
		expect(noisy(0.5, 8)).not.toEqual(half);
		expect(half.buffer).toBeInstanceOf(SharedArrayBuffer);
		// More noise keeps what less of it has changed; all of it leaves no label right.
		const more = noisy(0.7);
		expect(half.every((label, i) => label === large.labels[i] || more[i] === label)).toBe(true);
		expect(noisy(1).some((label, i) => label === large.labels[i])).toBe(false);
		expect(noisy(0)).toBe(large.labels);
	});

	it('adds noise to labels that are shifted already', () => {
		const { labels } = viewDataset(dataset, { labelOffset: 3, labelNoise: { share: 0, seed: 1 } });
		expect(labels[0]).toBe((dataset.labels[0]! + 3) % dataset.classes);
		const [shifted, both] = [undefined, { share: 0.5, seed: 1 }].map(
			(labelNoise) => viewDataset(dataset, { labelOffset: 3, ...(labelNoise ? { labelNoise } : {}) }).labels,
		);
		const [plain] = [viewDataset(dataset, { labelNoise: { share: 0.5, seed: 1 } }).labels];
		const shift = (labels: Uint8Array, from: Uint8Array) =>
			Array.from(labels, (label, i) => (label - from[i]! + dataset.classes) % dataset.classes);
		expect(shift(both!, shifted!)).toEqual(shift(plain!, dataset.labels));
	});

	it.each([
		[{ labelNoise: { share: 1.5, seed: 1 } }, /a number from 0 to 1 for view.labelNoise.share/],
		[{ labelNoise: { share: 0.5, seed: -1 } }, /view.labelNoise.seed/],
		[{ labelNoise: 0.5 as never }, /view.labelNoise/],
	])('refuses %j', (view, message) => {
		expect(() => viewDataset(dataset, view)).toThrow(message);
	});
});

describe('sampleTasks with other starting points', () => {
	const distribution: TaskDistribution = {
		dataset: dataset,
		networks: [{ type: 'mlp', depth: [1, 6], width: [4, 8] }],
		networksPerTask: 4,
		batchSizes: [8, 64],
		horizon: 100,
		decisions: 10,
	};
	const changed = {
		...distribution,
		initialScaleDecades: 1.5,
		initialScaleShare: 0.5,
		labelNoise: [0, 0.2, 0.6],
		classes: [0, 2],
		fineTuning: { share: 0.3, changes: ['classes', 'more-classes', 'labels', 'images'], sliceSize: 40, horizon: 30 },
	} as const;

	it('leaves every other choice as it was', () => {
		const before = sampleTasks(distribution, 5, 0, 50);
		const stripped = sampleTasks(changed, 5, 0, 50).map(({ data: _data, pretraining, ...task }, i) => ({
			...task,
			...(pretraining === undefined ? {} : { sliceSize: before[i]!.sliceSize, horizon: 100, interval: 10 }),
			networks: task.networks.map(({ initialScales: _scales, ...network }) => network),
		}));
		expect(stripped).toEqual(before);
	});

	it('is set in a config', () => {
		const tasks = {
			initialScaleShare: 1,
			labelNoise: [0.3],
			classes: [2],
			fineTuning: { share: 1, changes: ['labels'], horizon: 100, sliceSize: 70 },
			horizon: [200, 400],
		};
		const drawn = iterationTasks(parseConfig({ dataset: 'synthetic', tasks }), dataset, 3);
		for (const { horizon, interval, sliceSize, pretraining, networks, data } of drawn) {
			expect(data?.labelNoise?.share).toBe(0.3);
			expect([horizon, interval, sliceSize, pretraining?.steps]).toEqual([100, 5, 70, 500]);
			expect(networks.every(({ initialScales }) => initialScales !== undefined)).toBe(true);
		}
		const { fineTuning: _, ...plain } = tasks;
		const [fewer] = iterationTasks(parseConfig({ dataset: 'synthetic', tasks: plain }), dataset, 3);
		expect(fewer!.data!.classes).toHaveLength(2);
		for (const count of [1, 5]) {
			expect(() => parseConfig({ dataset: 'synthetic', tasks: { classes: [count] } })).toThrow(
				`2 to 4 classes of synthetic, for tasks.classes but received ${count} in the config`,
			);
		}
		tasks.fineTuning.horizon = 30;
		expect(() => parseConfig({ tasks })).toThrow(/multiple of the decisions \(20\) for tasks.fineTuning.horizon/);
	});

	it('puts a share of the networks out of balance, with factors whose product is 1', () => {
		const networks = sampleTasks(changed, 5, 0, 100).flatMap((task) => task.networks);
		const scaled = networks.flatMap(({ initialScales }) => (initialScales === undefined ? [] : [initialScales]));
		expect(Math.abs(scaled.length - 200)).toBeLessThan(50); // 5 standard deviations of a binomial (400, 1/2)
		for (const scales of scaled) expect(scales.reduce((product, scale) => product * scale)).toBeCloseTo(1, 9);
		expect(Math.max(...scaled.flat())).toBeGreaterThan(20);
	});

	it('gives each task one of the shares of label noise, and labels of its own', () => {
		const tasks = sampleTasks({ ...distribution, labelNoise: [0, 0.2, 0.6] }, 5, 0, 300);
		const noises = tasks.flatMap(({ data }) => (data?.labelNoise === undefined ? [] : [data.labelNoise]));
		expect(tasks.filter(({ data }) => data === undefined)).toHaveLength(300 - noises.length);
		for (const share of [0.2, 0.6]) {
			expect(Math.abs(noises.filter((noise) => noise.share === share).length - 100)).toBeLessThan(41); // 5 standard deviations
		}
		expect(new Set(noises.map(({ seed }) => seed)).size).toBe(noises.length);
		// Fine-tuning keeps what else it is about.
		const { data } = sampleTasks({ ...changed, labelNoise: [0.4], fineTuning: { share: 1 } }, 5, 0, 1)[0]!;
		expect(data).toMatchObject({ trainShare: [0.5, 1], labelNoise: { share: 0.4 } });
	});

	it('gives each task as many classes, any of them, but for fine-tuning, which chooses its own', () => {
		const tasks = sampleTasks({ ...distribution, classes: [0, 2, 3] }, 5, 0, 300);
		const chosen = tasks.flatMap(({ data }) => (data?.classes === undefined ? [] : [data.classes]));
		for (const count of [2, 3]) {
			expect(Math.abs(chosen.filter(({ length }) => length === count).length - 100)).toBeLessThan(41);
		}
		for (const classes of chosen) expect(classes).toEqual([...new Set(classes)].toSorted((a, b) => a - b));
		expect(new Set(chosen.map((classes) => classes.join())).size).toBe(6 + 4); // of four classes
		// The number of classes changes nothing about the noise.
		const noises = (classes: readonly number[]) =>
			sampleTasks({ ...distribution, classes, labelNoise: [0, 0.5] }, 5, 0, 20).map(({ data }) => data?.labelNoise);
		expect(noises([2, 3])).toEqual(noises([0]));
		const tuned = sampleTasks({ ...distribution, classes: [3], fineTuning: { share: 1 } }, 5, 0, 10);
		expect(tuned.every(({ data }) => data!.classes!.length === 2)).toBe(true);
	});

	it('makes a share of the tasks go on with networks that were trained on other images', () => {
		const tasks = sampleTasks(changed, 5, 0, 200).filter(({ pretraining }) => pretraining !== undefined);
		expect(Math.abs(tasks.length - 60)).toBeLessThan(33);
		for (const { data, pretraining, sliceSize, batchSize, horizon, interval } of tasks) {
			expect([horizon, interval, sliceSize]).toEqual([30, 3, Math.max(40, batchSize)]);
			expect([data!.trainShare, pretraining!.data!.trainShare]).toEqual([
				[0.5, 1],
				[0, 0.5],
			]);
			const known = pretraining!.data!.classes;
			expect([undefined, 2]).toContain(known?.length);
			if (data!.classes !== undefined) expect(new Set([...known!, ...data!.classes]).size).toBe(4);
			expect(pretraining!.keepOutputLayer).toBe(known === undefined);
		}
		const kinds = tasks.map(({ data, pretraining }) =>
			[pretraining!.data!.classes, data!.classes, data!.labelOffset]
				.map((part) => (part === undefined ? 0 : 1))
				.join(''),
		);
		expect(new Set(kinds)).toEqual(new Set(['110', '100', '001', '000']));
	});

	it.each([
		[{ initialScaleDecades: -1 }, /distribution.initialScaleDecades/],
		[{ initialScaleShare: 1.5 }, /distribution.initialScaleShare/],
		[{ labelNoise: [0, 2] }, /distribution.labelNoise\[1\]/],
		[{ labelNoise: [] }, /distribution.labelNoise/],
		[{ classes: [5] }, /0 \(all\), or an integer from 2 to 4, for distribution.classes but received 5/],
		[{ classes: [] }, /distribution.classes/],
		[{ fineTuning: { share: 0.5, changes: [] } }, /distribution.fineTuning.changes/],
		[
			{ fineTuning: { share: 0.5, horizon: 25 } },
			/a multiple of the decisions \(10\) for distribution.fineTuning.horizon/,
		],
		[{ dataset: { shape: [8, 8, 1], classes: 3 }, fineTuning: { share: 0.5 } }, /fewer than 4 classes/],
	] satisfies [Partial<TaskDistribution>, RegExp][])('refuses %j', (wrong, message) => {
		expect(() => sampleTasks({ ...distribution, ...wrong }, 1, 0, 1)).toThrow(message);
	});
});
