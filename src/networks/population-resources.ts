import { keysOf } from '../arguments.js';

/** Where a population lives. */
export type PopulationDevice = 'auto' | 'cpu' | `cuda:${number}`;
/** What the products of dense and convolution layers are computed in; everything else is float32 always. */
export const PRECISIONS = ['float32', 'tf32'] as const;
export type Precision = (typeof PRECISIONS)[number];

/**
 * What populations are given of the machine: not part of any task, and apart from `precision` without effect on results. Declared here
 * alone; everything between the command line and the addon passes it on whole.
 */
export interface PopulationResources {
	/**
	 * Where networks live and train; default 'auto', which is the CPU. `cuda:0` is CUDA's first device (`devices()` lists them): the data
	 * set is copied to it when the first population is opened on it, and later changes of its images are not seen; all populations of the
	 * process share the copy.
	 */
	readonly device?: PopulationDevice | undefined;
	/**
	 * Default 'float32'. 'tf32', on a CUDA device only: the operands of matrix products are rounded to 10 bits of mantissa and multiplied on
	 * the tensor cores. Results then are those of the card and its libraries, not the CPU's.
	 */
	readonly precision?: Precision | undefined;
	/** Threads that networks are shared out over; default 1 inside a worker thread, else all cores. Results do not depend on it. */
	readonly threads?: number | undefined;
	/**
	 * Over a SharedArrayBuffer. Polled at every optimiser step, on a CUDA device before every 64: when element 0 is not 0, the call throws
	 * `CANCELLED`.
	 */
	readonly cancellation?: Int32Array | undefined;
}

export const RESOURCE_KEYS = keysOf<PopulationResources>({
	device: true,
	precision: true,
	threads: true,
	cancellation: true,
});

/** Of options that have them among others. */
export function resourcesOf(options: PopulationResources): PopulationResources {
	return Object.fromEntries(RESOURCE_KEYS.map((key) => [key, options[key as keyof PopulationResources]]));
}

/** Of a run that can be stopped. */
export type CancellableResources = PopulationResources & {
	readonly [Key in 'cancellation']-?: NonNullable<PopulationResources[Key]>;
};

/** The same resources with a flag of their own, not raised. */
export function withCancellation(resources: Omit<PopulationResources, 'cancellation'>): CancellableResources {
	return { ...resources, cancellation: new Int32Array(new SharedArrayBuffer(4)) };
}

export function raiseCancellation({ cancellation }: CancellableResources): void {
	Atomics.store(cancellation, 0, 1);
}

export function isCancelled({ cancellation }: CancellableResources): boolean {
	return Atomics.load(cancellation, 0) !== 0;
}
