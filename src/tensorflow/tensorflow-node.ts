import { spawnSync } from 'node:child_process';
import { packageRequire } from '../package-files.js';

/** The native back ends of tfjs, best first: optional, and tried in a child process before use. */

export const TENSORFLOW_NODE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

export type TensorFlowNodePackage = (typeof TENSORFLOW_NODE_PACKAGES)[number];

export interface TensorFlowNodeProbe {
	readonly name: TensorFlowNodePackage;
	/** Its path; undefined when it is missing or does not work. */
	readonly path: string | undefined;
	/** Why it cannot be used; '' when it can. */
	readonly reason: string;
}

/** tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed. */
const SHIM = 'const u = require("node:util"); u.isNullOrUndefined ??= (x) => x === null || x === undefined;';

/**
 * Tries a package in a child process: it may abort the process it is loaded into (wrong libtensorflow, wrong Node).
 * @param program the program to run in it, with the package as `tf`
 */
export function probeTensorFlowNode(
	name: TensorFlowNodePackage,
	program = 'tf.matMul([[1]], [[1]]).dataSync();',
): TensorFlowNodeProbe {
	let path: string;
	try {
		path = packageRequire.resolve(name);
	} catch {
		return { name, path: undefined, reason: 'not installed' };
	}
	const script = `${SHIM} const tf = require(${JSON.stringify(path)}); ${program}`;
	const { status, signal, stderr } = spawnSync(process.execPath, ['-e', script], {
		encoding: 'utf8',
		timeout: 120_000,
	});
	if (status === 0) return { name, path, reason: '' };
	const line = stderr.split('\n').find((text) => text.includes('rror'));
	return { name, path: undefined, reason: line?.trim() ?? `ended with ${signal ?? `exit status ${status}`}` };
}

/** Loads a package that {@link probeTensorFlowNode} found working. */
export function requireTensorFlowNode(path: string): typeof import('@tensorflow/tfjs') {
	const util = packageRequire('node:util') as { isNullOrUndefined?: (x: unknown) => boolean };
	util.isNullOrUndefined ??= (x) => x === null || x === undefined;
	return packageRequire(path) as typeof import('@tensorflow/tfjs');
}
