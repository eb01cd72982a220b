import fc from 'fast-check';
import type { LayerwisePlanOptions } from '../../binding.d.ts';
import { LAYERWISE_ALGORITHMS } from '../../src/optimizer/algorithms.js';
import type { LayerwiseBackend } from '../../src/optimizer/backend.js';
import { MOMENT_COUNT } from '../../src/optimizer/rules.js';
import { STATISTICS } from '../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../src/philox.js';

/** Random layouts of layers for the layerwise step: ragged, empty, unaligned, plain or shared, tame or wild values. */

export const VALUE_KINDS = ['normal', 'zero', 'constant', 'tiny', 'huge', 'ratio', 'denormal', 'non-finite'] as const;
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
}

const sizes = fc.oneof(
	{ weight: 1, arbitrary: fc.constant(0) },
	{ weight: 4, arbitrary: fc.integer({ min: 1, max: 70 }) },
	{ weight: 2, arbitrary: fc.integer({ min: 1000, max: 1050 }) },
	{ weight: 1, arbitrary: fc.integer({ min: 2000, max: 4200 }) },
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
	});
}

function fill(values: Float32Array, kind: ValueKind, generator: PhiloxGenerator): void {
	const scale = 10 ** generator.uniform(-3, 1);
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
	readonly inverseScale: number;
}

const GUARD = 16; // elements after every view

/** Builds the same values from the same spec, every time. */
export function buildLayout(spec: LayoutSpec, threads: number, tier?: string): Layout {
	const generator = new PhiloxGenerator(spec.seed, 'probe');
	const parameters: Float32Array[] = [];
	const gradients: Float32Array[] = [];
	const buffers: Uint8Array[] = [];
	for (const array of spec.layers.flat()) {
		for (const [list, kind] of [
			[parameters, array.parameters],
			[gradients, array.gradients],
		] as const) {
			const bytes = (array.offset + array.size + GUARD) * 4;
			const buffer = array.shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
			new Float32Array(buffer).fill(-7);
			const view = new Float32Array(buffer, array.offset * 4, array.size);
			fill(view, kind, generator);
			list.push(view);
			buffers.push(new Uint8Array(buffer));
		}
	}
	const controls = new Float64Array(spec.layers.length * 3);
	for (let layer = 0; layer < spec.layers.length; layer++) {
		controls[layer * 3] = spec.learningRate * (layer + 1);
		controls[layer * 3 + 1] = spec.weightDecay;
		controls[layer * 3 + 2] = spec.momentum;
	}
	return {
		options: {
			algorithm: spec.algorithm,
			nonFinite: spec.nonFinite,
			threads,
			tier,
			hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rho: 0.99, trustCoefficient: 0.02 },
			clip: spec.clip ?? {},
			adapt: Uint8Array.from(spec.layers, (_, layer) => (layer % 3 === 1 ? 0 : 1)),
			parameters,
			gradients,
			arraysPerLayer: Uint32Array.from(spec.layers, (arrays) => arrays.length),
			controls,
		},
		buffers,
		inverseScale: spec.inverseScale,
	};
}

/** Everything a run leaves behind, as bytes. */
export function snapshot(layout: Layout, backend: LayerwiseBackend, statistics: readonly Float32Array[]): Uint8Array[] {
	const { parameters, algorithm, arraysPerLayer } = layout.options;
	const name = LAYERWISE_ALGORITHMS[algorithm] as (typeof LAYERWISE_ALGORITHMS)[number];
	const steps = new Float64Array(arraysPerLayer.length);
	backend.readSteps(steps);
	const bytes = [...layout.buffers, new Uint8Array(steps.buffer)];
	for (const array of statistics) bytes.push(new Uint8Array(array.buffer));
	for (let array = 0; array < parameters.length; array++) {
		for (let moment = 0; moment < MOMENT_COUNT[name]; moment++) {
			const values = new Float32Array((parameters[array] as Float32Array).length);
			backend.readMoment(array, moment, values);
			bytes.push(new Uint8Array(values.buffer));
		}
	}
	return bytes.map((part) => Uint8Array.from(part));
}

export function newStatistics(layout: Layout): Float32Array {
	return new Float32Array(layout.options.arraysPerLayer.length * STATISTICS.length);
}

export function sameBytes(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
	return a.length === b.length && a.every((part, i) => Buffer.compare(part, b[i] as Uint8Array) === 0);
}
