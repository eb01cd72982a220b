import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as BenchBinding from '../../bench/binding-bench.d.ts';
import { type NativeBinding, packageRoot } from '../../src/native.js';

/** The addon whose CUDA kernels run on the CPU (native/cuda/emulation), built beside the real one; what benchmarks call is in it too. */

/** What the emulated machine is like; what is left out is as by default. */
export interface EmulatedMachine {
	/** As CUDA counts: 12040 is 12.4; 0 is no driver. Default 13000. */
	readonly driverVersion?: number;
	/** Default 1. */
	readonly devices?: number;
	/** Bytes on each; default 4 GiB. */
	readonly memory?: number;
	readonly multiprocessors?: number;
	/** Of the order of threads and blocks, and of when streams run. */
	readonly seed?: number;
	/** After so many calls of the runtime one fails, with the CUDA error `failWith` (default 719, a failed kernel). */
	readonly failAfter?: number;
	readonly failWith?: number;
}

export interface EmulatedBinding extends NativeBinding, Omit<typeof BenchBinding, keyof NativeBinding> {
	readonly emulation: {
		/** Replaces the machine and forgets errors. */
		configure(machine: EmulatedMachine): void;
		/** What was wrong with the kernel that failed last. */
		report(): string;
		allocatedBytes(): number;
		/**
		 * Functions of the CUDA runtime called since `configure`, in order; a kernel is 'launch'. What a graph does is not called again. A copy
		 * to the device from pageable memory is a 'pageable-copy' besides: on a GPU it waits for the work before it.
		 */
		calls(): string[];
		/** So many kernels from now on one fails, and takes the device with it until `configure`. */
		breakKernel(after: number): void;
		brokenKernels(): string[];
		/** Runs a kernel with its mistake, or its sound twin; returns the report. */
		runKernel(name: string, broken: boolean): string;
	};
}

export const EMULATED_ADDON = join(packageRoot, 'build', 'Release', 'ganno-emulated.node');

/** Stands in for cuBLAS on the emulated device. */
export const CUBLAS_STUB = join(packageRoot, 'build', 'Release', 'ganno-cublas-stub.so');

export function emulated(): EmulatedBinding {
	return createRequire(import.meta.url)(EMULATED_ADDON) as EmulatedBinding;
}
