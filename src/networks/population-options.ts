import { types } from 'node:util';
import type { NativePopulationOptions } from '../../binding.d.ts';
import { checkInteger, checkKeys, checkOneOf, invalidArgument, isArrayOf, keysOf } from '../arguments.js';
import { counted } from '../counted.js';
import type { Dataset } from '../datasets/dataset.js';
import { requireCudaDevice, usableMemory } from '../device-list.js';
import { GannoError } from '../errors.js';
import { ALGORITHMS, type OptimizerSpec } from '../optimizer/algorithms.js';
import {
	checkAlgorithm,
	checkOptimizerSpec,
	checkThreads,
	resolveHyperparameters,
} from '../optimizer/optimizer-options.js';
import { encodeOperations } from './encode.js';
import { type PopulationResources, PRECISIONS, RESOURCE_KEYS } from './population-resources.js';
import { inferShapes, type NetworkShapes } from './shapes.js';
import type { NetworkSpec } from './spec.js';

/** What a {@link NetworkPopulation} is made from, and the checks of it. */

/** Networks a population may have at most. */
export const MAXIMUM_NETWORKS = 2 ** 20;
/** Images of the validation subset, unless said otherwise. */
export const DEFAULT_VALIDATION_SIZE = 512;

export interface NetworkPopulationOptions extends PopulationResources {
	/** What every network of the population is made of. */
	readonly spec: NetworkSpec;
	/** Networks trained side by side. */
	readonly networks: number;
	/** Images of one optimiser step; the ragged tail of an epoch is dropped. */
	readonly batchSize: number;
	readonly optimizer: OptimizerSpec;
	/** Bound once; its arrays must lie over SharedArrayBuffers. */
	readonly dataset: Dataset;
	/** `[networks]`: initial weights, slice, batch order and dropout of each network follow from its seed alone. */
	readonly seeds: Uint32Array;
	/** Each network trains on this many images of the training split, chosen by its seed; default all. At least `batchSize`. */
	readonly sliceSize?: number | undefined;
	/** Images of the validation split that `train` judges every network on, the same for all; default 512 or all there are. */
	readonly validationSize?: number | undefined;
	/** Instruction-set tier, for tests; default the best one (`GANNO_CPU_TIER`). */
	readonly tier?: 'baseline' | 'avx2' | 'avx512' | undefined;
}

const OPTION_NAMES = [
	...keysOf<Omit<NetworkPopulationOptions, keyof PopulationResources>>({
		spec: true,
		networks: true,
		batchSize: true,
		optimizer: true,
		dataset: true,
		seeds: true,
		sliceSize: true,
		validationSize: true,
		tier: true,
	}),
	...RESOURCE_KEYS,
];

export interface ResolvedPopulation {
	readonly shapes: NetworkShapes;
	readonly native: NativePopulationOptions;
}

function isShared(view: ArrayBufferView): boolean {
	return types.isSharedArrayBuffer(view.buffer);
}

function checkSharedArray<T extends ArrayBufferView>(
	value: unknown,
	name: string,
	type: { readonly name: string; readonly prototype: T },
): T {
	if (!isArrayOf(value, type)) throw invalidArgument(`a ${type.name} over a SharedArrayBuffer`, name, value);
	if (!isShared(value)) {
		throw invalidArgument(
			`a ${type.name} over a SharedArrayBuffer`,
			name,
			value,
			'A plain ArrayBuffer could be detached while native code reads it; copy it once into a shared one.',
		);
	}
	return value;
}

function checkDataset(dataset: Dataset, spec: NetworkSpec, shapes: NetworkShapes): void {
	if (typeof dataset !== 'object' || dataset === null) throw invalidArgument('a Dataset', 'dataset', dataset);
	checkSharedArray(dataset.images, 'dataset.images', Uint8Array);
	checkSharedArray(dataset.labels, 'dataset.labels', Uint8Array);
	const { shape, classes } = dataset;
	if (!Array.isArray(shape) || shape.length !== 3) {
		throw invalidArgument('[height, width, channels]', 'dataset.shape', shape);
	}
	for (const i of [0, 1, 2]) checkInteger(shape[i], `dataset.shape[${i}]`, 1);
	if (typeof dataset.name !== 'string') throw invalidArgument('a string', 'dataset.name', dataset.name);
	if (shape.some((edge, i) => edge !== spec.input[i])) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The network takes ${spec.input.join('×')} images, but those of ${dataset.name} are ${shape.join('×')}; set spec.input to the data set's shape`,
		);
	}
	checkInteger(classes, 'dataset.classes', 1, 256);
	const units = shapes.outputs.at(-1)?.[2] ?? 0;
	if (units !== classes) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The last layer has ${counted(units, 'unit')}, but ${dataset.name} has ${counted(classes, 'class', 'classes')}; they must be the same`,
		);
	}
	const pixels = shape[0] * shape[1] * shape[2];
	if (dataset.images.length !== dataset.labels.length * pixels) {
		throw invalidArgument(
			`a Uint8Array of length ${dataset.labels.length * pixels} (labels × ${pixels})`,
			'dataset.images',
			dataset.images,
		);
	}
	for (const [index, label] of dataset.labels.entries()) {
		if (label >= classes) throw invalidArgument(`a label below ${classes}`, `dataset.labels[${index}]`, label);
	}
	if (typeof dataset.splits !== 'object' || dataset.splits === null) {
		throw invalidArgument('the three splits', 'dataset.splits', dataset.splits);
	}
	for (const split of ['train', 'validation', 'test'] as const) {
		const name = `dataset.splits.${split}`;
		const indices = checkSharedArray(dataset.splits[split], name, Uint32Array);
		if (indices.length === 0 && split !== 'test') throw invalidArgument('at least one image', name, indices);
		const beyond = indices.findIndex((index) => index >= dataset.labels.length);
		if (beyond >= 0) {
			throw invalidArgument(`an index below ${dataset.labels.length}`, `${name}[${beyond}]`, indices[beyond]);
		}
	}
	for (const key of ['mean', 'standardDeviation'] as const) {
		const values: unknown = dataset[key];
		if (!Array.isArray(values) || values.length !== shape[2] || !Array.from(values).every(Number.isFinite)) {
			throw invalidArgument(`${counted(shape[2], 'finite number')} (channels)`, `dataset.${key}`, values);
		}
	}
	for (const [channel, value] of dataset.standardDeviation.entries()) {
		if (!(value > 0)) throw invalidArgument('a number above 0', `dataset.standardDeviation[${channel}]`, value);
	}
}

/** @returns the number of a CUDA device; undefined: the CPU */
function checkDevice(device: unknown = 'auto'): number | undefined {
	if (typeof device !== 'string' || !/^cuda:\d{1,3}$/.test(device)) {
		checkOneOf(device, 'device', ['auto', 'cpu', 'cuda:0']);
		if (device !== 'cuda:0') return undefined;
	}
	requireCudaDevice(device as string);
	return Number((device as string).slice('cuda:'.length));
}

/** @throws GannoError `INVALID_ARGUMENT`, also for 'tf32' on the CPU, which has no such arithmetic */
function checkPrecision(precision: unknown = 'float32', device: number | undefined): number {
	const checked = checkOneOf(precision, 'precision', PRECISIONS);
	if (checked === 'tf32' && device === undefined) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			"The precision 'tf32' needs tensor cores, but the CPU computes in float32: use device 'cuda:0', or leave precision out",
		);
	}
	return PRECISIONS.indexOf(checked);
}

export function checkSeeds(seeds: unknown, networks: number): Uint32Array {
	if (!types.isUint32Array(seeds) || seeds.length !== networks) {
		throw invalidArgument(`a Uint32Array of length ${networks} (networks)`, 'seeds', seeds);
	}
	return seeds;
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function resolvePopulation(options: NetworkPopulationOptions): ResolvedPopulation {
	checkKeys(options, 'options', OPTION_NAMES);
	const { spec, dataset, optimizer } = options;
	const shapes = inferShapes(spec);
	checkDataset(dataset, spec, shapes);
	const networks = checkInteger(options.networks, 'networks', 1, MAXIMUM_NETWORKS);
	const batchSize = checkInteger(options.batchSize, 'batchSize', 1, 2 ** 16);
	for (const { layer, to } of shapes.operations) {
		if (layer.type === 'batch-norm' && batchSize * to[0] * to[1] < 2) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'A batch norm of single values has no variance: with a batchSize of 1 every normalised layer needs more than one pixel',
			);
		}
	}
	checkOptimizerSpec(optimizer, 'optimizer');
	const algorithm = checkAlgorithm(optimizer.algorithm);
	const hyperparameters = resolveHyperparameters(algorithm, optimizer.hyperparameters);
	const device = checkDevice(options.device);
	const precision = checkPrecision(options.precision, device);
	if (options.tier !== undefined) checkOneOf(options.tier, 'tier', ['baseline', 'avx2', 'avx512']);
	const { train, validation, test } = dataset.splits;
	const sliceSize = options.sliceSize ?? train.length;
	checkInteger(sliceSize, 'sliceSize', 1, train.length);
	if (batchSize > sliceSize) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`A batch of ${counted(batchSize, 'image')} cannot be drawn from ${sliceSize}; use a smaller batchSize or a larger sliceSize`,
		);
	}
	const validationSize = options.validationSize ?? Math.min(DEFAULT_VALIDATION_SIZE, validation.length);
	checkInteger(validationSize, 'validationSize', 1, validation.length);
	const threads = checkThreads(options.threads);
	const cancellation =
		options.cancellation === undefined ? undefined : checkSharedArray(options.cancellation, 'cancellation', Int32Array);
	if (cancellation?.length === 0) throw invalidArgument('at least one element', 'cancellation', cancellation);
	return {
		shapes,
		native: {
			input: Float64Array.from(spec.input),
			layers: encodeOperations(shapes.operations),
			networks,
			batchSize,
			algorithm: ALGORITHMS.indexOf(algorithm),
			hyperparameters,
			seeds: checkSeeds(options.seeds, networks),
			device,
			precision,
			tier: options.tier,
			threads,
			images: dataset.images,
			labels: dataset.labels,
			train,
			validation,
			test,
			sliceSize,
			validationSize,
			mean: Float64Array.from(dataset.mean),
			standardDeviation: Float64Array.from(dataset.standardDeviation),
			memoryLimit: usableMemory(),
			cancellation,
		},
	};
}
