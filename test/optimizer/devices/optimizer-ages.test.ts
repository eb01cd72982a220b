import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import type { LayerwiseOptimizerOptions } from '../../../src/optimizer/optimizer-options.js';
import type { LayerState, OptimizerState } from '../../../src/optimizer/optimizer-state.js';
import { STATISTIC_INDEX, STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

/** Arrays of one layer that have taken different numbers of steps: one joined later, or sat out (gradual unfreezing). */

function random(size: number, seed: number): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	return Float32Array.from({ length: size }, () => generator.nextNormal());
}

interface Arrays {
	readonly parameters: readonly Float32Array[];
	readonly gradients: readonly Float32Array[];
	/** Of each array. */
	readonly ages: readonly number[];
}

function draw(sizes: readonly number[], ages: readonly number[]): Arrays {
	return {
		parameters: sizes.map((size, i) => random(size, i)),
		gradients: sizes.map((size, i) => random(size, 100 + i)),
		ages,
	};
}

type Options = Omit<LayerwiseOptimizerOptions, 'layers'>;

/** Of `arrays`, in layers of so many each, at their ages; moments as of arrays that have seen something. */
function make(
	options: Options,
	{ parameters, gradients, ages }: Arrays,
	arraysPerLayer: readonly number[],
	adapt = true,
) {
	let first = 0;
	const ranges = arraysPerLayer.map((count) => {
		first += count;
		return [first - count, first] as const;
	});
	const optimizer = new LayerwiseOptimizer({
		...options,
		layers: ranges.map((range, i) => ({
			name: `${i}`,
			parameters: parameters.slice(...range),
			gradients: gradients.slice(...range),
			adapt,
		})),
	});
	const { layers } = optimizer.state();
	optimizer.restore({
		algorithm: options.algorithm,
		layers: layers.map(({ name, moments }, l) => {
			const own = ages.slice(...(ranges[l] as readonly [number, number]));
			return {
				name,
				step: Math.max(0, ...own),
				steps: own,
				moments: moments.map((arrays, moment) =>
					arrays.map(({ length }, i) =>
						random(length, 200 + (ranges[l]?.[0] ?? 0) + i).map((x) => (moment === 0 ? x : x * x)),
					),
				),
			};
		}),
	});
	return optimizer;
}

const copy = ({ parameters, gradients, ages }: Arrays): Arrays => ({
	parameters: parameters.map((array) => array.slice()),
	gradients,
	ages,
});

const CORRECTED = ['adam', 'adamw', 'lamb'] as const;

describe.each(OPTIMIZER_DEVICES)('arrays of different ages in one layer (%s)', (device) => {
	it.each(['adam', 'adamw'] as const)(
		'%s: one that joins an older layer takes a first step of the learning rate',
		(algorithm) => {
			const [early, late] = [Float32Array.of(0), Float32Array.of(0)];
			const gradients = [Float32Array.of(1), Float32Array.of(-3)];
			const hyperparameters = { weightDecay: 0 };
			using before = new LayerwiseOptimizer({
				algorithm,
				device,
				hyperparameters,
				layers: [{ name: 'encoder', parameters: early, gradients: gradients[0] as Float32Array }],
			});
			for (let step = 0; step < 200; step++) before.step(0.01);
			const [layer] = before.state().layers;
			using after = new LayerwiseOptimizer({
				algorithm,
				device,
				hyperparameters,
				layers: [{ name: 'encoder', parameters: [early, late], gradients }],
			});
			const joined = layer?.moments.map((arrays) => [...arrays, new Float32Array(1)]) ?? [];
			after.restore({ algorithm, layers: [{ name: 'encoder', step: 200, steps: [200, 0], moments: joined }] });
			const start = early[0] as number;
			after.step(0.01);
			expect(late[0]).toBeCloseTo(0.01, 7); // the sign of the gradient
			expect((early[0] as number) - start).toBeCloseTo(-0.01, 4);
			expect(after.state().layers[0]).toMatchObject({ step: 201, steps: [201, 1] });
		},
	);

	it.each(CORRECTED)('%s: each steps as if it were a layer of its own, to the bit', (algorithm) => {
		const cases = fc.array(
			fc.record({ size: fc.integer({ min: 0, max: 1100 }), age: fc.constantFrom(0, 1, 2, 5, 300, 1e6) }),
			{ minLength: 1, maxLength: 5 },
		);
		fc.assert(
			fc.property(cases, (drawn) => {
				const together = draw(
					drawn.map(({ size }) => size),
					drawn.map(({ age }) => age),
				);
				const apart = copy(together);
				// A trust ratio would be one for all of them.
				const one = make({ algorithm, device }, together, [drawn.length], false);
				const own = make(
					{ algorithm, device },
					apart,
					drawn.map(() => 1),
					false,
				);
				for (let step = 0; step < 2; step++) for (const optimizer of [one, own]) optimizer.step(0.01);
				expect(together.parameters).toEqual(apart.parameters);
				const [layer] = one.state().layers;
				for (const [i, { step, moments }] of own.state().layers.entries()) {
					expect(layer?.steps?.[i] ?? layer?.step).toBe(step);
					expect(layer?.moments.map((arrays) => arrays[i])).toEqual(moments.map(([array]) => array));
				}
				for (const optimizer of [one, own]) optimizer.dispose();
			}),
			{ numRuns: 15 },
		);
	});

	it('LAMB has one trust ratio for the layer, of directions that are each corrected by their own age', () => {
		const [p, g, ages] = [
			[3, 4],
			[0.5, -2],
			[9, 0],
		] as const;
		const [beta1, beta2] = [0.9, 0.999];
		const moments = [
			[0.25, 0],
			[0.5, 0],
		] as const;
		const parameters = p.map((x) => Float32Array.of(x));
		using optimizer = new LayerwiseOptimizer({
			algorithm: 'lamb',
			device,
			layers: [{ name: 'a', parameters, gradients: g.map((x) => Float32Array.of(x)) }],
		});
		const state = moments.map((values) => values.map((x) => Float32Array.of(x)));
		optimizer.restore({ algorithm: 'lamb', layers: [{ name: 'a', step: 9, steps: [...ages], moments: state }] });
		const statistics = new Float32Array(STATISTICS.length);
		optimizer.step(0.1, statistics);
		const corrected = g.map((x, i) => (beta1 * moments[0][i]! + (1 - beta1) * x) / (1 - beta1 ** (ages[i]! + 1)));
		const r = g.map((x, i) => {
			const second = (beta2 * moments[1][i]! + (1 - beta2) * x * x) / (1 - beta2 ** (ages[i]! + 1));
			return corrected[i]! / (Math.sqrt(second) + 1e-6);
		});
		const trust = Math.hypot(...p) / Math.hypot(...r);
		for (const [i, array] of parameters.entries()) expect(array[0]).toBeCloseTo(p[i]! - 0.1 * trust * r[i]!, 5);
		// And so are the moments that the statistics describe.
		expect(statistics[STATISTIC_INDEX.momentNorm]).toBeCloseTo(Math.hypot(...corrected), 5);
		const product = corrected.reduce((sum, m, i) => sum + m * g[i]!, 0);
		const cosine = product / Math.hypot(...corrected) / Math.hypot(...g);
		expect(statistics[STATISTIC_INDEX.gradientMomentCosine]).toBeCloseTo(cosine, 5);
	});

	it('go on elsewhere with the same bits, and are one age again where a state says so', () => {
		for (const algorithm of [...CORRECTED, 'momentum'] as const) {
			const arrays = draw([70, 5, 1030], [3, 0, 3]);
			using original = make({ algorithm, device }, arrays, [3]);
			original.step(0.01);
			const state = original.state();
			expect(state.layers[0]).toMatchObject({ step: 4, steps: [4, 1, 4] });
			const other = copy(arrays);
			using elsewhere = make({ algorithm, device }, other, [3]);
			elsewhere.restore(structuredClone(state));
			const statistics = [original, elsewhere].map((optimizer) => {
				const values = new Float32Array(STATISTICS.length);
				optimizer.step(0.01, values);
				return values;
			});
			expect(statistics[1]).toEqual(statistics[0]);
			expect(other.parameters).toEqual(arrays.parameters);
			expect(elsewhere.state()).toEqual(original.state());
			// As version 0.1 wrote states: one count for all arrays.
			elsewhere.restore({
				algorithm,
				layers: state.layers.map(({ name, moments }) => ({ name, step: 7, moments })),
			});
			elsewhere.step(0.01);
			expect(elsewhere.state().layers[0]).toMatchObject({ step: 8 });
			expect(elsewhere.state().layers[0]).not.toHaveProperty('steps');
		}
	});

	it.each(['skip-layer', 'skip-network'] as const)(
		'count no step where %s skips their layer, not one of them',
		(nonFinite) => {
			const arrays = draw([20, 30], [2, 5]);
			using optimizer = make({ algorithm: 'adam', device, nonFinite }, arrays, [2]);
			const statistics = new Float32Array(STATISTICS.length);
			(arrays.gradients[1] as Float32Array)[7] = Number.NaN;
			const before = arrays.parameters.map((array) => array.slice());
			optimizer.step(0.01, statistics);
			expect(arrays.parameters).toEqual(before);
			expect(optimizer.state().layers[0]).toMatchObject({ step: 5, steps: [2, 5] });
			// The statistics describe the moments of the last step.
			const moments = optimizer
				.state()
				.layers[0]?.moments[0]?.flatMap((array, i) => Array.from(array, (m) => m / (1 - 0.9 ** [2, 5][i]!)));
			expect(statistics[STATISTIC_INDEX.momentNorm]! / Math.hypot(...(moments ?? []))).toBeCloseTo(1, 5);
			(arrays.gradients[1] as Float32Array)[7] = 1;
			optimizer.step(0.01);
			expect(optimizer.state().layers[0]).toMatchObject({ step: 6, steps: [3, 6] });
		},
	);

	it('are clipped together, by the norm of their layer', () => {
		for (const clip of [{ layerNorm: 1 }, { globalNorm: 1 }, { layerNorm: 2, globalNorm: 1 }]) {
			const arrays = { ...draw([2, 2], [0, 50]), gradients: [Float32Array.of(6, 0), Float32Array.of(0, 8)] };
			using optimizer = make({ algorithm: 'adam', device, clip, hyperparameters: { beta1: 0 } }, arrays, [2]);
			optimizer.step(0.01);
			const [first] = optimizer.state().layers[0]?.moments ?? []; // beta1 = 0: the clipped gradients
			for (const [i, expected] of [0.6, 0, 0, 0.8].entries()) {
				expect(first?.[i >> 1]?.[i % 2]).toBeCloseTo(expected, 5);
			}
		}
	});

	it('are counted together as before where they are all of one age', () => {
		using optimizer = make({ algorithm: 'adam', device }, draw([3, 4], [6, 6]), [2]);
		expect(optimizer.state().layers[0]).toMatchObject({ step: 6 });
		expect(optimizer.state().layers[0]).not.toHaveProperty('steps');
	});

	it('leave a layer without arrays at no step', () => {
		using optimizer = new LayerwiseOptimizer({
			algorithm: 'adam',
			device,
			layers: [
				{ name: 'none', parameters: [], gradients: [] },
				{ name: 'empty', parameters: [new Float32Array(0)], gradients: [new Float32Array(0)] },
			],
		});
		for (let step = 0; step < 3; step++) optimizer.step(0.1);
		const state = optimizer.state();
		expect(state.layers.map(({ step }) => step)).toEqual([0, 3]);
		optimizer.restore({ ...state, layers: state.layers.map((layer) => ({ ...layer, step: 5 })) });
		expect(optimizer.state().layers.map(({ step }) => step)).toEqual([0, 5]);
	});

	it.each<[string, Partial<Record<keyof LayerState, unknown>>, RegExp]>([
		['too few', { steps: [4] }, /2 counts of steps, one for each array of the layer, for state\.layers\[0\]\.steps/],
		['none', { steps: [] }, /2 counts of steps/],
		['a typed array', { steps: Float64Array.of(4, 1) }, /2 counts of steps/],
		['half a step', { steps: [4, 0.5] }, /a count of steps for state\.layers\[0\]\.steps\[1\]/],
		['fewer than none', { steps: [4, -1] }, /a count of steps for state\.layers\[0\]\.steps\[1\]/],
		['a hole', { steps: [4, undefined] }, /a count of steps for state\.layers\[0\]\.steps\[1\]/],
		[
			'a step that is not the largest',
			{ step: 3 },
			/the largest of steps, or no steps beside it, for state\.layers\[0\]\.step/,
		],
	])('are refused whole where the counts are wrong: %s', (_, change, message) => {
		using optimizer = make({ algorithm: 'adam', device }, draw([3, 4], [4, 1]), [2]);
		const before = optimizer.state();
		const changed = { ...before, layers: before.layers.map((layer) => ({ ...layer, ...change })) };
		expect(() => optimizer.restore(changed as OptimizerState)).toThrow(message);
		expect(optimizer.state()).toEqual(before);
	});
});

describe('back ends', () => {
	it.each<LayerwiseAlgorithm>(['adam', 'lamb'])(
		'%s: the addon and the reference agree on arrays of different ages',
		(algorithm) => {
			const [device] = OPTIMIZER_DEVICES;
			const results = ([device as (typeof OPTIMIZER_DEVICES)[number], 'reference'] as const).map((name) => {
				const arrays = draw([2000, 70, 3], [4, 0, 1000]);
				using optimizer = make({ algorithm, device: name }, arrays, [3]);
				const statistics = new Float32Array(STATISTICS.length);
				optimizer.step(0.01, statistics);
				return { arrays, statistics };
			});
			for (const [i, array] of (results[0]?.arrays.parameters ?? []).entries()) {
				for (const [j, value] of array.entries()) {
					expect(value).toBeCloseTo(results[1]?.arrays.parameters[i]?.[j] as number, 6);
				}
			}
			for (const [i, value] of (results[0]?.statistics ?? []).entries()) {
				expect(value).toBeCloseTo(results[1]?.statistics[i] as number, 3);
			}
		},
	);
});
