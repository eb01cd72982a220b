import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { lerpMoment } from '../../../src/optimizer/rules.js';
import { updateDirection } from '../../../src/schedules/gradient-methods/update-direction.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

/** The mean of gradients where little is left of what was, as GANs have it (beta1 = 0): a small gradient after a large one counts. */

const ALGORITHMS = ['adam', 'adamw', 'lamb'] as const;
const ROUNDING = 2 ** -24;

/** Gradients from 1e-15 to 1e15, signs mixed, zeros among them: no square over- or underflows. */
const gradients = fc
	.tuple(fc.double({ min: -15, max: 15, noNaN: true }), fc.constantFrom(-1, 0, 1))
	.map(([exponent, sign]) => Math.fround(sign * 10 ** exponent));
/** `[steps][elements]`; lengths that fill vectors and leave a rest. */
const sequences = fc
	.integer({ min: 1, max: 40 })
	.chain((size) => fc.array(fc.array(gradients, { minLength: size, maxLength: size }), { minLength: 1, maxLength: 5 }));

/** Calls `check` after every step with the gradient, the first moment before it and the first moment after it. */
function follow(
	options: Omit<ConstructorParameters<typeof LayerwiseOptimizer>[0], 'layers'>,
	sequence: readonly (readonly number[])[],
	check: (gradient: number, before: number, after: number) => void,
): void {
	const array = Float32Array.from(sequence[0] as number[]);
	using optimizer = new LayerwiseOptimizer({
		...options,
		layers: [{ name: 'a', parameters: new Float32Array(array.length).fill(1), gradients: array }],
	});
	const moments = (): Float32Array => optimizer.state().layers[0]?.moments[0]?.[0] as Float32Array;
	let before = moments();
	for (const step of sequence) {
		array.set(step);
		optimizer.step(0);
		const after = moments();
		for (const [i, gradient] of array.entries()) check(gradient, before[i] as number, after[i] as number);
		before = after;
	}
}

describe.each(OPTIMIZER_DEVICES)('the first moment (%s)', (device) => {
	it.each(ALGORITHMS)('of %s is the gradient itself where beta1 is 0', (algorithm) => {
		fc.assert(
			fc.property(sequences, (sequence) => {
				follow({ algorithm, device, hyperparameters: { beta1: 0 } }, sequence, (gradient, _, after) => {
					expect(after === gradient, `${after} instead of ${gradient}`).toBe(true);
				});
			}),
			{ numRuns: 30 },
		);
	});

	it.each(ALGORITHMS)(
		'of %s keeps the digits of a gradient that is small beside it, up to beta1 = 0.5',
		(algorithm) => {
			fc.assert(
				fc.property(sequences, fc.constantFrom(0.01, 0.1, 0.3, 0.5), (sequence, beta1) => {
					follow({ algorithm, device, hyperparameters: { beta1 } }, sequence, (gradient, before, after) => {
						const exact = (1 - beta1) * gradient + beta1 * before;
						const bound = 4 * ROUNDING * (Math.abs(gradient) + beta1 * Math.abs(before));
						expect(Math.abs(after - exact), `${after} instead of ${exact}`).toBeLessThanOrEqual(bound);
					});
				}),
				{ numRuns: 30 },
			);
		},
	);

	it.each(ALGORITHMS)(
		'of %s goes from itself towards the gradient above beta1 = 0.5, to the same bits as ever',
		(algorithm) => {
			if (device === 'reference') return; // float64 between
			fc.assert(
				fc.property(sequences, fc.constantFrom(0.5 + 2 ** -40, 0.6, 0.9, 0.999), (sequence, beta1) => {
					follow({ algorithm, device, hyperparameters: { beta1 } }, sequence, (gradient, before, after) => {
						const way = Math.fround(Math.fround(1 - beta1) * Math.fround(gradient - before));
						expect(after).toBe(Math.fround(before + way));
					});
				}),
				{ numRuns: 30 },
			);
		},
	);

	it.each([
		[0, 0.9, [1, 1e-8], 1],
		[0, 0.9, [100, 1e-3, 1e-3], 1],
		[0, 0, [1, 1e-8], 0.1],
		[0, 0.99, [1, 1e-4, 1e-4, 1e-4], 1e-3],
		[0.1, 0.9, [1e4, 1e-4, 1e-4], 1],
	] as const)(
		'beta1 %f, beta2 %f: gradients %o give the step of the closed form',
		(beta1, beta2, sequence, learningRate) => {
			const parameters = new Float32Array(1);
			const array = new Float32Array(1);
			using optimizer = new LayerwiseOptimizer({
				algorithm: 'adam',
				device,
				hyperparameters: { beta1, beta2 },
				layers: [{ name: 'a', parameters, gradients: array }],
			});
			let [m, v] = [0, 0];
			for (const [i, value] of sequence.entries()) {
				array[0] = value;
				parameters[0] = 0;
				optimizer.step(learningRate);
				m = beta1 * m + (1 - beta1) * (array[0] as number);
				v = beta2 * v + (1 - beta2) * (array[0] as number) ** 2;
				const corrected = Math.sqrt(v / (1 - beta2 ** (i + 1))) + 1e-8;
				const expected = (-learningRate * m) / (1 - beta1 ** (i + 1)) / corrected;
				expect(Math.abs((parameters[0] as number) / expected - 1)).toBeLessThan(1e-5);
			}
		},
	);
});

describe('the first moment in TypeScript', () => {
	it('loses nothing in float64 either', () => {
		expect(lerpMoment(0, 1e30, 1)).toBe(1);
		expect(lerpMoment(0.5, 4, 2)).toBe(3);
		expect(lerpMoment(0.9, 4, 2)).toBe(4 + (1 - 0.9) * -2);
	});

	it('is that of the directions which gradient methods follow', () => {
		const direction = updateDirection({ algorithm: 'adam', hyperparameters: { beta1: 0, beta2: 0 } }, 1);
		for (const gradient of [1e17, 1]) direction.update(Float32Array.of(gradient), new Float32Array(1));
		expect(direction.values[0]).toBeCloseTo(1, 6); // g / (|g| + ε)
	});
});
