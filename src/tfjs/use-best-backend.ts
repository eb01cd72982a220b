import * as tf from '@tensorflow/tfjs';
import { GannoError } from '../errors.js';
import { withBundlerAdvice } from '../package-files.js';
import { withoutRethrowing } from '../tensorflow/tensorflow-wasm.js';
import { loadBestBackend, type TfjsBackendInfo } from '../tensorflow/tfjs-backends.js';
import { withTfjsCopiesAdvice } from './tfjs-copies.js';
import { registerWasmTrainingKernels } from './wasm-kernels/register-wasm-kernels.js';

/**
 * Makes the best back end that works here tfjs's current one: tfjs-node-gpu, tfjs-node (tried in a child process first), wasm, cpu. On
 * wasm the kernels that it lacks for training are added, and wrong ones replaced (`registerWasmTrainingKernels`). Call it before the first tensor is made: tensors of another
 * back end would have to be copied.
 * @throws GannoError `MISSING_DEPENDENCY`
 */
export async function useBestBackend(): Promise<TfjsBackendInfo> {
	const best = loadBestBackend(tf.findBackend('wasm') !== null);
	if (best === undefined || !(await withoutRethrowing(() => tf.setBackend(best.name)))) {
		throw new GannoError(
			'MISSING_DEPENDENCY',
			withTfjsCopiesAdvice(
				withBundlerAdvice(
					`tfjs could not start ${best === undefined ? 'any back end' : `its '${best.name}' back end`}. ` +
						'Run: npm install @tensorflow/tfjs @tensorflow/tfjs-backend-wasm, both in the same version',
				),
			),
		);
	}
	await tf.ready();
	if (best.name === 'wasm') registerWasmTrainingKernels();
	return best;
}
