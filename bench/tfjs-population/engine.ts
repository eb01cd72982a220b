import * as tf from '@tensorflow/tfjs';
import { type Algorithm, type NetworkSpec, POPULATION_STATISTICS, STATISTICS } from 'ganno';
import { initializerOf } from '#ganno/networks/encode.js';
import { dropoutFactors, initialWeights } from '#ganno/networks/network-random.js';
import { DIVERGED_LOSS } from '#ganno/networks/population.js';
import { ALGORITHMS } from '#ganno/optimizer/algorithms.js';
import { IntervalStatistics } from '#ganno/optimizer/interval-statistics.js';
import { RULES } from '#ganno/optimizer/rules.js';
import type { NativePopulation, NativePopulationOptions } from '../../binding.d.ts';
import { Batches } from './batches.js';
import { batchGradients, computeStep, type LayerControls, type StepModel } from './compute.js';
import { evaluateNetwork } from './evaluate-network.js';
import { type DropoutSource, TfjsNetwork } from './network.js';
import { type ArrayState, LAYER_SUMS, writeStatistics } from './step.js';

/** One network's whole state. Its tensors are never written into, so that copies share them. */
interface NetworkState {
	seed: number;
	steps: number;
	diverged: boolean;
	arrays: readonly ArrayState[];
	/** Of the validation images, when it was last asked for. */
	logits: Float32Array | undefined;
}

const COUNT = POPULATION_STATISTICS.length;

/**
 * A population in tfjs operations only, on tfjs's current back end: what the addon's NativePopulation is, with the same random
 * numbers, one network after another. An oracle for the native engine, and what it is measured against; not fast.
 */
export class TfjsEngine implements NativePopulation {
	readonly #options: NativePopulationOptions;
	readonly #spec: NetworkSpec;
	readonly #algorithm: Algorithm;
	readonly #network: TfjsNetwork;
	/** Elements of each layer: weights and bias. */
	readonly #sizes: readonly number[];
	readonly #batches: Batches;
	readonly #model: StepModel;
	readonly #validationImages: Uint32Array;
	readonly #networks: NetworkState[];
	readonly #saved: (NetworkState | undefined)[];
	readonly #statistics: IntervalStatistics;
	readonly #stepStatistics: Float32Array; // [layers × 14]

	constructor(spec: NetworkSpec, options: NativePopulationOptions) {
		this.#spec = spec;
		this.#options = options;
		this.#algorithm = ALGORITHMS[options.algorithm] as Algorithm;
		this.#network = new TfjsNetwork(spec);
		const sizes = this.#network.parameterShapes.map((shape) => tf.util.sizeFromShape([...shape]));
		this.#sizes = Array.from({ length: sizes.length / 2 }, (_, l) => sizes[2 * l]! + sizes[2 * l + 1]!);
		this.#batches = new Batches(options, this.#network.parameterShapes.at(-1)?.[0] as number);
		this.#validationImages = options.validation.subarray(0, options.validationSize);
		this.#model = {
			network: this.#network,
			batches: this.#batches,
			algorithm: this.#algorithm,
			hyperparameters: options.hyperparameters,
			sizes: this.#sizes,
		};
		this.#networks = Array.from(options.seeds, (seed) => this.#initialize(seed));
		this.#saved = this.#networks.map(() => undefined);
		this.#statistics = new IntervalStatistics(this.#sizes.length);
		this.#stepStatistics = new Float32Array(this.#sizes.length * STATISTICS.length);
	}

	train(...args: Parameters<NativePopulation['train']>): boolean {
		return this.#run(true, ...args);
	}

	trainAsync(...args: Parameters<NativePopulation['train']>): Promise<boolean> {
		return Promise.resolve().then(() => this.#run(true, ...args));
	}

	probe(...args: Parameters<NativePopulation['train']>): boolean {
		return this.#run(false, ...args);
	}

	evaluate(split: number, out: Float32Array): boolean {
		const { train, validation, test, sliceSize } = this.#options;
		for (const [network, state] of this.#networks.entries()) {
			const images = [train, validation, test][split] as Uint32Array;
			const count = split === 0 ? sliceSize : images.length;
			const slice = this.#batches.slice(state.seed);
			const indices = Uint32Array.from({ length: count }, (_, i) => images[split === 0 ? slice(i) : i]!);
			if (this.#cancelled()) return false;
			const { loss, accuracy } = evaluateNetwork(this.#network, state.arrays, this.#batches, indices);
			out[2 * network] = state.diverged ? DIVERGED_LOSS : loss;
			out[2 * network + 1] = state.diverged ? 0 : accuracy;
		}
		return true;
	}

	lossAndGradient(network: number, indices: Uint32Array, out: Float32Array): number {
		const { arrays } = this.#networks[network] as NetworkState;
		return tf.tidy(() => {
			const { loss, gradients } = batchGradients(this.#model, arrays, indices);
			let offset = 0;
			for (const gradient of gradients) {
				out.set(gradient.dataSync<'float32'>(), offset);
				offset += gradient.size;
			}
			return loss.dataSync<'float32'>()[0] as number;
		});
	}

	save(network: number): void {
		dispose(this.#saved[network]);
		this.#saved[network] = copy(this.#networks[network] as NetworkState);
	}

	restore(network: number): boolean {
		const saved = this.#saved[network];
		if (saved === undefined) return false;
		this.#replace(network, copy(saved));
		return true;
	}

	fork(from: number, to: number): void {
		if (from !== to) this.#replace(to, copy(this.#networks[from] as NetworkState));
	}

	parameters(network: number, out: Float32Array): void {
		let offset = 0;
		for (const { parameter } of (this.#networks[network] as NetworkState).arrays) {
			out.set(parameter.dataSync<'float32'>(), offset);
			offset += parameter.size;
		}
	}

	setParameters(network: number, values: Float32Array): void {
		const state = this.#networks[network] as NetworkState;
		let offset = 0;
		const arrays = state.arrays.map(({ parameter, moments }) => {
			const part = values.slice(offset, offset + parameter.size);
			offset += parameter.size;
			return { parameter: tf.keep(tf.tensor(part, parameter.shape)), moments: moments.map(share) };
		});
		this.#replace(network, { ...state, arrays });
	}

	/** It takes no network with batch norm. */
	runningStatistics(): void {}

	setRunningStatistics(): void {}

	validationLogits(network: number, out: Float32Array): void {
		const { logits } = this.#networks[network] as NetworkState;
		if (logits === undefined) out.fill(0);
		else out.set(logits);
	}

	divergedFlags(flags: Uint8Array): void {
		for (const [network, { diverged }] of this.#networks.entries()) flags[network] = diverged ? 1 : 0;
	}

	reset(seeds: Uint32Array): void {
		for (const [network, seed] of seeds.entries()) {
			this.#replace(network, this.#initialize(seed));
			dispose(this.#saved[network]);
			this.#saved[network] = undefined;
		}
	}

	dispose(): void {
		for (const state of [...this.#networks.splice(0), ...this.#saved.splice(0)]) dispose(state);
	}

	bytes(): number {
		const perNetwork = this.#sizes.reduce((sum, size) => sum + size, 0) * 4 * (1 + RULES[this.#algorithm].moments);
		return this.#networks.length * perNetwork;
	}

	#replace(network: number, state: NetworkState): void {
		dispose(this.#networks[network]);
		this.#networks[network] = state;
	}

	#initialize(seed: number): NetworkState {
		const weighted = this.#spec.layers.filter((layer) => layer.type === 'dense' || layer.type === 'conv');
		const arrays = this.#network.parameterShapes.map((shape, i): ArrayState => {
			const size = tf.util.sizeFromShape([...shape]);
			const taps = shape.slice(0, -2).reduce((a, b) => a * b, 1);
			const [inputs = 0, outputs = 0] = shape.slice(-2);
			const values =
				i % 2 === 1
					? new Float32Array(size)
					: initialWeights(size, initializerOf(weighted[i / 2]!), taps * inputs, taps * outputs, seed, i / 2);
			const moments = Array.from({ length: RULES[this.#algorithm].moments }, () => tf.keep(tf.zeros([...shape])));
			return { parameter: tf.keep(tf.tensor(values, [...shape])), moments };
		});
		return { seed, steps: 0, diverged: false, arrays, logits: undefined };
	}

	#cancelled(): boolean {
		const { cancellation } = this.#options;
		return cancellation !== undefined && Atomics.load(cancellation, 0) !== 0;
	}

	#run(
		store: boolean,
		...[steps, rates, decays, momenta, statistics, losses, validation, base]: Parameters<NativePopulation['train']>
	): boolean {
		const layers = this.#sizes.length;
		const learningRates = new Float32Array(layers);
		for (const [network, state] of this.#networks.entries()) {
			this.#statistics.clear();
			for (let k = 0; k < steps; k++) {
				if (this.#cancelled()) return false;
				for (let l = 0; l < layers; l++) learningRates[l] = rates[network * layers + l]! * (base?.[k] ?? 1);
				const range = [network * layers, (network + 1) * layers] as const;
				const controls = { learningRates, decays: decays?.subarray(...range), momenta: momenta?.subarray(...range) };
				losses[network * steps + k] = state.diverged ? DIVERGED_LOSS : this.#step(state, k, store, controls);
			}
			this.#statistics.write(statistics.subarray(network * layers * COUNT, (network + 1) * layers * COUNT));
			if (validation !== undefined) this.#validate(state, validation.subarray(3 * network, 3 * network + 3));
		}
		return true;
	}

	/** @returns the loss before the step */
	#step(state: NetworkState, k: number, store: boolean, controls: LayerControls): number {
		const batch = this.#batches.draw(state.seed, state.steps, k, store);
		const sub = state.steps * 256 + (store ? 0 : (k + 1) * 2 ** 48);
		const dropout: DropoutSource = (rate, position, images, elements) =>
			dropoutFactors(rate, images, elements, state.seed, sub + position);
		let { arrays, sums } = computeStep(this.#model, state.arrays, state.steps, batch, dropout, controls, false);
		const loss = sums[0] as number;
		const layers = this.#sizes.length;
		const overflows = (l: number): boolean => !Number.isFinite(sums[1 + l * LAYER_SUMS]);
		if (Number.isFinite(loss) && Array.from({ length: layers }, (_, l) => overflows(l)).includes(true)) {
			dispose({ ...state, arrays });
			({ arrays, sums } = computeStep(this.#model, state.arrays, state.steps, batch, dropout, controls, true));
		}
		if (!Number.isFinite(loss)) {
			dispose({ ...state, arrays });
			if (store) state.diverged = true;
			return DIVERGED_LOSS;
		}
		for (let l = 0; l < layers; l++) {
			const own = sums.slice(1 + l * LAYER_SUMS, 1 + (l + 1) * LAYER_SUMS);
			const out = this.#stepStatistics.subarray(l * STATISTICS.length, (l + 1) * STATISTICS.length);
			writeStatistics(this.#algorithm, own, this.#sizes[l]!, this.#options.hyperparameters, state.steps + 1, out);
			if (store && !Number.isFinite(own[8])) state.diverged = true; // a parameter was not finite: nor is their sum
		}
		this.#statistics.add(this.#stepStatistics, controls.learningRates);
		if (!store) {
			dispose({ ...state, arrays });
			return loss;
		}
		dispose(state);
		state.arrays = arrays;
		state.steps++;
		return loss;
	}

	#validate(state: NetworkState, out: Float32Array): void {
		const { loss, accuracy, logits } = evaluateNetwork(
			this.#network,
			state.arrays,
			this.#batches,
			this.#validationImages,
		);
		const sound = !state.diverged && loss !== DIVERGED_LOSS;
		let change = 0;
		let squared = 0;
		for (const [i, logit] of logits.entries()) {
			const difference = logit - (state.logits?.[i] ?? 0);
			change += difference;
			squared += difference * difference;
		}
		const mean = change / logits.length;
		out[0] = sound ? loss : DIVERGED_LOSS;
		out[1] = sound ? accuracy : 0;
		out[2] = sound && state.logits !== undefined ? Math.max(squared / logits.length - mean * mean, 0) : 0;
		state.logits = sound ? logits : undefined;
	}
}

/** The same values, on their own count. */
function share(tensor: tf.Tensor): tf.Tensor {
	return tf.keep(tensor.clone());
}

function copy(state: NetworkState): NetworkState {
	const arrays = state.arrays.map(({ parameter, moments }) => ({
		parameter: share(parameter),
		moments: moments.map(share),
	}));
	return { ...state, arrays };
}

function dispose(state: NetworkState | undefined): void {
	for (const { parameter, moments } of state?.arrays ?? []) tf.dispose([parameter, ...moments]);
}
