import type { LayerwiseAlgorithm } from 'ganno';

/** A layout of layers that benchmarks step. */
export interface StepCase {
	readonly name: string;
	readonly algorithm: LayerwiseAlgorithm;
	/** Elements of each layer; one array a layer. */
	readonly sizes: readonly number[];
	readonly threads: number;
	readonly metric: 'ns_per_parameter' | 'microseconds_per_call';
	/** Whether other packages are measured on it. */
	readonly rivals: boolean;
}

/** Bytes a parameter that Adam must read (gradient, parameter, two moments) and write (all but the gradient). */
export const ADAM_BYTES = 28;

/**
 * The same for every layer: PyTorch and tfjs take one learning rate a call, and would need a call a layer for more. ganno is passed
 * one a layer all the same. Exact in float32.
 */
export const LEARNING_RATE = 2 ** -14;

/** Eight layers that grow and shrink, as the layers of a convolutional network do: 64ths of the whole. */
export const CUT = [2, 4, 8, 16, 16, 8, 6, 4] as const;
const SIZES = { '16K': 16_000, '64K': 64_000, '1M': 1_000_000, '16M': 16_000_000, '64M': 64_000_000 } as const;

function sized(algorithm: LayerwiseAlgorithm, size: keyof typeof SIZES, threads: number): StepCase {
	const sizes = CUT.map((part) => (SIZES[size] * part) / 64);
	return {
		name: `${algorithm}-${size}-${threads}`,
		algorithm,
		sizes,
		threads,
		metric: 'ns_per_parameter',
		rivals: true,
	};
}

function layers(name: string, sizes: readonly number[], metric: StepCase['metric']): StepCase {
	return { name, algorithm: 'adam', sizes, threads: 1, metric, rivals: false };
}

/** 300 perceptrons 9-9-9-9-7: 1,200 layers of 85 parameters on average. */
export const POPULATION = 'population-300x4-1';
/** 100 layers of one element: the call, and what the kernel takes to turn from one layer to the next. */
export const OVERHEAD = 'overhead-100x1';
/** 100 layers of none: the call alone, with its checks, controls and scalars. */
export const EMPTY_OVERHEAD = 'overhead-100x0';

export const ADAM_CASES: readonly StepCase[] = [
	sized('adam', '16K', 1),
	sized('adam', '64K', 1),
	sized('adam', '1M', 1),
	sized('adam', '1M', 2),
	sized('adam', '16M', 1),
	sized('adam', '16M', 2),
	sized('adam', '64M', 1),
	sized('adam', '64M', 2),
	layers(POPULATION, Array.from({ length: 300 }, () => [90, 90, 90, 70]).flat(), 'ns_per_parameter'),
	layers(
		OVERHEAD,
		Array.from({ length: 100 }, () => 1),
		'microseconds_per_call',
	),
	layers(
		EMPTY_OVERHEAD,
		Array.from({ length: 100 }, () => 0),
		'microseconds_per_call',
	),
];

/** The other algorithms, with `--algorithms`. */
export const ALGORITHM_CASES: readonly StepCase[] = (
	['sgd', 'momentum', 'nesterov', 'rmsprop', 'adamw', 'lion', 'lars', 'lamb'] as const
).map((algorithm) => sized(algorithm, '1M', 1));

export function parameterCount({ sizes }: StepCase): number {
	return sizes.reduce((sum, size) => sum + size, 0);
}
