import fc from 'fast-check';
import type { LayerwisePlanOptions } from '../../binding.d.ts';
import { LAYERWISE_ALGORITHMS } from '../../src/optimizer/algorithms.js';
import type { LayerwisePlan } from '../../src/optimizer/plan.js';
import { RULES } from '../../src/optimizer/rules.js';
import { STATISTICS } from '../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../src/philox.js';

/** Random layouts of layers for the layerwise step: ragged, empty, unaligned, plain or shared, tame or wild values. */

export const VALUE_KINDS = [
	...(['normal', 'zero', 'constant', 'tiny', 'huge', 'ratio', 'denormal', 'non-finite'] as const),
	...(['magnitudes', 'extremes', 'to-1e18'] as const),
] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

export interface ArraySpec {
	readonly size: number;
	/** Elements before the view in its buffer: 1..15 give every misalignment. */
	readonly offset: number;
	readonly shared: boolean;
	readonly parameters: ValueKind;
	readonly gradients: ValueKind;
}

export interface LayoutSpec {
	readonly seed: number;
	readonly algorithm: number;
	readonly nonFinite: number;
	readonly layers: readonly (readonly ArraySpec[])[];
	readonly learningRate: number;
	readonly weightDecay: number;
	readonly momentum: number;
	readonly inverseScale: number;
	readonly clip?: { readonly layerNorm: number; readonly globalNorm: number };
	readonly hyperparameters?: Partial<LayerwisePlanOptions['hyperparameters']>;
	/** Steps that arrays have taken before, the first ones over and over; default none. */
	readonly ages?: readonly number[];
	/** Arrays whose bit is set have no weight decay (lars: layers); default none. */
	readonly undecayed?: number;
	/** Layers whose bit is set have no trust ratio; default every third. */
	readonly unadapted?: number;
}

const sizes = fc.oneof(
	{ weight: 1, arbitrary: fc.constant(0) },
	{ weight: 4, arbitrary: fc.integer({ min: 1, max: 70 }) },
	{ weight: 1, arbitrary: fc.constantFrom(15, 16, 17, 1023, 1024, 1025, 2047, 2048, 2049) },
	{ weight: 2, arbitrary: fc.integer({ min: 1000, max: 1050 }) },
	{ weight: 1, arbitrary: fc.integer({ min: 2000, max: 4200 }) },
);

/** Enough in one array for several threads: pieces have 65,536 elements, and below 100,000 in all one thread does the work. */
export const largeSizes: fc.Arbitrary<number> = fc.oneof(
	fc.constantFrom(100_000, 131_071, 131_072, 131_073, 196_609),
	fc.integer({ min: 100_000, max: 200_000 }),
);

export function arrayArbitrary(
	size: fc.Arbitrary<number> = sizes,
	kinds: readonly ValueKind[] = VALUE_KINDS,
): fc.Arbitrary<ArraySpec> {
	return fc.record({
		size,
		offset: fc.integer({ min: 0, max: 15 }),
		shared: fc.boolean(),
		parameters: fc.constantFrom(...kinds),
		gradients: fc.constantFrom(...kinds),
	});
}

export function layoutArbitrary(array: fc.Arbitrary<ArraySpec> = arrayArbitrary()): fc.Arbitrary<LayoutSpec> {
	return fc.record({
		seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
		algorithm: fc.integer({ min: 0, max: LAYERWISE_ALGORITHMS.length - 1 }),
		nonFinite: fc.integer({ min: 0, max: 3 }),
		layers: fc.array(fc.array(array, { maxLength: 3 }), { minLength: 1, maxLength: 5 }),
		learningRate: fc.double({ min: -6, max: 0, noNaN: true }).map((exponent) => 10 ** exponent),
		weightDecay: fc.constantFrom(0, 1e-4, 0.1),
		momentum: fc.constantFrom(0, 0.5, 0.9),
		inverseScale: fc.constantFrom(1, 0.5, 1 / 1024, 3),
		clip: fc.constantFrom(
			...[0, 0.01, 10].flatMap((layerNorm) => [0, 1].map((globalNorm) => ({ layerNorm, globalNorm }))),
		),
		undecayed: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 15 - 1 })),
		ages: fc.oneof(
			fc.constant([]),
			fc.array(fc.constantFrom(0, 1, 2, 20, 100_000, 2 ** 53 - 100), { minLength: 1, maxLength: 7 }),
		),
	});
}

/** As above, with everything else that a step depends on drawn too, values at the ends of their ranges included. */
export function wildLayoutArbitrary(array: fc.Arbitrary<ArraySpec> = arrayArbitrary()): fc.Arbitrary<LayoutSpec> {
	const unusual = fc.record({
		learningRate: fc.constantFrom(0, 1e-30, 1e-3, 1e3, 1e30, 3.4e38),
		weightDecay: fc.constantFrom(0, 1e-40, 1, 1e20),
		momentum: fc.constantFrom(0, 1e-30, 0.999, 1),
		inverseScale: fc.constantFrom(0, 1e-45, 1e-20, 2 ** -16, 65_536, 1e30, 3e38),
	});
	const rest = fc.record({
		unadapted: fc.integer({ min: 0, max: 31 }),
		hyperparameters: fc.record({
			beta1: fc.constantFrom(0, 0.3, 0.5, 0.9, 0.9999),
			beta2: fc.constantFrom(0, 0.9, 0.999, 0.999999),
			epsilon: fc.constantFrom(2 ** -126, 1e-20, 1e-8, 1, 1e30),
			rho: fc.constantFrom(0, 0.9, 0.99),
			trustCoefficient: fc.constantFrom(0, 1e-3, 1, 1e30),
		}),
	});
	return fc
		.tuple(layoutArbitrary(array), rest, fc.option(unusual, { nil: {}, freq: 3 }))
		.map(([layout, more, odd]) => ({ ...layout, ...more, ...odd }));
}

const LARGEST = (2 - 2 ** -23) * 2 ** 127;
const EXTREMES = [
	0,
	-0,
	2 ** -149,
	-(2 ** -149),
	2 ** -126,
	LARGEST,
	-LARGEST,
	1,
	Number.NaN,
	Number.POSITIVE_INFINITY,
];

function fill(values: Float32Array, kind: ValueKind, generator: PhiloxGenerator): void {
	const scale = 10 ** (kind === 'to-1e18' ? generator.uniform(-30, 18) : generator.uniform(-3, 1));
	for (let i = 0; i < values.length; i++) {
		const sample = generator.nextFloat() - generator.nextFloat();
		switch (kind) {
			case 'zero':
				values[i] = 0;
				break;
			case 'constant':
				values[i] = scale;
				break;
			case 'tiny':
				values[i] = sample * 1e-24;
				break;
			case 'huge':
				values[i] = sample * 1e22;
				break;
			case 'ratio':
				values[i] = scale * (1 + sample * 1e-6);
				break;
			case 'denormal':
				values[i] = sample * 1e-39;
				break;
			case 'magnitudes':
				values[i] = Math.sign(sample) * 10 ** generator.uniform(-45, 38.5);
				break;
			case 'extremes':
				values[i] = EXTREMES[generator.nextUint32() % EXTREMES.length] as number;
				break;
			case 'non-finite':
				values[i] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][i % 11] ?? sample * scale;
				break;
			default:
				values[i] = sample * scale;
		}
	}
}

export interface Layout {
	readonly options: LayerwisePlanOptions;
	/** Every buffer whole, guards round the views included: what must be equal, or untouched. */
	readonly buffers: readonly Uint8Array[];
	/** Of every step. */
	readonly controls: readonly [learningRates: Float32Array, weightDecays: number, momenta: number];
	readonly inverseScale: number;
}

const EVERY_THIRD = 0b10010;
const GUARD = 16; // elements after every view

interface Filled {
	readonly bytes: Uint8Array;
	readonly shared: boolean;
	readonly offset: number;
	readonly size: number;
}

/** Parameters and gradients of each array in turn; drawing them costs more than stepping them. */
const filled = new WeakMap<LayoutSpec, readonly Filled[]>();

function fillArrays(spec: LayoutSpec): readonly Filled[] {
	const generator = new PhiloxGenerator(spec.seed, 'probe');
	return spec.layers.flat().flatMap(({ size, offset, shared, parameters, gradients }) =>
		[parameters, gradients].map((kind) => {
			const whole = new Float32Array(offset + size + GUARD).fill(-7);
			fill(whole.subarray(offset, offset + size), kind, generator);
			return { bytes: new Uint8Array(whole.buffer), shared, offset, size };
		}),
	);
}

/** Builds the same values from the same spec, every time. */
export function buildLayout(spec: LayoutSpec, threads: number, tier?: string): Layout {
	const parameters: Float32Array[] = [];
	const gradients: Float32Array[] = [];
	const buffers: Uint8Array[] = [];
	const arrays = filled.get(spec) ?? fillArrays(spec);
	filled.set(spec, arrays);
	for (const [i, { bytes, shared, offset, size }] of arrays.entries()) {
		const buffer = shared ? new SharedArrayBuffer(bytes.length) : new ArrayBuffer(bytes.length);
		const copy = new Uint8Array(buffer);
		copy.set(bytes);
		buffers.push(copy);
		(i % 2 === 0 ? parameters : gradients).push(new Float32Array(buffer, offset * 4, size));
	}
	const rates = Float32Array.from(spec.layers, (_, layer) => Math.min(spec.learningRate * (layer + 1), 3.4e38));
	const byLayer = LAYERWISE_ALGORITHMS[spec.algorithm] === 'lars'; // whose trust ratio is taken with one decay
	const layerOf = spec.layers.flatMap((own, layer) => own.map(() => layer));
	return {
		options: {
			algorithm: spec.algorithm,
			nonFinite: spec.nonFinite,
			threads,
			tier,
			hyperparameters: {
				beta1: 0.9,
				beta2: 0.999,
				epsilon: 1e-8,
				rho: 0.99,
				trustCoefficient: 0.02,
				...spec.hyperparameters,
			},
			clip: spec.clip ?? {},
			adapt: Uint8Array.from(spec.layers, (_, layer) => (((spec.unadapted ?? EVERY_THIRD) >> layer) & 1 ? 0 : 1)),
			decays: Uint8Array.from(layerOf, (layer, i) => (((spec.undecayed ?? 0) >> (byLayer ? layer : i)) & 1 ? 0 : 1)),
			parameters,
			gradients,
			arraysPerLayer: Uint32Array.from(spec.layers, (arrays) => arrays.length),
		},
		buffers,
		controls: [rates, spec.weightDecay, spec.momentum],
		inverseScale: spec.inverseScale,
	};
}

/** Gives a fresh plan's arrays the ages of the layout. */
export function grow(spec: LayoutSpec, layout: Layout, plan: LayerwisePlan): void {
	const { ages = [] } = spec;
	if (ages.length === 0) return;
	plan.writeSteps(Float64Array.from(layout.options.parameters, (_, i) => ages[i % ages.length] as number));
}

/** Makes every NaN the same one: which it is depends on the order of an instruction's operands, and nobody promises that. */
function withOneNaN(bytes: Uint8Array): Uint8Array {
	const copy = Uint8Array.from(bytes);
	const words = new Uint32Array(copy.buffer);
	for (let i = 0; i < words.length; i++) if (((words[i] as number) & 0x7fffffff) > 0x7f800000) words[i] = 0x7fc00000;
	return copy;
}

/** Everything a run leaves behind, as bytes. */
export function snapshot(layout: Layout, plan: LayerwisePlan, statistics: readonly Float32Array[]): Uint8Array[] {
	const { parameters, algorithm } = layout.options;
	const name = LAYERWISE_ALGORITHMS[algorithm] as (typeof LAYERWISE_ALGORITHMS)[number];
	const steps = new Float64Array(parameters.length);
	plan.readSteps(steps);
	const bytes = [...layout.buffers, new Uint8Array(steps.buffer)];
	for (const array of statistics) bytes.push(new Uint8Array(array.buffer));
	for (let array = 0; array < parameters.length; array++) {
		for (let moment = 0; moment < RULES[name].moments; moment++) {
			const values = new Float32Array((parameters[array] as Float32Array).length);
			plan.readMoment(array, moment, values);
			bytes.push(new Uint8Array(values.buffer));
		}
	}
	return bytes.map(withOneNaN);
}

export function newStatistics(layout: Layout): Float32Array {
	return new Float32Array(layout.options.arraysPerLayer.length * STATISTICS.length);
}

export function sameBytes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
	return a.length === b.length && a.every((part, i) => Buffer.compare(part, b[i] as Uint8Array) === 0);
}
