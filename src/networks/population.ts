import { types } from 'node:util';
import type { NativePopulation, NativePopulationOptions } from '../../binding.d.ts';
import { checkFloat32Array, checkInteger, checkOneOf, invalidArgument } from '../arguments.js';
import { callNative, fromNative, GannoError } from '../errors.js';
import { native } from '../native.js';
import {
	checkAllFinite,
	checkRunningStatistics,
	type PopulationControls,
	type PopulationOutput,
	type TrainOptions,
	trainArguments,
} from './population-arguments.js';
import { checkSeeds, type NetworkPopulationOptions, resolvePopulation } from './population-options.js';
import type { TrainableLayer } from './spec.js';

/** Stands in every output where a loss is not a finite number: outputs never hold NaN. The accuracy beside it is 0. */
export const DIVERGED_LOSS = 1e6;

const SPLITS = ['train', 'validation', 'test'] as const;

/**
 * Child networks of one specification, trained side by side in native code: each on its own batches, with one learning rate per layer,
 * and every layer's statistics out of the same pass. One call trains all networks for many steps; nothing is allocated per step.
 *
 * What a network does follows from its seed: not from its neighbours, the number of threads, or (with AVX2 or AVX-512) the
 * instruction set. A CUDA device gives the same bits, but for large convolutions (docs/numerics.md). An epoch is a fresh permutation of the
 * network's images; the last images that fill no batch are left out of it.
 *
 * A network whose loss or parameters stop being finite has diverged: it takes no more steps until `reset`, `restore` or `fork` gives it
 * another state, its losses read {@link DIVERGED_LOSS}, its accuracy 0, and its statistics cover the steps it took.
 */
export class NetworkPopulation {
	readonly networks: number;
	readonly batchSize: number;
	/** The layers with weights, in order: one learning rate each. */
	readonly layers: readonly TrainableLayer[];
	/** Elements of one network's parameters. */
	readonly parameterCount: number;
	/** Elements of one network's running statistics: two a channel that a batch norm normalises; 0 without batch norm. */
	readonly runningStatisticsCount: number;
	/** Elements of what {@link validationLogits} gives: validation images × classes. */
	readonly validationLogitCount: number;
	/** Images `lossAndGradient` takes at most. */
	readonly maximumBatch: number;
	readonly #native: NativePopulation;
	readonly #images: number;
	readonly #uniform: Float32Array;
	#disposed = false;

	/**
	 * @param open makes what computes; default the addon's. `ganno/tfjs` has another one
	 * @throws GannoError `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `NATIVE_NOT_FOUND`; `CUDA_UNAVAILABLE` for a device that is not there, and
	 * from then on, after an `INTERNAL`, at any call of a population whose device failed
	 */
	constructor(
		options: NetworkPopulationOptions,
		open: (resolved: NativePopulationOptions) => NativePopulation = (resolved) =>
			new (native().NativePopulation)(resolved),
	) {
		const { shapes, native: resolved } = resolvePopulation(options);
		this.networks = resolved.networks;
		this.batchSize = resolved.batchSize;
		this.layers = shapes.layers;
		this.parameterCount = shapes.parameterCount;
		this.runningStatisticsCount = 2 * shapes.normalizedChannels;
		this.maximumBatch = Math.max(resolved.batchSize, 64);
		this.validationLogitCount = resolved.validationSize * (shapes.outputs.at(-1)?.[2] as number);
		this.#images = resolved.labels.length;
		this.#uniform = new Float32Array(this.networks * this.layers.length);
		this.#native = callNative(() => open(resolved));
	}

	/** Native memory held, that of a CUDA device included, in bytes; 0 after dispose. A data set that a card's populations share counts in each. */
	get bytes(): number {
		return this.#native.bytes();
	}

	/**
	 * `steps` optimiser steps of every network, then validation when `out.validation` is there.
	 * @param controls a learning rate for all, or one per network and layer (`[networks × layers]`), or those and other controls
	 * @param out written
	 * @throws GannoError `INVALID_ARGUMENT`, `DISPOSED`; `CANCELLED`: networks have then taken different numbers of steps, and `out` is
	 * incomplete
	 */
	train(
		steps: number,
		controls: number | Float32Array | PopulationControls,
		out: PopulationOutput,
		options: TrainOptions = {},
	): void {
		const args = this.#trainArguments(steps, controls, out, options);
		checkFinished(callNative(() => this.#native.train(...args)));
	}

	/**
	 * As {@link train}, on another thread. Controls are copied at once; `out` is written just before the promise resolves. No other call
	 * is allowed meanwhile, except `dispose`.
	 */
	async trainAsync(
		steps: number,
		controls: number | Float32Array | PopulationControls,
		out: PopulationOutput,
		options: TrainOptions = {},
	): Promise<void> {
		const args = this.#trainArguments(steps, controls, out, options);
		try {
			checkFinished(await this.#native.trainAsync(...args));
		} catch (error) {
			throw fromNative(error);
		}
	}

	/**
	 * The statistics-only pass: `batches` batches, drawn from a random stream of their own, give the statistics and losses that one step
	 * on each would have. Changes no parameter, moment, running statistic or counter; validation starts the comparison of logits.
	 */
	probe(batches: number, controls: number | Float32Array | PopulationControls, out: PopulationOutput): void {
		const args = this.#trainArguments(batches, controls, out, {});
		checkFinished(callNative(() => this.#native.probe(...args)));
	}

	/**
	 * Loss and accuracy on a whole split; `train` is each network's own slice. Dropout is off, batch norms use their running statistics;
	 * so it is for the validation of {@link train}.
	 * @param out `[networks × 2]`: mean loss, accuracy; written
	 */
	evaluate(split: 'train' | 'validation' | 'test', out: Float32Array): void {
		this.#checkOpen();
		checkOneOf(split, 'split', SPLITS);
		checkFloat32Array(out, 'out', this.networks * 2, 'networks × 2');
		checkFinished(callNative(() => this.#native.evaluate(SPLITS.indexOf(split), out)));
	}

	/** Keeps a copy of a network's whole state: parameters, moments, running statistics, counters and with them its random streams. */
	save(network: number): void {
		this.#checkNetwork(network, 'network');
		callNative(() => this.#native.save(network));
	}

	/**
	 * Brings back what was saved last, any number of times.
	 * @throws GannoError `INVALID_ARGUMENT` when nothing was saved since the last reset
	 */
	restore(network: number): void {
		this.#checkNetwork(network, 'network');
		if (!callNative(() => this.#native.restore(network))) {
			throw new GannoError('INVALID_ARGUMENT', `Nothing was saved of network ${network}; call save(${network}) first`);
		}
	}

	/** Makes network `to` an exact copy of network `from`, seed and random streams included. */
	fork(from: number, to: number): void {
		this.#checkNetwork(from, 'from');
		this.#checkNetwork(to, 'to');
		callNative(() => this.#native.fork(from, to));
	}

	/**
	 * A compact copy of a network's parameters, `[parameterCount]`: layer by layer, weights (tfjs layouts), then bias; of a layer that a
	 * batch norm follows, weights, the batch norm's scale, its shift.
	 */
	parameters(network: number): Float32Array {
		this.#checkNetwork(network, 'network');
		const out = new Float32Array(this.parameterCount);
		callNative(() => this.#native.parameters(network, out));
		return out;
	}

	/** Replaces a network's parameters; moments, running statistics and counters stay. @param values as {@link parameters} gives them; all finite */
	setParameters(network: number, values: Float32Array): void {
		this.#checkNetwork(network, 'network');
		checkFloat32Array(values, 'values', this.parameterCount, 'parameterCount');
		checkAllFinite(values);
		callNative(() => this.#native.setParameters(network, values));
	}

	/**
	 * A copy of what batch norms evaluate a network with, `[runningStatisticsCount]`: norm by norm, in the order of {@link layers}, running
	 * means, then running variances (unbiased). They start at 0 and 1, and every training step, but no probe, takes its batch's up.
	 */
	runningStatistics(network: number): Float32Array {
		this.#checkNetwork(network, 'network');
		const out = new Float32Array(this.runningStatisticsCount);
		callNative(() => this.#native.runningStatistics(network, out));
		return out;
	}

	/** Replaces them. @param values as {@link runningStatistics} gives them; all finite, no variance negative */
	setRunningStatistics(network: number, values: Float32Array): void {
		this.#checkNetwork(network, 'network');
		checkRunningStatistics(values, this);
		callNative(() => this.#native.setRunningStatistics(network, values));
	}

	/**
	 * Mean loss over some images and its gradient at a network's parameters; dropout is off, batch norms normalise with these images' own
	 * statistics as in training, and nothing changes.
	 * @param indices numbers of images of the data set, 1 to `maximumBatch` of them
	 * @param out `[parameterCount]`, written, in the order of {@link parameters}
	 * @returns the loss
	 * @throws GannoError `DIVERGED` when the loss is not finite; `out` is zeros then
	 */
	lossAndGradient(network: number, indices: Uint32Array, out: Float32Array): number {
		this.#checkNetwork(network, 'network');
		if (!types.isUint32Array(indices) || indices.length === 0 || indices.length > this.maximumBatch) {
			throw invalidArgument(`a Uint32Array of 1 to ${this.maximumBatch} image numbers`, 'indices', indices);
		}
		const beyond = indices.findIndex((index) => index >= this.#images);
		if (beyond >= 0) throw invalidArgument(`an index below ${this.#images}`, `indices[${beyond}]`, indices[beyond]);
		checkFloat32Array(out, 'out', this.parameterCount, 'parameterCount');
		const loss = callNative(() => this.#native.lossAndGradient(network, indices, out));
		if (!Number.isFinite(loss)) {
			out.fill(0);
			throw new GannoError(
				'DIVERGED',
				`The loss of network ${network} is not finite at its parameters; reset it, restore it or set other parameters`,
			);
		}
		return loss;
	}

	/**
	 * A network's logits on the validation subset when validation was last asked for, `[validationSize × classes]`, the images in an order of
	 * the population's own; zeros where it was not yet, or where the network had diverged.
	 * @param out written; absent: a new array
	 */
	validationLogits(network: number, out: Float32Array = new Float32Array(this.validationLogitCount)): Float32Array {
		this.#checkNetwork(network, 'network');
		checkFloat32Array(out, 'out', this.validationLogitCount, 'validationSize × classes');
		callNative(() => this.#native.validationLogits(network, out));
		return out;
	}

	/** `[networks]`: 1 where a network has diverged. */
	divergedFlags(): Uint8Array {
		this.#checkOpen();
		const flags = new Uint8Array(this.networks);
		callNative(() => this.#native.divergedFlags(flags));
		return flags;
	}

	/** New networks from new seeds in the same memory; what was saved is forgotten. @param seeds `[networks]` */
	reset(seeds: Uint32Array): void {
		this.#checkOpen();
		checkSeeds(seeds, this.networks);
		callNative(() => this.#native.reset(seeds));
	}

	/** Frees the native memory now. Idempotent; any other call then throws `DISPOSED`. */
	dispose(): void {
		this.#disposed = true;
		this.#native.dispose();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}

	#checkOpen(): void {
		if (this.#disposed) throw new GannoError('DISPOSED', 'This NetworkPopulation was disposed; make a new one');
	}

	#checkNetwork(network: number, name: string): void {
		this.#checkOpen();
		checkInteger(network, name, 0, this.networks - 1);
	}

	#trainArguments(
		steps: number,
		controls: number | Float32Array | PopulationControls,
		out: PopulationOutput,
		options: TrainOptions,
	): Parameters<NativePopulation['train']> {
		this.#checkOpen();
		return trainArguments(this, this.#uniform, steps, controls, out, options);
	}
}

function checkFinished(finished: boolean): void {
	if (!finished) throw new GannoError('CANCELLED', 'Cancelled through the cancellation flag');
}
