import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Algorithm, Hyperparameters } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import type { OptimizerDevice } from '../../../src/optimizer/optimizer-options.js';
import { RULES } from '../../../src/optimizer/rules.js';
import { STATISTICS } from '../../../src/optimizer/statistics.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

/** [layers][arrays][elements] */
type Arrays = readonly (readonly (readonly number[])[])[];

interface Vectors {
	readonly torch: string;
	readonly checkpoints: readonly number[];
	readonly parameters: Arrays;
	/** [steps] */
	readonly gradients: readonly Arrays[];
	/** [steps][layers] */
	readonly learningRates: readonly (readonly number[])[];
	readonly cases: readonly {
		readonly name: string;
		readonly algorithm: Algorithm;
		readonly hyperparameters: Hyperparameters;
		/** Arrays that have no gradient from one step to another, both included: PyTorch leaves them alone, and their step counters. */
		readonly absent?: readonly (readonly [layer: number, array: number, first: number, last: number])[];
		/** [checkpoints] */
		readonly float64: readonly Arrays[];
		readonly float32: readonly Arrays[];
	}[];
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/optimizers.json', import.meta.url), 'utf8')) as Vectors;
const steps = vectors.gradients.length;

function toArrays(values: Arrays): Float32Array[][] {
	return values.map((layer) => layer.map((array) => Float32Array.from(array)));
}

function largestDifference(a: Arrays | Float32Array[][], exact: Arrays): number {
	let largest = 0;
	exact.forEach((layer, l) => {
		layer.forEach((array, k) => {
			array.forEach((value, i) => {
				const difference = Math.abs((a[l]?.[k]?.[i] ?? Number.NaN) - value);
				if (!(difference <= largest)) largest = difference;
			});
		});
	});
	return largest;
}

type Case = Vectors['cases'][number];

/** Optimizers of the arrays that have a gradient: a new one, with the state of every array, whenever these change. */
class ChangingOptimizer implements Disposable {
	readonly #example: Case;
	readonly #device: OptimizerDevice;
	readonly #parameters: readonly Float32Array[][];
	readonly #gradients: readonly Float32Array[][];
	/** [layers][arrays] */
	readonly #states: { step: number; moments: Float32Array[] }[][];
	#present: readonly (readonly number[])[] = [];
	#optimizer: LayerwiseOptimizer | undefined;

	constructor(example: Case, device: OptimizerDevice, parameters: Float32Array[][], gradients: Float32Array[][]) {
		this.#example = example;
		this.#device = device;
		this.#parameters = parameters;
		this.#gradients = gradients;
		this.#states = parameters.map((arrays) =>
			arrays.map(({ length }) => ({
				step: 0,
				moments: Array.from({ length: RULES[example.algorithm].moments }, () => new Float32Array(length)),
			})),
		);
	}

	/** @param step from 1 */
	at(step: number): LayerwiseOptimizer {
		const { absent = [] } = this.#example;
		const isAway = (layer: number, array: number): boolean =>
			absent.some(([l, a, first, last]) => l === layer && a === array && first <= step && step <= last);
		const present = this.#parameters.map((arrays, l) => [...arrays.keys()].filter((a) => !isAway(l, a)));
		if (this.#optimizer !== undefined && JSON.stringify(present) === JSON.stringify(this.#present))
			return this.#optimizer;
		this.#store();
		this.#present = present;
		const { algorithm, hyperparameters } = this.#example;
		const pick = <T>(all: readonly T[], l: number): T[] => (present[l] as number[]).map((a) => all[a] as T);
		this.#optimizer = new LayerwiseOptimizer({
			algorithm,
			hyperparameters,
			device: this.#device,
			layers: this.#parameters.map((arrays, l) => ({
				name: `layer ${l}`,
				parameters: pick(arrays, l),
				gradients: pick(this.#gradients[l] as Float32Array[], l),
			})),
		});
		this.#optimizer.restore({
			algorithm,
			layers: this.#states.map((arrays, l) => {
				const own = pick(arrays, l);
				const counts = own.map((state) => state.step);
				const moments = Array.from({ length: RULES[algorithm].moments }, (_, m) =>
					own.map((state) => state.moments[m] as Float32Array),
				);
				return { name: `layer ${l}`, step: Math.max(0, ...counts), steps: counts, moments };
			}),
		});
		return this.#optimizer;
	}

	#store(): void {
		for (const [l, { step, steps, moments }] of (this.#optimizer?.state().layers ?? []).entries()) {
			for (const [i, a] of (this.#present[l] as number[]).entries()) {
				const state = { step: steps?.[i] ?? step, moments: moments.map((arrays) => arrays[i] as Float32Array) };
				(this.#states[l] as (typeof state)[])[a] = state;
			}
		}
		this.#optimizer?.dispose();
	}

	[Symbol.dispose](): void {
		this.#optimizer?.dispose();
	}
}

describe.each(OPTIMIZER_DEVICES)('on device %s', (device) => {
	it.each(vectors.cases)(`$name follows PyTorch ${vectors.torch} for ${steps} steps`, (example) => {
		const parameters = toArrays(vectors.parameters);
		const gradients = toArrays(vectors.parameters);
		using optimizers = new ChangingOptimizer(example, device, parameters, gradients);
		const statistics = new Float32Array(parameters.length * STATISTICS.length);
		let checked = 0;
		for (let step = 1; step <= steps; step++) {
			gradients.forEach((layer, l) => {
				for (const [k, array] of layer.entries()) array.set(vectors.gradients[step - 1]?.[l]?.[k] as number[]);
			});
			// With and without statistics must be the same step.
			const rates = Float32Array.from(vectors.learningRates[step - 1] as number[]);
			const optimizer = optimizers.at(step);
			if (step % 2 === 0) optimizer.step(rates, statistics);
			else optimizer.step(rates);
			const checkpoint = vectors.checkpoints.indexOf(step);
			if (checkpoint < 0) continue;
			const exact = example.float64[checkpoint] as Arrays;
			// Float32 arithmetic is allowed what it costs PyTorch itself, a little more, and one rounding of a value near 1.
			const allowed = 4 * largestDifference(example.float32[checkpoint] as Arrays, exact) + 1.2e-7;
			expect(allowed).toBeLessThan(1e-4);
			expect(largestDifference(parameters, exact), `after step ${step}`).toBeLessThanOrEqual(allowed);
			checked++;
		}
		expect(checked).toBe(vectors.checkpoints.length);
	});
});
