import { invalidArgument } from '../../arguments.js';
import { POPULATION_STATISTICS, STATISTIC_INDEX } from '../../optimizer/statistics.js';
import {
	logLoss,
	type NetworkPredictions,
	OBSERVATION_LIMIT,
	type ObservationDescription,
	type ObservationInput,
	type Observer,
} from './observer.js';

/** The observation of the controller `adaptive-lr`: one row per network. */
export const NETWORK_OBSERVATION_VERSION = 'network-v1';

/**
 * The seven figures that Xu et al. 2019 name, in order; the paper does not give their scales. Losses, variances and the learning rate vary
 * over decades, so they enter as logarithms; 1e-6 keeps the first decision, at which nothing has changed yet, near the others. The factor
 * of the output layer's mean lifts it above the floor of the normaliser's standard deviation.
 */
export const NETWORK_OBSERVATIONS: readonly ObservationDescription[] = [
	{ name: 'trainingLoss', formula: 'ln clip(L, 1e-3, 20)', bounded: false },
	{ name: 'validationLoss', formula: 'ln clip(V, 1e-3, 20)', bounded: false },
	{ name: 'predictionVariance', formula: 'log10(Var validation logits + 1e-6)', bounded: false },
	{ name: 'predictionChangeVariance', formula: 'log10(Var Δ validation logits + 1e-6)', bounded: false },
	{ name: 'outputMean', formula: '100 parameterMean of the last layer', bounded: false },
	{ name: 'outputVariance', formula: 'log10(parameterVariance of the last layer + 1e-12) + 2', bounded: false },
	{ name: 'learningRate', formula: '(mean over layers of log10 η + 3) / 1.5', bounded: false },
];

/** Features of a network's observation. */
export const NETWORK_OBSERVATION_SIZE = NETWORK_OBSERVATIONS.length;

const COUNT = POPULATION_STATISTICS.length;
const S = STATISTIC_INDEX;
const SMALLEST_VARIANCE = 1e-6;

/** Variance over all numbers; 0 where it is not finite. */
export function predictionVariance(logits: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < logits.length; i++) sum += logits[i]!;
	const mean = sum / logits.length;
	let squares = 0;
	for (let i = 0; i < logits.length; i++) squares += (logits[i]! - mean) ** 2;
	const variance = squares / logits.length;
	return Number.isFinite(variance) ? variance : 0;
}

/** Encodes figures of networks as observations `network-v1`. Has no state; allocates nothing after the first call. */
export class NetworkObserver implements Observer {
	readonly agents = 1;
	readonly #networks: number;
	readonly #layers: number;
	readonly #row = new Float64Array(NETWORK_OBSERVATION_SIZE);
	#logits: Float32Array | undefined;

	constructor(networks: number, layers: number) {
		this.#networks = networks;
		this.#layers = layers;
	}

	reset(): void {}

	/**
	 * @param observations `[networks × NETWORK_OBSERVATION_SIZE]`, written
	 * @throws GannoError `INVALID_ARGUMENT` for a population without validation logits
	 */
	encode(input: ObservationInput, observations: Float32Array, predictions?: NetworkPredictions): void {
		const layers = this.#layers;
		const { statistics, learningRates, baseFactor, trainingLoss, steps, validation, validationStride, active } = input;
		if (predictions?.validationLogits === undefined) {
			throw invalidArgument(
				`a function (the observation ${NETWORK_OBSERVATION_VERSION} needs predictions)`,
				'population.validationLogits',
				undefined,
			);
		}
		const row = this.#row;
		for (let n = 0; n < this.#networks; n++) {
			const offset = n * NETWORK_OBSERVATION_SIZE;
			if (active !== undefined && active[n] === 0) {
				observations.fill(0, offset, offset + NETWORK_OBSERVATION_SIZE);
				continue;
			}
			let loss = 0;
			for (let k = n * steps; k < (n + 1) * steps; k++) loss += trainingLoss[k]!;
			let logRate = 0;
			for (let l = n * layers; l < (n + 1) * layers; l++) {
				logRate += Math.log10(Math.max(learningRates[l]! * baseFactor, 1e-12));
			}
			const output = ((n + 1) * layers - 1) * COUNT;
			this.#logits = predictions.validationLogits(n, this.#logits);
			row[0] = logLoss(loss / steps);
			row[1] = logLoss(validation[n * validationStride]!);
			row[2] = Math.log10(predictionVariance(this.#logits) + SMALLEST_VARIANCE);
			row[3] = Math.log10(validation[n * validationStride + 2]! + SMALLEST_VARIANCE);
			row[4] = 100 * statistics[output + S.parameterMean]!;
			row[5] = Math.log10(statistics[output + S.parameterVariance]! + 1e-12) + 2;
			row[6] = (logRate / layers + 3) / 1.5;
			for (let f = 0; f < NETWORK_OBSERVATION_SIZE; f++) {
				const value = row[f]!;
				observations[offset + f] = Number.isNaN(value)
					? 0
					: Math.min(Math.max(value, -OBSERVATION_LIMIT), OBSERVATION_LIMIT);
			}
		}
	}
}
