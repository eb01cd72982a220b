import { requireWasmMemory } from '../address-space.js';
import { GannoError } from '../errors.js';
import { packageRequire, withBundlerAdvice } from '../package-files.js';
import type { LearnerBackend } from './learner-backend.js';
import { probeTensorFlowNode, requireTensorFlowNode, TENSORFLOW_NODE_PACKAGES } from './tensorflow-node.js';
import { requireWasmBackend, withoutRethrowing } from './tensorflow-wasm.js';

/** The type of tfjs; importing this file loads nothing. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

function resolvePeer(name: string, backend: LearnerBackend): string {
	try {
		return packageRequire.resolve(name);
	} catch (cause) {
		const packages = backend === 'wasm' ? '@tensorflow/tfjs @tensorflow/tfjs-backend-wasm' : '@tensorflow/tfjs';
		throw new GannoError(
			'MISSING_DEPENDENCY',
			withBundlerAdvice(
				`Training agents with the learner back end '${backend}' needs the package ${name}, which is not installed. ` +
					`Run: npm install ${backend === 'tensorflow' ? '@tensorflow/tfjs-node' : packages}`,
			),
			{ cause },
		);
	}
}

function loadTensorFlowNode(): TensorFlow {
	const failures: string[] = [];
	for (const name of TENSORFLOW_NODE_PACKAGES) {
		const { path, reason } = probeTensorFlowNode(name);
		if (path !== undefined) return requireTensorFlowNode(path);
		failures.push(`${name}: ${reason}`);
	}
	throw new GannoError(
		'MISSING_DEPENDENCY',
		withBundlerAdvice(
			`The learner back end 'tensorflow' needs a working tfjs-node. Tried:\n  ${failures.join('\n  ')}\n` +
				"Run: npm install @tensorflow/tfjs-node, or use the learner back end 'wasm'.",
		),
	);
}

/**
 * Loads tfjs and makes `backend` its current back end (tfjs has one per process). Nothing comes from the network: the WebAssembly
 * binaries are those inside the package.
 * @throws GannoError `MISSING_DEPENDENCY` naming what to install; `OUT_OF_MEMORY`
 */
export async function loadTensorFlow(backend: LearnerBackend): Promise<TensorFlow> {
	if (backend === 'tensorflow') {
		const tf = loadTensorFlowNode();
		await tf.setBackend('tensorflow');
		return tf;
	}
	const tf = packageRequire(resolvePeer('@tensorflow/tfjs', backend)) as TensorFlow;
	if (backend === 'wasm') {
		requireWasmBackend(resolvePeer('@tensorflow/tfjs-backend-wasm', backend), tf.findBackend('wasm') !== null);
	}
	if (!(await withoutRethrowing(() => tf.setBackend(backend)))) {
		if (backend === 'wasm') requireWasmMemory(true);
		throw new GannoError(
			'MISSING_DEPENDENCY',
			withBundlerAdvice(
				`tfjs could not start its '${backend}' back end. Reinstall @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm ` +
					"in the same version, or use the learner back end 'cpu'.",
			),
		);
	}
	await tf.ready();
	return tf;
}
