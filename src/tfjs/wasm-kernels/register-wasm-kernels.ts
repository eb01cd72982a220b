import * as tf from '@tensorflow/tfjs';
import { conv2dFilterGradient } from './convolution-filter-gradient.js';
import { conv3dGradientKernels, depthwiseGradientKernels } from './convolution-gradients.js';
import type { WasmKernel } from './heap-kernel.js';
import { maxPoolingKernels } from './max-pooling.js';
import { NARROW_FILTER_KERNELS, withNarrowFilters } from './narrow-filters.js';
import { unsortedSegmentSum } from './segment-sum.js';

/** Kernels that gradients of tfjs's layers ask for, and tfjs 4.22's wasm back end does not have. */
const MISSING: readonly WasmKernel[] = [conv2dFilterGradient, ...depthwiseGradientKernels, unsortedSegmentSum];

/** Kernels that it has, and that give wrong results. */
const WRONG: readonly WasmKernel[] = [...maxPoolingKernels, ...conv3dGradientKernels];

const BACKEND = 'wasm';
/** On kernels that are repaired already, by whichever copy of this file. */
const REPAIRED = Symbol.for('ganno.tfjs.repaired');

function repair(name: string, kernelOf: (original: tf.KernelConfig) => tf.KernelFunc): boolean {
	const original = tf.getKernel(name, BACKEND) as (tf.KernelConfig & { [REPAIRED]?: true }) | undefined;
	if (original === undefined || original[REPAIRED] === true) return false;
	tf.unregisterKernel(name, BACKEND);
	const repaired: tf.KernelConfig & { [REPAIRED]?: true } = {
		...original,
		[REPAIRED]: true,
		kernelFunc: kernelOf(original),
	};
	tf.registerKernel(repaired);
	return true;
}

/**
 * Makes tfjs 4.22's WebAssembly back end able to train what its cpu back end trains: adds the gradient kernels that it lacks (convolutions,
 * depthwise convolutions, embeddings) and replaces those that give wrong results (docs/tfjs.md lists them). `useBestBackend` does it by
 * itself. Calling it again does nothing.
 * @returns the kernels that were added or repaired
 */
export function registerWasmTrainingKernels(): readonly string[] {
	const changed: string[] = [];
	for (const kernel of MISSING) {
		if (tf.getKernel(kernel.kernelName, BACKEND) !== undefined) continue;
		tf.registerKernel({ ...kernel, backendName: BACKEND });
		changed.push(kernel.kernelName);
	}
	for (const { kernelName, kernelFunc } of WRONG) {
		if (repair(kernelName, () => kernelFunc)) changed.push(kernelName);
	}
	for (const [name, depthwise] of NARROW_FILTER_KERNELS) {
		if (repair(name, (original) => withNarrowFilters(original, depthwise))) changed.push(name);
	}
	return changed;
}
