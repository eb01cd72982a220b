import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as ganno from 'ganno';
import { ALGORITHMS, LAYERWISE_ALGORITHMS } from '#ganno/optimizer/algorithms.js';
import type * as Binding from '../../binding.d.ts';
import { LyingBytes, number, spoil, typedArray } from './values.js';
import type { World } from './world.js';

/** What is called: every export of the addon and of the package, with arguments that are right but for one or two, or all wrong. */

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..', '..');
export const binding = require(
	process.env.GANNO_BINDING ?? join(root, 'build', 'Release', 'ganno.node'),
) as typeof Binding;

type Constructor = new (...given: unknown[]) => object;

/** Mostly one spoilt value, at times none, at times two. */
function maybeSpoil<T extends object>(world: World, tree: T): T {
	for (let damages = world.random.pick([0, 1, 1, 1, 2]); damages > 0; damages--) {
		spoil(world.random, world.mischief, tree);
	}
	return tree;
}

/** With `new`, at times without; with all arguments wrong at times. */
function construct(world: World, face: 'public' | 'addon', Class: unknown, options: () => unknown): object | undefined {
	const { random } = world;
	const given = random.oneIn(10) ? world.list(random.below(3)) : [options()];
	const made = world.attempt(face, () =>
		random.oneIn(15)
			? (Reflect.apply(Class as () => object, undefined, given) as object)
			: new (Class as Constructor)(...given),
	);
	return world.keep(made);
}

/** An array that mischief may take away, now and then in resizable or shared memory. */
function array(world: World, length: number): Float32Array {
	const { random } = world;
	const view = random.oneIn(3)
		? (typedArray(random, Float32Array as never, length) as Float32Array)
		: Float32Array.from({ length }, () => (random.oneIn(10) ? number(random) : random.below(100) / 50 - 1));
	return world.offer(view);
}

function floats(world: World, length: number): Float32Array {
	const { random } = world;
	return random.oneIn(8)
		? (typedArray(random, Float32Array as never, length) as Float32Array)
		: new Float32Array(length);
}

const SIZES = [0, 1, 3, 17, 40];

function plan(world: World): void {
	const { random } = world;
	const sizes = Array.from({ length: random.below(4) }, () => random.pick(SIZES));
	if (random.oneIn(60)) sizes.push(120_000); // enough for threads
	const layers = sizes.length;
	const options = () => ({
		algorithm: random.below(9),
		nonFinite: random.below(4),
		threads: random.pick([1, 1, 2, 3]),
		flushDenormals: random.oneIn(2),
		tier: random.pick([undefined, 'baseline', 'avx2', 'avx512']),
		hyperparameters: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, rho: 0.9, trustCoefficient: 0.01 },
		clip: { layerNorm: random.below(2), globalNorm: random.below(2) },
		adapt: new Uint8Array(layers).fill(1),
		decays: Uint8Array.from({ length: layers }, () => random.below(2)),
		parameters: sizes.map((size) => array(world, size)),
		gradients: sizes.map((size) => array(world, size)),
		arraysPerLayer: new Uint32Array(layers).fill(1),
	});
	const handle = construct(world, 'addon', binding.LayerwisePlan, () => maybeSpoil(world, options()));
	world.withdrawVictims();
	if (handle === undefined) return;
	const scale = () => (random.oneIn(4) ? number(random) : 1);
	const control = () => random.pick([0.1, number(random), undefined, floats(world, layers)]);
	const calls = [
		() => [control(), 0, 0.9, floats(world, 14 * layers), scale()],
		() => [control(), control(), control(), undefined, scale()],
		() => [random.below(5), random.below(3), floats(world, random.pick(SIZES))],
		() => [new Float64Array(layers).fill(random.oneIn(3) ? number(random) : 2)],
	];
	for (let i = 0; i < 16; i++) world.callMethod(handle, 'addon', calls);
}

function optimizer(world: World): void {
	const { random } = world;
	const device = random.pick(['cpu', 'cpu', 'auto', 'reference']);
	const layer = (name: string) => {
		const sizes = Array.from({ length: random.below(3) + 1 }, () => random.pick(SIZES));
		const single = sizes.length === 1;
		const parameters = sizes.map((size) => array(world, size));
		const gradients = sizes.map((size) => array(world, size));
		return {
			name,
			parameters: single ? parameters[0] : parameters,
			gradients: single ? gradients[0] : gradients,
			weightDecay: random.oneIn(2) ? random.oneIn(2) : sizes.map(() => random.oneIn(2)),
			adapt: random.oneIn(2),
		};
	};
	const layers = Array.from({ length: random.below(3) + 1 }, (_, i) => layer(`layer ${i}`));
	const algorithm = random.pick(LAYERWISE_ALGORITHMS);
	const options = () => ({
		algorithm,
		layers,
		hyperparameters: { weightDecay: 0.1 },
		nonFinite: random.pick(['skip-element', 'skip-layer', 'skip-network', 'propagate']),
		clip: random.pick([{}, { layerNorm: 1 }, { globalNorm: 1 }, { layerNorm: 1, globalNorm: 2 }]),
		device,
		denormals: random.pick(['keep', 'flush']),
		threads: random.pick([1, 2]),
	});
	const handle = construct(world, 'public', ganno.LayerwiseOptimizer, () => maybeSpoil(world, options())) as
		| ganno.LayerwiseOptimizer
		| undefined;
	const plain = world.keep(
		world.attempt(
			'public',
			() => new ganno.LayerwiseOptimizer({ ...options(), clip: {} } as ganno.LayerwiseOptimizerOptions),
		),
	);
	for (const made of [handle, plain]) {
		if (made === undefined) continue;
		const count = layers.length;
		const getter = {
			get learningRates(): number {
				world.mischief();
				return 0.1;
			},
		};
		const controls = () => random.pick([0.1, new Float32Array(count).fill(0.1), getter, world.anything()]);
		const calls = [
			() => [controls()],
			() => [controls(), floats(world, 14 * count)],
			() => [controls(), floats(world, 14 * count), { inverseScale: random.oneIn(2) ? 0.5 : world.anything() }],
			() => [{ learningRates: controls(), weightDecays: controls(), momenta: controls() }, floats(world, 14 * count)],
			() => [world.attempt('public', () => made.state())],
			() => [maybeSpoil(world, { ...world.attempt('public', () => made.state()) })],
		];
		for (let i = 0; i < 12; i++) {
			if (world.callMethod(made, 'public', calls) instanceof Promise) world.quiet = true; // its arrays are being read
		}
	}
}

const dataset = ganno.syntheticDataset({ shape: [6, 6, 1], classes: 3, size: 60 });
/** The same memory in objects that may be spoilt. */
const freshDataset = () => ({
	...dataset,
	shape: [...dataset.shape],
	splits: { ...dataset.splits },
	mean: [...dataset.mean],
	standardDeviation: [...dataset.standardDeviation],
});
const networks: readonly (() => unknown)[] = [
	() => ({
		input: [6, 6, 1],
		layers: [
			{ type: 'conv', filters: 2, kernelSize: 3 },
			{ type: 'dense', units: 3 },
		],
	}),
	() => ({
		input: [6, 6, 1],
		layers: [
			{ type: 'dense', units: 5, activation: 'tanh' },
			{ type: 'dropout', rate: 0.5 },
			{ type: 'dense', units: 3 },
		],
	}),
	() => ({
		input: [6, 6, 1],
		layers: [
			{ type: 'max-pool', size: 2 },
			{ type: 'dense', units: 3 },
		],
	}),
];

function populationCalls(world: World, weights: number, parameters: number): (() => readonly unknown[])[] {
	const { random } = world;
	const out = () => ({
		statistics: floats(world, 2 * weights * 16),
		trainingLoss: floats(world, 4),
		validation: floats(world, 6),
	});
	const rates = () => new Float32Array(2 * weights).fill(random.oneIn(4) ? Math.abs(number(random)) : 0.1);
	return [
		() => [2, random.pick([0.1, rates(), world.anything()]), out()],
		() => [
			2,
			{ learningRates: rates(), momenta: world.anything() },
			maybeSpoil(world, out()),
			{ baseSchedule: floats(world, 2) },
		],
		() => [random.pick(['train', 'validation', 'test']), floats(world, 4)],
		() => [random.below(3), random.below(3)],
		() => [
			random.below(3),
			Uint32Array.from({ length: random.below(5) }, () => random.below(70)),
			floats(world, parameters),
		],
		() => [random.below(3), floats(world, parameters)],
		() => [Uint32Array.of(1, 2)],
		// As the addon takes them.
		() => {
			const { statistics, trainingLoss, validation } = out();
			return [2, rates(), undefined, undefined, statistics, trainingLoss, validation, undefined];
		},
		() => [random.below(3), floats(world, 4)],
		() => [new Uint8Array(2)],
	];
}

function population(world: World): void {
	const { random } = world;
	const options = () => ({
		spec: random.pick(networks)(),
		networks: 2,
		batchSize: 4,
		optimizer: { algorithm: random.pick(ALGORITHMS), hyperparameters: {} },
		dataset: freshDataset(),
		seeds: Uint32Array.of(1, 2),
		threads: random.pick([1, 2]),
	});
	const made = construct(world, 'public', ganno.NetworkPopulation, () => maybeSpoil(world, options())) as
		| ganno.NetworkPopulation
		| undefined;
	if (made === undefined) return;
	const calls = populationCalls(world, made.layers?.length ?? 2, made.parameterCount ?? 10);
	for (let i = 0; i < 12; i++) world.callMethod(made, 'public', calls);
}

function nativePopulation(world: World): void {
	const { random } = world;
	const options = () => ({
		input: Float64Array.of(6, 6, 1),
		// dense 4 relu, dense 3; convolution 3x3 of 2, dense 3: as src/networks/encode.ts writes them
		layers: random.pick([
			Float64Array.of(0, 4, 0, 1, 0, 1, 0, 0, 0, -1, -1, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0, -1),
			Float64Array.of(1, 2, 3, 1, 1, 1, 0, 0, 0, -1, -1, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0, -1),
			Float64Array.from({ length: 22 }, () => random.below(6)),
		]),
		networks: 2,
		batchSize: 4,
		algorithm: random.below(6),
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, momentum: 0.9, rho: 0.99, weightDecay: 0 },
		seeds: Uint32Array.of(1, 2),
		tier: random.pick([undefined, 'baseline', 'avx2', 'avx512']),
		threads: random.pick([1, 2]),
		images: random.oneIn(12) ? LyingBytes.from(dataset.images) : dataset.images,
		labels: dataset.labels,
		train: dataset.splits.train,
		validation: dataset.splits.validation,
		test: dataset.splits.test,
		sliceSize: 20,
		validationSize: 8,
		mean: Float64Array.of(0.5),
		standardDeviation: Float64Array.of(0.2),
		memoryLimit: 1e8,
		cancellation: new Int32Array(new SharedArrayBuffer(4)),
	});
	const made = construct(world, 'addon', binding.NativePopulation, () => maybeSpoil(world, options()));
	if (made === undefined) return;
	const calls = populationCalls(world, 2, random.pick([18 + 3, 163, 241, 40]));
	for (let i = 0; i < 12; i++) world.callMethod(made, 'addon', calls);
}

/** Every function and class there is; those that would start threads or measure for seconds only with arguments that are wrong. */
const SLOW = new Set(['openExecutor', 'createLearner', 'metaTrain']);

function exported(world: World): void {
	const { random } = world;
	const fromAddon = random.oneIn(3);
	const names: readonly (readonly [string, unknown])[] = fromAddon
		? Object.entries(binding)
		: Object.entries(ganno).filter(([name]) => !SLOW.has(name));
	for (let i = 0; i < 12; i++) {
		const [name, value] = random.pick(names);
		if (typeof value !== 'function') continue;
		const face = fromAddon ? 'addon' : 'public';
		const given = world.list(random.below(5));
		if (name === 'measureFmaPeak') given.splice(1, 1, 1e-3); // of the emulated addon: milliseconds
		if (name === 'randomBlocks' && random.oneIn(2))
			given.splice(0, 5, 1, 2, number(random), number(random), world.anything());
		const made = world.attempt(face, () =>
			random.oneIn(3)
				? new (value as unknown as Constructor)(...given)
				: (Reflect.apply(value, random.oneIn(4) ? world.anything() : undefined, given) as unknown),
		);
		if (typeof made !== 'object' || made === null || made instanceof Promise) continue;
		world.keep(made as object);
		if (Object.getPrototypeOf(made) !== Object.prototype && !Array.isArray(made)) world.callMethod(made, 'addon');
	}
}

function environment(world: World): void {
	const { random } = world;
	const task = () => ({
		index: 0,
		spec: {
			input: [6, 6, 1],
			layers: [
				{ type: 'dense', units: 4 },
				{ type: 'dense', units: 3 },
			],
		},
		optimizer: { algorithm: 'adam', hyperparameters: {} },
		batchSize: 4,
		horizon: 4,
		interval: 2,
		networks: [{ seed: 1, learningRate: 0.01, layerMultipliers: [1, 2] }],
	});
	const options = () => ({
		task: task(),
		dataset: freshDataset(),
		action: 'compounding',
		reward: 'log-improvement',
		granularity: 'layer',
		threads: 1,
	});
	const made = construct(world, 'public', ganno.TrainingEnvironment, () => maybeSpoil(world, options()));
	if (made === undefined) return;
	const calls = [
		() => [],
		() => [new Uint8Array(2).fill(random.below(11))],
		() => [new Float32Array(2).fill(0.1), world.anything()],
		() => [maybeSpoil(world, task())],
	];
	for (let i = 0; i < 8; i++) world.callMethod(made, 'public', calls);
}

/** How often each is drawn. */
export const SCENARIOS: readonly (readonly [weight: number, run: (world: World) => void])[] = [
	[40, plan],
	[34, optimizer],
	[8, nativePopulation],
	[8, population],
	[9, exported],
	[1, environment],
];
