import { invalidArgument } from '../../arguments.js';
import type { TrainableLayer } from '../../networks/spec.js';
import { POPULATION_STATISTICS, STATISTIC_INDEX } from '../../optimizer/statistics.js';
import {
	agentCount,
	type Granularity,
	logLoss,
	OBSERVATION_LIMIT,
	type ObservationDescription,
	type ObservationInput,
	type Observer,
} from './observer.js';

/** The observation of one layer. A policy file states it, so that no policy runs on another version. */
export const OBSERVATION_VERSION = 'layer-v1';

/**
 * The features of `layer-v1`, in order. None is a size of the network: a policy trained with the fan-in as a feature failed on a wider
 * input. The scales bring each feature to about unit size on small image networks.
 */
export const OBSERVATIONS: readonly ObservationDescription[] = [
	{ name: 'learningRate', formula: '(log10 η + 3) / 1.5', bounded: false },
	{ name: 'relativeLearningRate', formula: '2 (log10 η − mean over layers of log10 η)', bounded: false },
	{ name: 'updateRatio', formula: 'log10 updateRatio + 3', bounded: false },
	{ name: 'gradientScale', formula: 'log10(gradientNorm / √n) + 4', bounded: false },
	{ name: 'gradientScaleChange', formula: 'Δ gradientScale', bounded: false },
	{ name: 'parameterScale', formula: 'log10(parameterNorm / √n) + 1', bounded: false },
	{ name: 'momentRatio', formula: 'log10(momentNorm / gradientNorm) + 1/2', bounded: false },
	{ name: 'gradientNormSpread', formula: 'gradientNormSpread', bounded: false },
	{ name: 'gradientMomentCosine', formula: '3 gradientMomentCosine', bounded: false },
	{ name: 'gradientParameterCosine', formula: '3 gradientParameterCosine', bounded: false },
	{ name: 'gradientUpdateCosine', formula: 'gradientUpdateCosine', bounded: false },
	{ name: 'trainingLoss', formula: 'ln clip(L, 1e-3, 20)', bounded: false },
	{ name: 'trainingLossChange', formula: '3 clip(Δ trainingLoss, −3, 3)', bounded: false },
	{
		name: 'trainingLossSlope',
		formula: '5 (ln clip(L of the second half, 1e-3, 20) − ln clip(L of the first half, 1e-3, 20))',
		bounded: false,
	},
	{
		name: 'trainingLossSpread',
		formula: '2 standard deviation of the steps’ losses / (|L| + 0.01)',
		bounded: false,
	},
	{ name: 'validationLoss', formula: 'ln clip(V, 1e-3, 20)', bounded: false },
	{ name: 'validationLossChange', formula: '3 clip(Δ validationLoss, −3, 3)', bounded: false },
	{ name: 'generalisationGap', formula: '3 (validationLoss − trainingLoss)', bounded: false },
	{ name: 'sinceBest', formula: '3 clip(validationLoss − its lowest so far, 0, 3)', bounded: false },
	{ name: 'progress', formula: '2 t / T − 1; 0 when T is unknown', bounded: true },
	{ name: 'previousAction', formula: '(a − 4) / 4; 0 before the first action', bounded: true },
	{ name: 'depth', formula: 'from −1, first layer, to 1, last layer; 0 for a single layer', bounded: true },
	{ name: 'isConvolution', formula: '1 for a convolution, 0 for a dense layer', bounded: true },
];

/** Features of one agent's observation. */
export const OBSERVATION_SIZE = 23;

export const observationNames: readonly string[] = OBSERVATIONS.map(({ name }) => name);

/** Indices of the features the normaliser leaves alone. */
export const BOUNDED_OBSERVATIONS: readonly number[] = OBSERVATIONS.flatMap(({ bounded }, index) =>
	bounded ? [index] : [],
);

const STATISTICS_COUNT = POPULATION_STATISTICS.length;
const S = STATISTIC_INDEX;
const SMALLEST = 1e-12;

function log10(value: number): number {
	return Math.log10(Math.max(value, SMALLEST));
}

function clip(value: number, low: number, high: number): number {
	return value < low ? low : Math.min(value, high);
}

/** An encoder's state, as plain data: figures of the last decision. JSON keeps every bit of it. */
export interface ObservationEncoderState {
	/** Whether the next decision is the episode's first. */
	readonly first: boolean;
	/** `[networks × layers]` */
	readonly gradientScale: readonly number[];
	/** `[networks]`, logarithms */
	readonly trainingLoss: readonly number[];
	readonly validationLoss: readonly number[];
	readonly bestValidationLoss: readonly number[];
}

/** Encodes statistics as observations `layer-v1`. Keeps the last decision's figures for the changes; allocates nothing after construction. */
export class ObservationEncoder implements Observer {
	readonly networks: number;
	readonly layers: number;
	/** Rows of observations per network: the layers, or 1. */
	readonly agents: number;
	readonly #inverseRoot: Float64Array; // [layers]: 1 / √n, of an empty layer 1
	readonly #counts: Float64Array; // [layers]: 1; 0 for an empty layer, which counts in no mean
	readonly #depth: Float64Array; // [layers]
	readonly #isConvolution: Float64Array; // [layers]
	readonly #gradientScale: Float64Array; // [networks × layers], of the last decision
	readonly #trainingLoss: Float64Array; // [networks], logarithms of the last decision
	readonly #validationLoss: Float64Array;
	readonly #bestValidationLoss: Float64Array;
	readonly #counted: number;
	readonly #row = new Float64Array(OBSERVATION_SIZE);
	readonly #mean = new Float64Array(OBSERVATION_SIZE);
	#first = true;

	/**
	 * @param layers the networks' layers, in order
	 * @param networks networks encoded at once
	 * @param granularity `network` averages every feature over the layers of a network
	 */
	constructor(
		layers: readonly Pick<TrainableLayer, 'type' | 'size'>[],
		networks: number,
		granularity: Granularity = 'layer',
	) {
		if (layers.length === 0) throw invalidArgument('at least one trainable layer', 'layers', layers);
		this.networks = networks;
		this.layers = layers.length;
		this.agents = agentCount(granularity, layers.length);
		this.#inverseRoot = Float64Array.from(layers, ({ size }) => 1 / Math.sqrt(Math.max(size, 1)));
		this.#counts = Float64Array.from(layers, ({ size }) => Math.min(size, 1));
		this.#counted = Math.max(
			1,
			this.#counts.reduce((sum, count) => sum + count, 0),
		);
		this.#depth = Float64Array.from(layers, (_, l) => (layers.length === 1 ? 0 : (2 * l) / (layers.length - 1) - 1));
		this.#isConvolution = Float64Array.from(layers, ({ type }) => (type === 'conv' ? 1 : 0));
		this.#gradientScale = new Float64Array(networks * layers.length);
		this.#trainingLoss = new Float64Array(networks);
		this.#validationLoss = new Float64Array(networks);
		this.#bestValidationLoss = new Float64Array(networks);
	}

	/** Starts a new episode: the changes of the next call are 0. */
	reset(): void {
		this.#first = true;
	}

	state(): ObservationEncoderState {
		return {
			first: this.#first,
			gradientScale: [...this.#gradientScale],
			trainingLoss: [...this.#trainingLoss],
			validationLoss: [...this.#validationLoss],
			bestValidationLoss: [...this.#bestValidationLoss],
		};
	}

	/** @param state of an encoder of the same shape */
	restore(state: ObservationEncoderState): void {
		this.#first = state.first;
		this.#gradientScale.set(state.gradientScale);
		this.#trainingLoss.set(state.trainingLoss);
		this.#validationLoss.set(state.validationLoss);
		this.#bestValidationLoss.set(state.bestValidationLoss);
	}

	/** @param observations `[networks × agents × OBSERVATION_SIZE]`, written */
	encode(input: ObservationInput, observations: Float32Array): void {
		const { networks, layers } = this;
		const { statistics, learningRates, baseFactor, previousActions, active } = input;
		const perLayer = this.agents === layers;
		const row = this.#row;
		const mean = this.#mean;
		const first = this.#first;
		row[19] = input.progress === undefined ? 0 : 2 * input.progress - 1;
		for (let network = 0; network < networks; network++) {
			const offset = network * this.agents * OBSERVATION_SIZE;
			if (active !== undefined && active[network] === 0) {
				observations.fill(0, offset, offset + this.agents * OBSERVATION_SIZE);
				continue;
			}
			this.#encodeLosses(input, network);
			let meanLogRate = 0;
			for (let l = 0; l < layers; l++) meanLogRate += log10(learningRates[network * layers + l]! * baseFactor);
			meanLogRate /= layers;
			mean.fill(0);
			for (let l = 0; l < layers; l++) {
				const index = network * layers + l;
				const s = index * STATISTICS_COUNT;
				const logRate = log10(learningRates[index]! * baseFactor);
				const gradientNorm = statistics[s + S.gradientNorm]!;
				const inverseRoot = this.#inverseRoot[l]!;
				const gradientScale = log10(gradientNorm * inverseRoot) + 4;
				row[0] = (logRate + 3) / 1.5;
				row[1] = 2 * (logRate - meanLogRate);
				row[2] = log10(statistics[s + S.updateRatio]!) + 3;
				row[3] = gradientScale;
				row[4] = first ? 0 : gradientScale - this.#gradientScale[index]!;
				this.#gradientScale[index] = gradientScale;
				row[5] = log10(statistics[s + S.parameterNorm]! * inverseRoot) + 1;
				row[6] = log10(statistics[s + S.momentNorm]! / Math.max(gradientNorm, SMALLEST)) + 0.5;
				row[7] = statistics[s + S.gradientNormSpread]!;
				row[8] = 3 * statistics[s + S.gradientMomentCosine]!;
				row[9] = 3 * statistics[s + S.gradientParameterCosine]!;
				row[10] = statistics[s + S.gradientUpdateCosine]!;
				row[20] = (previousActions[perLayer ? index : network]! - 4) / 4;
				row[21] = this.#depth[l]!;
				row[22] = this.#isConvolution[l]!;
				const target = offset + (perLayer ? l * OBSERVATION_SIZE : 0);
				for (let f = 0; f < OBSERVATION_SIZE; f++) {
					const value = row[f]!;
					// A comparison with NaN is false, so NaN falls through to 0; infinities are cut like any number.
					const cut =
						value >= -OBSERVATION_LIMIT
							? Math.min(value, OBSERVATION_LIMIT)
							: value < -OBSERVATION_LIMIT
								? -OBSERVATION_LIMIT
								: 0;
					if (perLayer) observations[target + f] = cut;
					else mean[f] = mean[f]! + cut * this.#counts[l]!;
				}
			}
			if (perLayer) continue;
			for (let f = 0; f < OBSERVATION_SIZE; f++) observations[offset + f] = mean[f]! / this.#counted;
		}
		this.#first = false;
	}

	/** Features 11–18, the same for every layer of a network. */
	#encodeLosses(input: ObservationInput, network: number): void {
		const { trainingLoss, steps } = input;
		const row = this.#row;
		const start = network * steps;
		const half = steps >> 1;
		let firstHalf = 0;
		for (let k = 0; k < half; k++) firstHalf += trainingLoss[start + k]!;
		let secondHalf = 0;
		for (let k = half; k < steps; k++) secondHalf += trainingLoss[start + k]!;
		const loss = (firstHalf + secondHalf) / steps;
		let squares = 0;
		for (let k = 0; k < steps; k++) {
			const difference = trainingLoss[start + k]! - loss;
			squares += difference * difference;
		}
		const training = logLoss(loss);
		const validation = logLoss(input.validation[network * input.validationStride]!);
		const first = this.#first;
		const best = first ? validation : Math.min(this.#bestValidationLoss[network]!, validation);
		row[11] = training;
		row[12] = first ? 0 : 3 * clip(training - this.#trainingLoss[network]!, -3, 3);
		row[13] = half === 0 ? 0 : 5 * (logLoss(secondHalf / (steps - half)) - logLoss(firstHalf / half));
		row[14] = (2 * Math.sqrt(squares / steps)) / (Math.abs(loss) + 0.01);
		row[15] = validation;
		row[16] = first ? 0 : 3 * clip(validation - this.#validationLoss[network]!, -3, 3);
		row[17] = 3 * (validation - training);
		row[18] = 3 * clip(validation - best, 0, 3);
		this.#trainingLoss[network] = training;
		this.#validationLoss[network] = validation;
		this.#bestValidationLoss[network] = best;
	}
}
