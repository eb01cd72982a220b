import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import type { StepControls } from '../../../src/optimizer/controls.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import type { ClipOptions, LayerwiseOptimizerOptions } from '../../../src/optimizer/optimizer-options.js';
import { STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

/** A layer in which some arrays have weight decay and others none: a kernel and its bias. */

function random(size: number, seed: number): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	return Float32Array.from({ length: size }, () => generator.nextNormal());
}

type Options = Omit<LayerwiseOptimizerOptions, 'layers'>;

interface Layer {
	readonly sizes: readonly number[];
	readonly weightDecay: boolean | readonly boolean[];
}

/** The same arrays whatever the layers are: the i-th has the same values, and is as old as `ages` says. */
function make(options: Options, layers: readonly Layer[], { adapt = true, ages = [] as readonly number[] } = {}) {
	let next = 0;
	const registered = layers.map(({ sizes, weightDecay }, l) => {
		const indices = sizes.map(() => next++);
		return {
			indices,
			layer: {
				name: `${l}`,
				parameters: sizes.map((size, i) => random(size, indices[i] as number)),
				gradients: sizes.map((size, i) => random(size, 100 + (indices[i] as number))),
				weightDecay,
				adapt,
			},
		};
	});
	const optimizer = new LayerwiseOptimizer({ ...options, layers: registered.map(({ layer }) => layer) });
	if (ages.length > 0) {
		const state = optimizer.state();
		optimizer.restore({
			...state,
			layers: state.layers.map((layer, l) => {
				const steps = (registered[l]?.indices ?? []).map((i) => ages[i % ages.length] as number);
				return { ...layer, step: Math.max(0, ...steps), steps };
			}),
		});
	}
	const parameters = registered.flatMap(({ layer }) => layer.parameters);
	const gradients = registered.flatMap(({ layer }) => layer.gradients);
	/** Parameters, moments and count of every array. */
	const left = () =>
		optimizer.state().layers.flatMap(({ step, steps, moments }, l) =>
			(registered[l]?.indices ?? []).map((index, i) => ({
				parameters: (parameters[index] as Float32Array).slice(),
				moments: moments.map((arrays) => arrays[i]),
				step: steps?.[i] ?? step,
			})),
		);
	return { optimizer, parameters, gradients, left };
}

const noDecay: Options['hyperparameters'] = { weightDecay: 0 };
const decay: Options['hyperparameters'] = { weightDecay: 0.1 };

/** Weight decays of the hyperparameters, of the step, and of the hyperparameters again. */
const CONTROLS: readonly (number | StepControls)[] = [0.01, { learningRates: 0.02, weightDecays: 0.4 }, 0.01, 0.01];

const drawnArrays = fc.array(
	fc.record({
		size: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1100 })),
		decays: fc.boolean(),
	}),
	{ minLength: 1, maxLength: 5 },
);
const drawnAges = fc.constantFrom<readonly number[]>([], [3], [0, 7], [5, 5, 0]);

/** All but LARS with its trust ratio, which is refused. */
const clips = fc.constantFrom<ClipOptions>({}, { layerNorm: 1 }, { globalNorm: 1 }, { layerNorm: 2, globalNorm: 1 });

describe.each(OPTIMIZER_DEVICES)('arrays of one layer with weight decay and without (%s)', (device) => {
	it.each(LAYERWISE_ALGORITHMS)('%s: each steps as if it were a layer of its own, to the bit', (algorithm) => {
		// Passes before the step, and norms that clip nothing: a trust ratio or a norm to clip to would be the layer's.
		const passes = fc.constantFrom<Options>(
			{ algorithm },
			{ algorithm, clip: { layerNorm: 1e30 } },
			{ algorithm, clip: { globalNorm: 1e30 } },
			{ algorithm, nonFinite: 'skip-layer' },
		);
		fc.assert(
			fc.property(drawnArrays, drawnAges, passes, (arrays, ages, options) => {
				const given = { ...options, device, hyperparameters: decay };
				const sizes = arrays.map(({ size }) => size);
				const together = make(given, [{ sizes, weightDecay: arrays.map(({ decays }) => decays) }], {
					adapt: false,
					ages,
				});
				const apart = make(
					given,
					arrays.map(({ size, decays }) => ({ sizes: [size], weightDecay: decays })),
					{ adapt: false, ages },
				);
				for (const controls of CONTROLS) for (const { optimizer } of [together, apart]) optimizer.step(controls);
				expect(together.left()).toEqual(apart.left());
				for (const { optimizer } of [together, apart]) optimizer.dispose();
			}),
			{ numRuns: 15 },
		);
	});

	it.each(LAYERWISE_ALGORITHMS.filter((name) => name !== 'lamb'))(
		'%s: each steps, clipped or not, as it would in a layer that agrees with it, to the bit',
		(algorithm) => {
			fc.assert(
				fc.property(drawnArrays, drawnAges, clips, (arrays, ages, clip) => {
					const options = { algorithm, device, clip, hyperparameters: decay };
					const sizes = arrays.map(({ size }) => size);
					const [mixed, all, none] = [arrays.map(({ decays }) => decays), true, false].map((weightDecay) => {
						const made = make(options, [{ sizes, weightDecay }], { adapt: false, ages });
						for (const controls of CONTROLS) made.optimizer.step(controls);
						const left = made.left();
						made.optimizer.dispose();
						return left;
					});
					expect(mixed).toEqual(arrays.map(({ decays }, i) => (decays ? all : none)?.[i]));
				}),
				{ numRuns: 10 },
			);
		},
	);

	it.each(LAYERWISE_ALGORITHMS.filter((name) => name !== 'lars'))(
		'%s: a switch for every array is the switch of the layer where all agree, statistics included',
		(algorithm) => {
			for (const weightDecay of [true, false]) {
				const results = [weightDecay, [weightDecay, weightDecay, weightDecay]].map((given) => {
					const made = make({ algorithm, device, hyperparameters: decay }, [
						{ sizes: [1030, 5, 0], weightDecay: given },
					]);
					const statistics = new Float32Array(STATISTICS.length);
					for (const controls of CONTROLS) made.optimizer.step(controls, statistics);
					made.optimizer.dispose();
					return { statistics, parameters: made.parameters };
				});
				expect(results[1]).toEqual(results[0]);
			}
		},
	);

	it.each(LAYERWISE_ALGORITHMS.filter((name) => name !== 'lars'))(
		'%s: statistics are added as ever, to the bit: with a decay of 0 it does not matter which arrays would have it',
		(algorithm) => {
			for (const ages of [[], [4], [4, 0, 4]]) {
				const statistics = [true, [true, false, true]].map((weightDecay) => {
					const options = { algorithm, device, hyperparameters: noDecay };
					const made = make(options, [{ sizes: [1030, 70, 5], weightDecay }], { ages });
					const values = CONTROLS.map(() => new Float32Array(STATISTICS.length));
					for (const out of values) made.optimizer.step(0.01, out);
					made.optimizer.dispose();
					return values;
				});
				expect(statistics[1]).toEqual(statistics[0]);
			}
		},
	);

	it('corrects the first moments of the whole layer at once, where rounding shows: arrays whose products cancel', () => {
		const moment = new PhiloxGenerator(1, 'probe');
		const gradients = [Float32Array.of(1), Float32Array.of(1)];
		for (let trial = 0; trial < 200; trial++) {
			const first = moment.nextNormal();
			const moments = [first, -first - 2 / 9].map((value) => Float32Array.of(value)); // 0.9 m + 0.1 g: x and −x, nearly
			const squares = [Float32Array.of(1), Float32Array.of(1)];
			const statistics = [true, [true, false]].map((weightDecay) => {
				const parameters = [Float32Array.of(1), Float32Array.of(1)];
				const layers = [{ name: 'a', parameters, gradients, weightDecay }];
				using optimizer = new LayerwiseOptimizer({ algorithm: 'adam', device, layers });
				optimizer.restore({ algorithm: 'adam', layers: [{ name: 'a', step: 6, moments: [moments, squares] }] });
				const values = new Float32Array(STATISTICS.length);
				optimizer.step(0.01, values);
				return values;
			});
			expect(statistics[1]).toEqual(statistics[0]);
		}
	});

	it.each<[LayerwiseAlgorithm, number]>([
		['sgd', 1 - 0.5 * 0.1],
		['momentum', 1 - 0.5 * 0.1],
		['adamw', 1 - 0.5 * 0.1],
		['lion', 1 - 0.5 * 0.1],
	])('%s: without a gradient a kernel shrinks by its decay, and its bias stays', (algorithm, factor) => {
		const [kernel, bias] = [Float32Array.of(2, -4), Float32Array.of(3)];
		using optimizer = new LayerwiseOptimizer({
			algorithm,
			device,
			hyperparameters: decay,
			layers: [
				{
					name: 'dense',
					parameters: [kernel, bias],
					gradients: [new Float32Array(2), new Float32Array(1)],
					weightDecay: [true, false],
				},
			],
		});
		optimizer.step(0.5);
		for (const [i, value] of [2, -4].entries()) expect(kernel[i]).toBeCloseTo(value * factor, 6);
		expect(bias[0]).toBe(3);
		// A step's own weight decay, for all layers or each, does not reach the bias either.
		for (const weightDecays of [0.2, Float32Array.of(0.2)]) optimizer.step({ learningRates: 0.5, weightDecays });
		expect(bias[0]).toBe(3);
		expect(Math.abs(kernel[0] as number)).toBeLessThan(2 * factor * 0.95);
	});

	it('LAMB has one trust ratio for the layer, of directions of which those with decay alone have it', () => {
		const [p, g] = [
			[3, 4],
			[0.5, -2],
		] as const;
		const parameters = p.map((x) => Float32Array.of(x));
		using optimizer = new LayerwiseOptimizer({
			algorithm: 'lamb',
			device,
			hyperparameters: decay,
			layers: [{ name: 'a', parameters, gradients: g.map((x) => Float32Array.of(x)), weightDecay: [true, false] }],
		});
		optimizer.step(0.1);
		const r = g.map((x, i) => x / (Math.abs(x) + 1e-6) + (i === 0 ? 0.1 * p[i]! : 0)); // step 1: m̂ = g, v̂ = g²
		const trust = Math.hypot(...p) / Math.hypot(...r);
		for (const [i, array] of parameters.entries()) expect(array[0]).toBeCloseTo(p[i]! - 0.1 * trust * r[i]!, 5);
	});

	it('LARS takes them in layers without a trust ratio, where it is momentum', () => {
		const results = (['lars', 'momentum'] as const).map((algorithm) => {
			const hyperparameters = { ...decay, momentum: 0.9 };
			const layers = [{ sizes: [300, 7], weightDecay: [true, false] }];
			const made = make({ algorithm, device, hyperparameters }, layers, { adapt: false });
			for (const controls of CONTROLS) made.optimizer.step(controls);
			made.optimizer.dispose();
			return made.parameters;
		});
		for (const [i, array] of (results[0] ?? []).entries()) {
			for (const [j, value] of array.entries()) expect(value).toBeCloseTo(results[1]?.[i]?.[j] as number, 5);
		}
	});

	it.each(['adam', 'adamw', 'lamb', 'nesterov'] as const)(
		'%s: go on elsewhere from a state with the same bits, of one age or several, awaited or not',
		async (algorithm) => {
			for (const ages of [[], [4, 0, 4, 9]]) {
				const options = { algorithm, device, hyperparameters: decay };
				const layers: Layer[] = [
					{ sizes: [70, 5, 1030], weightDecay: [true, false, false] },
					{ sizes: [12], weightDecay: [false] },
				];
				const original = make(options, layers, { ages });
				for (const controls of CONTROLS) original.optimizer.step(controls);
				const elsewhere = make(options, layers);
				elsewhere.optimizer.restore(structuredClone(original.optimizer.state()));
				for (const [i, array] of original.parameters.entries()) elsewhere.parameters[i]?.set(array);
				const statistics = [0, 1].map(() => new Float32Array(2 * STATISTICS.length));
				original.optimizer.step(0.01, statistics[0]);
				await elsewhere.optimizer.stepAsync(0.01, statistics[1]);
				expect(elsewhere.left()).toEqual(original.left());
				expect(statistics[1]).toEqual(statistics[0]);
				for (const { optimizer } of [original, elsewhere]) optimizer.dispose();
			}
		},
	);

	it('probe what the next step does', () => {
		const made = make({ algorithm: 'adamw', device, hyperparameters: decay }, [
			{ sizes: [64, 8], weightDecay: [true, false] },
		]);
		const before = made.left();
		const [probed, stepped] = [new Float32Array(STATISTICS.length), new Float32Array(STATISTICS.length)];
		made.optimizer.probe(0.01, probed);
		expect(made.left()).toEqual(before);
		made.optimizer.step(0.01, stepped);
		expect(probed).toEqual(stepped);
		made.optimizer.dispose();
	});
});
