import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Algorithm, Hyperparameters } from '../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../src/optimizer/layerwise-optimizer.js';
import { STATISTICS } from '../src/optimizer/statistics.js';
import { OPTIMIZER_DEVICES } from './support/backends.js';

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
		/** [checkpoints] */
		readonly float64: readonly Arrays[];
		readonly float32: readonly Arrays[];
	}[];
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/optimizers.json', import.meta.url), 'utf8')) as Vectors;
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

describe.each(OPTIMIZER_DEVICES)('on device %s', (device) => {
	it.each(vectors.cases)(`$name follows PyTorch ${vectors.torch} for ${steps} steps`, (example) => {
		const parameters = toArrays(vectors.parameters);
		const gradients = toArrays(vectors.parameters);
		using optimizer = new LayerwiseOptimizer({
			algorithm: example.algorithm,
			hyperparameters: example.hyperparameters,
			layers: parameters.map((arrays, l) => ({
				name: `layer ${l}`,
				parameters: arrays,
				gradients: gradients[l] as Float32Array[],
			})),
			device,
		});
		const statistics = new Float32Array(parameters.length * STATISTICS.length);
		let checked = 0;
		for (let step = 1; step <= steps; step++) {
			gradients.forEach((layer, l) => {
				for (const [k, array] of layer.entries()) array.set(vectors.gradients[step - 1]?.[l]?.[k] as number[]);
			});
			// With and without statistics must be the same step.
			const rates = Float32Array.from(vectors.learningRates[step - 1] as number[]);
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
