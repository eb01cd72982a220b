import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import * as ganno from '../../src/index.js';
import { DEFAULT_PPO_SETTINGS } from '../../src/learner/ppo-settings.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import { PiscinaExecutor } from '../../src/rollouts/piscina.js';
import { countArchitectures, countStates } from '../../src/search/count.js';
import { PAPER_LIMITS } from '../../src/search/space.js';
import { layerCallback } from '../../src/tfjs/layer-callback.js';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { populationOutput } from '../support/population.js';

/**
 * One rule for every call of the public interface that takes options: a key that is not known, and a value of the wrong kind, is
 * `INVALID_ARGUMENT`, at every depth. Each call below is made with all of its options as they should be, then with each object in them given
 * one key more, then with each value in them replaced by what is none.
 */

type Tree = { [key: string]: unknown };

interface Call {
	/** All options there are, as they should be. */
	readonly options: () => Tree;
	readonly call: (options: never) => unknown;
	/** Values that are whole things of their own, not objects of options: nothing is put into them. */
	readonly whole?: readonly string[];
	/** What takes any value at all, or is judged later. */
	readonly open?: readonly string[];
}

const dataset = ganno.syntheticDataset({ shape: [6, 6, 1], classes: 4, size: 80 });
const spec: ganno.NetworkSpec = { input: [6, 6, 1], layers: [{ type: 'dense', units: 4 }] };
const snapshot = randomSnapshot(policySpec({ hiddenUnits: 4 }));
const optimizer = { algorithm: 'adam', hyperparameters: { beta1: 0.8 } } as const;
const task = (): Tree => ({
	index: 0,
	spec: structuredClone(spec),
	optimizer: structuredClone(optimizer),
	batchSize: 4,
	horizon: 2,
	interval: 1,
	sliceSize: 20,
	validationSize: 8,
	data: { classes: [0, 1, 2], trainShare: [0, 1], labelOffset: 0, labelNoise: { share: 0.1, seed: 1 } },
	pretraining: {
		steps: 1,
		learningRate: 0.01,
		optimizer: { algorithm: 'sgd' },
		batchSize: 4,
		seeds: [1],
		keepOutputLayer: true,
	},
	networks: [{ seed: 1, learningRate: 0.1, layerMultipliers: [1], initialScales: [1] }],
});
const population = () =>
	new ganno.NetworkPopulation({ spec, networks: 1, batchSize: 4, optimizer, dataset, seeds: Uint32Array.of(1) });
const environment = () => new ganno.TrainingEnvironment({ task: task() as never, dataset });
const signal = new AbortController().signal;
const nothing = (): void => {};
const layers = () => [
	{ name: 'a', parameters: Float32Array.of(1), gradients: Float32Array.of(1), weightDecay: true, adapt: true },
];
const rates = () => new Float32Array(1).fill(0.1);
const config = ganno.parseConfig({
	dataset: 'synthetic',
	workers: 0,
	tasks: { horizon: 2, decisions: 2, batchSizes: [4], sliceSize: [20], validationSize: 8, networksPerTask: 1 },
	evaluation: { seeds: 1, tuningSeeds: 1, learningRates: [0.1], tuningLearningRates: [0.1] },
});
const executor = () => new InProcessExecutor({ dataset });
const all = async (results: AsyncIterable<unknown>): Promise<void> => {
	for await (const _ of results);
};
const schedules = {
	step: { milestones: [0.5], gamma: 0.1 },
	exponential: { finalFactor: 0.1, gamma: 0.9 },
	cosine: { minimum: 0, warmupSteps: 1 },
	'one-cycle': { riseFraction: 0.3, initialDivisor: 25, finalDivisor: 10, annealing: 'linear' },
	'warmup-stable-decay': { warmupFraction: 0.1, decayFraction: 0.1, decay: 'linear', minimum: 0 },
	'trust-ratio': { reference: 'update', coefficient: 1, weightDecay: 0, maximum: 10, base: 'constant' },
	constant: {},
};

const CALLS: Record<string, Call> = {
	LayerwiseOptimizer: {
		options: () => ({
			algorithm: 'lars',
			layers: layers(),
			hyperparameters: { momentum: 0.9 },
			nonFinite: 'propagate',
			clip: { layerNorm: 1, globalNorm: 1 },
			denormals: 'keep',
			device: 'cpu',
			resident: false,
			threads: 1,
		}),
		call: (options) => new ganno.LayerwiseOptimizer(options).dispose(),
	},
	...Object.fromEntries(
		(['step', 'probe', 'stepAsync'] as const).flatMap((method): [string, Call][] => {
			const open = () => new ganno.LayerwiseOptimizer({ algorithm: 'momentum', layers: layers(), device: 'reference' });
			const controls = { learningRates: 0.1, weightDecays: rates(), momenta: 0.5 };
			const statistics = () => new Float32Array(14);
			return [
				[`${method}, controls`, { options: () => controls, call: (given) => open()[method](given, statistics()) }],
				[
					`${method}, options`,
					{ options: () => ({ inverseScale: 0.5 }), call: (given) => open()[method](0.1, statistics(), given) },
				],
			];
		}),
	),
	layerStatistics: {
		options: () => ({ inverseScale: 0.5, denormals: 'flush', device: 'reference', threads: 1 }),
		call: (options) => ganno.layerStatistics(layers(), undefined, options),
	},
	'layers of layerStatistics': {
		options: () => ({ layers: layers() }),
		call: ({ layers: given }: { layers: never }) => ganno.layerStatistics(given),
		open: ['layers.0.name', 'layers.0.weightDecay', 'layers.0.adapt'],
	},
	LayerwiseController: {
		options: () => ({
			learningRate: 0.1,
			horizon: 10,
			interval: 5,
			probeBatches: 0,
			bounds: { low: 0, high: 1 },
			validationLoss: () => 1,
			divergence: { scale: 1 },
			rollback: { factor: 0.5, limit: 1, save: nothing, restore: nothing },
			onDecision: nothing,
		}),
		call: (options) => ganno.LayerwiseController.fromSchedule('constant', options),
	},
	'LayerwiseController.start': {
		options: () => ({
			layers: [{ name: 'a', size: 1, type: 'conv' }],
			optimizer: structuredClone(optimizer),
			snapshots: { save: nothing, restore: nothing },
		}),
		call: (given: { layers: never; optimizer: never; snapshots: never }) =>
			ganno.LayerwiseController.fromSchedule('constant', { learningRate: 0.1 }).start(
				given.layers,
				given.optimizer,
				given.snapshots,
			),
	},
	'LayerwiseController.observe': {
		options: () => ({ training: 1, validation: 2 }),
		call: (losses) => {
			const controller = ganno.LayerwiseController.fromSchedule('constant', { learningRate: 0.1 });
			controller.start([{ name: 'a', size: 1 }]);
			controller.observe(undefined, losses);
		},
	},
	'LayerwiseController.attach': {
		options: () => ({ convolutions: ['a'] }),
		call: (options) => {
			using steps = new ganno.LayerwiseOptimizer({ algorithm: 'sgd', layers: layers() });
			ganno.LayerwiseController.fromSchedule('constant', { learningRate: 0.1 }).attach(steps, options);
		},
	},
	openLayerEventFile: {
		options: () => ({ figures: ['learningRate'], resumedAt: 0 }),
		call: (options) => ganno.openLayerEventFile(folder, options).close(),
	},
	LayerTable: {
		options: () => ({ stream: { write: nothing }, figures: ['learningRate'], every: 1 }),
		call: (options) => new ganno.LayerTable(options),
		whole: ['stream'],
	},
	layerCallback: {
		options: () => ({
			logs: true,
			tensorBoard: folder,
			table: false,
			figures: ['learningRate'],
			every: 1,
			onReport: nothing,
		}),
		call: (options) => layerCallback(new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: 0.1 }), options),
	},
	mlp: {
		options: () => ({ input: [4, 4, 1], hidden: [3], classes: 2, activation: 'relu', dropout: 0.5 }),
		call: (options) => ganno.mlp(options),
	},
	cnn: {
		options: () => ({
			input: [4, 4, 1],
			filters: [3],
			kernelSize: 3,
			hidden: [2],
			classes: 2,
			activation: 'relu',
			dropout: 0.5,
		}),
		call: (options) => ganno.cnn(options),
	},
	residual: {
		options: () => ({ input: [8, 8, 1], classes: 2, blocks: 1, width: 2, stages: 1 }),
		call: (options) => ganno.residual(options),
	},
	inferShapes: { options: () => structuredClone(spec) as unknown as Tree, call: (given) => ganno.inferShapes(given) },
	NetworkPopulation: {
		options: () => ({
			spec: structuredClone(spec),
			networks: 1,
			batchSize: 4,
			optimizer: structuredClone(optimizer),
			dataset,
			seeds: Uint32Array.of(1),
			sliceSize: 20,
			validationSize: 8,
			threads: 1,
			device: 'cpu',
			precision: 'float32',
			tier: 'baseline',
			cancellation: new Int32Array(new SharedArrayBuffer(4)),
		}),
		call: (options) => new ganno.NetworkPopulation(options).dispose(),
		whole: ['dataset'],
	},
	...Object.fromEntries(
		(['train', 'trainAsync'] as const).map((method): [string, Call] => [
			`NetworkPopulation.${method}`,
			{
				options: () => {
					using networks = population();
					const controls = { learningRates: rates(), weightDecays: rates(), momenta: undefined };
					return { controls, out: populationOutput(networks, 1), options: { baseSchedule: Float32Array.of(1) } };
				},
				call: async (given: { controls: never; out: never; options: never }) => {
					using networks = population();
					await networks[method](1, given.controls, given.out, given.options);
				},
				open: ['controls.momenta'],
			},
		]),
	),
	syntheticDataset: {
		options: () => ({ shape: [4, 4, 1], classes: 2, size: 20, seed: 1, noise: 1 }),
		call: (options) => ganno.syntheticDataset(options),
	},
	loadDataset: {
		options: () => ({
			dataDirectory: folder,
			validationSize: 1,
			seed: 0,
			downsample: 1,
			download: false,
			partial: true,
			onProgress: nothing,
			signal,
		}),
		call: async (options) => {
			try {
				await ganno.loadDataset('mnist', options);
			} catch (error) {
				if ((error as ganno.GannoError).code !== 'DATASET_NOT_FOUND') throw error;
			}
		},
		whole: ['signal'],
	},
	openDataset: {
		options: () => ({ onProgress: nothing, signal }),
		call: (options) => ganno.openDataset(config, options),
		whole: ['signal'],
	},
	TrainingEnvironment: {
		options: () => ({
			task: task(),
			reward: 'baseline',
			baselineLearningRate: { adam: 0.1 },
			baseSchedule: Float32Array.of(1, 1),
			observation: 'layer-v1',
			action: 'compounding',
			multiplier: 2,
			granularity: 'layer',
			secondControl: 'none',
			dataset,
			cancellation: new Int32Array(new SharedArrayBuffer(4)),
			threads: 1,
			device: 'cpu',
			precision: 'float32',
		}),
		call: (options) => {
			using episode = new ganno.TrainingEnvironment(options);
			episode.reset();
		},
		whole: ['dataset'],
		open: ['task.index', 'multiplier'],
	},
	'TrainingEnvironment.reset': {
		options: task,
		call: (given) => {
			using episode = environment();
			episode.reset(given);
		},
		open: ['index'],
	},
	'TrainingEnvironment.stepWithLearningRates': {
		options: () => ({ learningRates: rates(), weightDecays: rates() }),
		call: (controls) => {
			using episode = environment();
			episode.reset();
			episode.stepWithLearningRates(controls);
		},
	},
	runEpisode: {
		options: () => ({
			environment: environment(),
			controller: ganno.scheduleByName('constant'),
			task: task(),
			seeds: Uint32Array.of(1),
			baseSchedule: Float32Array.of(1, 1),
			traceLearningRates: true,
			test: true,
			onDecision: nothing,
		}),
		call: (options) => ganno.runEpisode(options),
		whole: ['environment', 'controller'],
		open: ['task.index'],
	},
	tuneSchedule: {
		options: () => ({
			environment: environment(),
			controller: ganno.scheduleByName('constant'),
			task: task(),
			learningRates: [0.1],
			seeds: Uint32Array.of(1),
			criterion: 'loss',
			onRow: nothing,
		}),
		call: (options) => ganno.tuneSchedule(options),
		whole: ['environment', 'controller'],
		open: ['task.index', 'task.networks.0.learningRate'],
	},
	sampleTasks: {
		options: () => ({
			dataset: { shape: [8, 8, 1], classes: 4 },
			networks: [
				{ type: 'mlp', hidden: [4], activation: 'relu' },
				{ type: 'mlp', depth: [1, 2], width: [2, 4], activation: ['relu', 'tanh'] },
				{ type: 'cnn', filters: [2], hidden: [2], activation: 'tanh' },
				{ type: 'cnn', convolutions: [1, 2], filters: [2, 4], depth: [0, 1], width: [2, 4], activation: 'relu' },
				{ type: 'residual', blocks: 1, width: [2, 4] },
				{ type: 'layers', layers: [] },
			],
			networksPerTask: 2,
			optimizers: [{ ...structuredClone(optimizer), initialLearningRates: [0.01, 0.1] }],
			batchSizes: [4],
			sliceSize: [20, 0],
			horizon: [20],
			decisions: 20,
			validationSize: 8,
			initialLearningRates: [0.01, 0.1],
			layerSpreadDecades: 1,
			layerSpreadShare: 0.5,
			initialScaleDecades: 1,
			initialScaleShare: 0.5,
			classes: [0, 2],
			labelNoise: [0, 0.1],
			fineTuning: {
				share: 0.5,
				changes: ['labels'],
				pretrainingSteps: 1,
				pretrainedNetworks: 1,
				sliceSize: 8,
				horizon: 20,
			},
			costLimit: 1,
			stratified: true,
			perIteration: 1,
		}),
		call: (distribution) => ganno.sampleTasks(distribution, 1, 0, 8),
		whole: ['dataset'], // a whole data set may be given
	},
	...Object.fromEntries(
		Object.entries(schedules).map(([name, options]): [string, Call] => [
			`the schedule ${name}`,
			{
				options: () => structuredClone(options) as Tree,
				call: (given) => ganno.scheduleByName(name as 'constant', given),
			},
		]),
	),
	InProcessExecutor: {
		options: () => ({ dataset, environment: { action: 'coarse' }, threads: 1, device: 'cpu', precision: 'float32' }),
		call: async (options) => {
			await using runs = new InProcessExecutor(options);
			await all(runs.collect([{ ...task(), data: undefined, pretraining: undefined } as never], coarsePolicy));
		},
		whole: ['dataset'],
	},
	PiscinaExecutor: {
		options: () => ({
			dataset,
			environment: { action: 'coarse' },
			workers: 1,
			devices: ['cpu'],
			precision: 'float32',
			retries: 0,
		}),
		call: async (options) => {
			await using _ = new PiscinaExecutor(options);
		},
		whole: ['dataset'],
		open: ['environment.action', 'devices.0', 'devices', 'precision', 'dataset'], // judged by the worker that opens the first population
	},
	'RolloutExecutor.run': {
		options: () => ({ signal, greedy: true, explorationSeed: 1, sharedExplorationNoise: true }),
		call: async (options) => {
			await using runs = executor();
			await all(runs.collect([], snapshot, options));
		},
		whole: ['signal'],
	},
	'RolloutExecutor.evaluate': {
		options: () => ({ signal, test: true, testPoints: 1 }),
		call: async (options) => {
			await using runs = executor();
			await all(runs.evaluate([], options));
		},
		whole: ['signal'],
	},
	'RolloutExecutor.session': {
		options: () => ({ signal, test: true, testPoints: 1 }),
		call: async (options) => {
			await using runs = executor();
			await using _ = runs.session(options);
		},
		whole: ['signal'],
	},
	...Object.fromEntries(
		[
			{ type: 'schedule', name: 'cosine', options: { minimum: 0.5 } },
			{ type: 'policy', policy: snapshot, baseSchedule: 'constant' },
			{ type: 'gradient-method', method: { name: 'hypergradient', options: {} } },
			{ type: 'gradient-method', method: { name: 'schedule-free', options: {} } },
			{ type: 'gradient-method', method: { name: 'prodigy', options: { initialDistance: 1e-6, coefficient: 1 } } },
		].map((spec): [string, Call] => [
			`an episode under ${spec.method?.name ?? spec.type}`,
			{
				options: () => ({
					task: task(),
					method: { ...spec, ...structuredClone({ method: spec.method, options: spec.options }) },
					minimumAccuracies: [-1],
					parameters: true,
				}),
				call: async (episode: { method: Tree }) => {
					await using runs = executor();
					for (const [key, value] of Object.entries(episode.method)) {
						if (value === undefined) delete episode.method[key];
					}
					await all(runs.evaluate([episode as never]));
				},
				whole: ['method.policy'],
				open: ['task.index', 'minimumAccuracies', 'minimumAccuracies.0', 'method.method', 'method.options'],
			},
		]),
	),
	sampleActions: {
		options: () => ({
			networks: 1,
			agents: 1,
			actions: 2,
			greedy: false,
			networkSeeds: [1],
			explorationSeed: 1,
			decision: 0,
			sharedExplorationNoise: false,
		}),
		call: (options) => ganno.sampleActions(new Float32Array(2), options, new Uint8Array(1)),
		open: ['networkSeeds.0'],
	},
	sampleContinuousActions: {
		options: () => ({
			networks: 1,
			agents: 1,
			greedy: false,
			networkSeeds: [1],
			explorationSeed: 1,
			decision: 0,
			sharedExplorationNoise: false,
		}),
		call: (options) => ganno.sampleContinuousActions(new Float32Array(2), options, new Float32Array(1)),
		open: ['networkSeeds.0'],
	},
	createPolicyInference: {
		options: () => ({ ...snapshot.spec }),
		call: (given) => ganno.createPolicyInference({ ...snapshot, spec: given }),
		open: ['observation', 'action'],
	},
	createLearner: {
		options: () => ({
			spec: { ...snapshot.spec },
			seed: 1,
			iterations: 1,
			ppo: { ...DEFAULT_PPO_SETTINGS },
			backend: 'cpu',
		}),
		call: async (options) => (await ganno.createLearner(options)).dispose(),
	},
	evaluatePolicy: {
		options: () => ({
			config,
			dataset,
			policy: compounding,
			executor: executor(),
			controllers: { mine: { type: 'schedule', name: 'cosine', options: { minimum: 0.5 } } },
			kinds: 0,
			signal,
			onProgress: nothing,
		}),
		call: (options) => ganno.evaluatePolicy(options),
		whole: ['config', 'dataset', 'policy', 'executor', 'signal'],
		open: ['config', 'dataset', 'executor'],
	},
	evaluateOnHeldOutTasks: {
		options: () => ({ config, dataset, executor: executor(), controller: compounding, tasks: 1, signal }),
		call: (options) => ganno.evaluateOnHeldOutTasks(options),
		whole: ['config', 'dataset', 'controller', 'executor', 'signal'],
		open: ['config', 'dataset', 'executor'],
	},
	learningCheck: {
		options: () => ({
			config,
			dataset,
			initial: compounding,
			final: compounding,
			executor: executor(),
			tasks: 2,
			signal,
		}),
		call: (options) => ganno.learningCheck(options),
		whole: ['config', 'dataset', 'initial', 'final', 'executor', 'signal'],
		open: ['config', 'dataset', 'executor'],
	},
	tuneBaseline: {
		options: () => ({ config, dataset, executor: executor(), signal, onTrial: nothing }),
		call: (options) => ganno.tuneBaseline(options),
		whole: ['config', 'dataset', 'executor', 'signal'],
		open: ['config', 'dataset', 'executor'],
	},
	architectureNetwork: {
		options: () => ({ input: [8, 8, 1], classes: 2, dropout: 'none' }),
		call: (options) => ganno.architectureNetwork([{ type: 'softmax' }], options),
	},
	countStates: {
		options: () => ({ ...structuredClone(PAPER_LIMITS), maximumDepth: 1, imageSize: 8 }),
		call: (space) => countStates(space),
	},
	countArchitectures: {
		options: () => ({ ...structuredClone(PAPER_LIMITS), maximumDepth: 1, imageSize: 8 }),
		call: (space) => countArchitectures(space),
	},
	runSearch: {
		options: () => ({
			space: { ...structuredClone(PAPER_LIMITS), maximumDepth: 1, imageSize: 8 },
			settings: {
				learningRate: 0.1,
				discount: 1,
				initialValue: 0.5,
				seed: 1,
				strategy: 'random',
				epsilons: [[1, 1]],
				replaySamples: 0,
				parallel: 1,
				maximumRepeats: 3,
			},
			log: { entries: [], append: nothing },
			train: async () => ({ accuracy: 0.5, training: {} }),
			onModel: nothing,
		}),
		call: (options) => ganno.runSearch(options),
		whole: ['log'],
		open: ['log'],
	},
};

const coarsePolicy = randomSnapshot(policySpec({ hiddenUnits: 4, action: 'coarse' }));
const compounding = snapshot;
let folder = '';

beforeAll(async () => {
	const { mkdtempSync } = await import('node:fs');
	const { tmpdir } = await import('node:os');
	folder = mkdtempSync(`${tmpdir()}/ganno-options-`);
	await tf.setBackend('cpu');
});

const isObject = (value: unknown): value is Tree =>
	typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !(value instanceof AbortSignal);

/** Paths of all objects of options in a tree, the tree itself included, and of all values in them. */
function paths(tree: Tree, whole: readonly string[]): { objects: string[][]; values: string[][] } {
	const objects: string[][] = [];
	const values: string[][] = [];
	const walk = (value: unknown, path: string[]): void => {
		if (path.length > 0) values.push(path);
		if (!isObject(value) || whole.includes(path.join('.'))) return;
		if (!Array.isArray(value)) objects.push(path);
		for (const key of Object.keys(value)) walk(value[key], [...path, key]);
	};
	walk(tree, []);
	return { objects, values };
}

/** The tree with something else at a path. Functions and what is whole stay the same things. */
function changed(tree: Tree, path: readonly string[], value: unknown): Tree {
	let at: Tree = tree;
	for (const key of path.slice(0, -1)) at = at[key] as Tree;
	at[path.at(-1)!] = value;
	return tree;
}

async function refusal(call: () => unknown): Promise<unknown> {
	try {
		await call();
		return undefined;
	} catch (error) {
		return error;
	}
}

/** `options` of a call itself, or wrapped where a call takes several objects: those have no keys of their own to check. */
const WRAPPED = /^(layers of layerStatistics|LayerwiseController\.start|NetworkPopulation\.train(Async)?)$/;

describe.each(Object.keys(CALLS))('%s', (name) => {
	const { options, call, whole = [], open: any = [] } = CALLS[name]!;

	it('takes all of its options', async () => {
		expect(await refusal(() => call(options() as never))).toBeUndefined();
	});

	it('refuses an unknown option at every depth', async () => {
		const { objects } = paths(options(), whole);
		for (const path of objects) {
			if (path.length === 0 && WRAPPED.test(name)) continue;
			const error = await refusal(() => call(changed(options(), [...path, 'typo'], 1) as never));
			const where = `${name}: ${path.join('.')}`;
			expect(error, where).toBeInstanceOf(ganno.GannoError);
			expect(error, where).toMatchObject({ code: 'INVALID_ARGUMENT' });
			expect((error as Error).message, where).toMatch(
				/Unknown option .*\btypo; known ones are|\btypo (does not apply|means nothing)|a key of baselineLearningRate|controllers\["typo"\]/,
			);
		}
	});

	it('refuses a value that is none', async () => {
		const { values } = paths(options(), whole);
		for (const path of values) {
			const where = path.join('.');
			if (any.includes(where)) continue;
			for (const wrong of [Symbol('none'), { none: true }]) {
				const error = await refusal(() => call(changed(options(), path, wrong) as never));
				expect(error, `${name}: ${where} = ${typeof wrong}`).toBeInstanceOf(ganno.GannoError);
				expect(error, where).toMatchObject({ code: 'INVALID_ARGUMENT' });
			}
		}
	});
});

it.each<[string, () => unknown, string]>([
	[
		'an environment',
		() => new ganno.TrainingEnvironment({ task: task(), dataset, agents: 'one' } as never),
		'Unknown option agents: it is called granularity now',
	],
	[
		'a policy',
		() => new ganno.PolicyController({ ...snapshot, spec: { ...snapshot.spec, agents: 'one' } } as never),
		'Unknown option policy.spec.agents: it is called granularity now',
	],
	[
		'a distribution of tasks',
		() => ganno.sampleTasks({ ends: dataset } as never, 1, 0, 1),
		'Unknown option distribution.ends: it is called dataset now',
	],
	[
		'a controller',
		() =>
			ganno.runEpisode({
				environment: environment(),
				controller: { name: 'old', reset: nothing, decide: nothing, memory: rates, remember: nothing } as never,
			}),
		'memory() and remember() of controller are called state() and restore(state) now; rename them',
	],
])('%s of 0.1 is refused with the name that its key has now', (_what, use, message) => {
	expect(use).toThrow(message);
	expect(use).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
