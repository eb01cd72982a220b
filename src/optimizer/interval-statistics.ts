import { POPULATION_STATISTICS, STATISTIC_INDEX, STATISTICS } from './statistics.js';

const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;
const COUNT = STATISTICS.length;
const { gradientNorm: NORM, gradientMaxAbs: MAX_ABS, nonFiniteCount: NON_FINITE } = STATISTIC_INDEX;

/** What accumulates of one interval, as plain data; JSON keeps every bit of it. */
export interface IntervalStatisticsState {
	readonly steps: number;
	/** `[layers × 14]`: sums; the largest for gradientMaxAbs */
	readonly sums: readonly number[];
	/** `[layers]` each */
	readonly learningRates: readonly number[];
	readonly normMeans: readonly number[];
	readonly normDeviations: readonly number[];
}

/** NaN counts as 0, infinities as the largest float. */
function finite(value: number): number {
	if (Number.isNaN(value)) return 0;
	return Math.fround(value < -LARGEST_FLOAT ? -LARGEST_FLOAT : Math.min(value, LARGEST_FLOAT));
}

/**
 * The statistics of single steps, put together over an interval as native populations do (native/cpu/network/interval_statistics.cc),
 * bit for bit: means, the largest gradientMaxAbs, the sum of nonFiniteCount, the spread of gradientNorm (Welford's update) and the mean
 * learning rate.
 */
export class IntervalStatistics {
	readonly layers: number;
	readonly #sums: Float64Array; // [layers × 14]
	readonly #learningRates: Float64Array; // [layers], sums
	readonly #normMeans: Float64Array; // [layers]
	readonly #normDeviations: Float64Array; // [layers], squared, summed
	#steps = 0;

	constructor(layers: number) {
		this.layers = layers;
		this.#sums = new Float64Array(layers * COUNT);
		this.#learningRates = new Float64Array(layers);
		this.#normMeans = new Float64Array(layers);
		this.#normDeviations = new Float64Array(layers);
	}

	get steps(): number {
		return this.#steps;
	}

	clear(): void {
		this.#steps = 0;
		this.#sums.fill(0);
		this.#learningRates.fill(0);
		this.#normMeans.fill(0);
		this.#normDeviations.fill(0);
	}

	/**
	 * One more step of all layers.
	 * @param statistics `[layers × 14]` of the step
	 * @param learningRates `[layers]` it was made with
	 */
	add(statistics: Float32Array, learningRates: Float32Array): void {
		this.#steps++;
		for (let layer = 0; layer < this.layers; layer++) {
			const offset = layer * COUNT;
			for (let i = 0; i < COUNT; i++) {
				const value = finite(statistics[offset + i]!);
				const sum = this.#sums[offset + i]!;
				this.#sums[offset + i] = i === MAX_ABS ? Math.max(sum, value) : sum + value;
			}
			this.#learningRates[layer]! += learningRates[layer]!;
			const norm = finite(statistics[offset + NORM]!);
			const difference = norm - this.#normMeans[layer]!;
			this.#normMeans[layer]! += difference / this.#steps;
			this.#normDeviations[layer]! += difference * (norm - this.#normMeans[layer]!);
		}
	}

	/** @param out `[layers × POPULATION_STATISTICS.length]`, written; zeros where there was no step */
	write(out: Float32Array): void {
		const steps = this.#steps;
		if (steps === 0) {
			out.fill(0);
			return;
		}
		for (let layer = 0; layer < this.layers; layer++) {
			const to = layer * POPULATION_STATISTICS.length;
			for (let i = 0; i < COUNT; i++) {
				const sum = this.#sums[layer * COUNT + i]!;
				out[to + i] = finite(i === MAX_ABS || i === NON_FINITE ? sum : sum / steps);
			}
			const mean = this.#normMeans[layer]!;
			const spread = Math.sqrt(Math.max(this.#normDeviations[layer]!, 0) / steps) / mean;
			out[to + STATISTIC_INDEX.gradientNormSpread] = mean > 0 ? finite(spread) : 0;
			out[to + STATISTIC_INDEX.learningRate] = finite(this.#learningRates[layer]! / steps);
		}
	}

	state(): IntervalStatisticsState {
		return {
			steps: this.#steps,
			sums: [...this.#sums],
			learningRates: [...this.#learningRates],
			normMeans: [...this.#normMeans],
			normDeviations: [...this.#normDeviations],
		};
	}

	/** Takes over the state of an accumulator of as many layers. */
	restore(state: IntervalStatisticsState): void {
		this.#steps = state.steps;
		this.#sums.set(state.sums);
		this.#learningRates.set(state.learningRates);
		this.#normMeans.set(state.normMeans);
		this.#normDeviations.set(state.normDeviations);
	}
}
