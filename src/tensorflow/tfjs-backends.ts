import { packageRequire } from '../package-files.js';
import { probeTensorFlowNode, requireTensorFlowNode, TENSORFLOW_NODE_PACKAGES } from './tensorflow-node.js';
import { requireWasmBackend } from './tensorflow-wasm.js';

/** tfjs's back ends on this machine, best first. Importing this file does not load tfjs. */

/** `tensorflow` is that of tfjs-node and tfjs-node-gpu. */
export type TfjsBackend = 'tensorflow' | 'wasm' | 'cpu';

export interface TfjsBackendInfo {
	readonly kind: 'tfjs';
	readonly name: TfjsBackend;
	/** The package it comes from. */
	readonly package: string;
	readonly available: boolean;
	/** Why not; '' where it is available. */
	readonly reason: string;
	/** The first that is available, which `useBestBackend` of `ganno/tfjs` uses. */
	readonly chosen: boolean;
}

function resolve(name: string): string | undefined {
	try {
		return packageRequire.resolve(name);
	} catch {
		return undefined;
	}
}

/** A back end and the path of its program. */
interface Candidate extends Omit<TfjsBackendInfo, 'chosen'> {
	readonly path: string | undefined;
}

function* candidates(): Generator<Candidate> {
	for (const name of TENSORFLOW_NODE_PACKAGES) {
		const { path, reason } = probeTensorFlowNode(name);
		yield { kind: 'tfjs', name: 'tensorflow', package: name, available: path !== undefined, reason, path };
	}
	const core = resolve('@tensorflow/tfjs');
	for (const [name, own] of [
		['wasm', '@tensorflow/tfjs-backend-wasm'],
		['cpu', '@tensorflow/tfjs'],
	] as const) {
		const path = resolve(own);
		const missing = path === undefined ? own : core === undefined ? '@tensorflow/tfjs' : undefined;
		const reason = missing === undefined ? '' : missing === own ? 'not installed' : `${missing} is not installed`;
		yield { kind: 'tfjs', name, package: own, available: missing === undefined, reason, path };
	}
}

/** Every back end, best first, and which of them is chosen. Packages of tfjs-node are tried in a child process where installed. */
export function tfjsBackends(): TfjsBackendInfo[] {
	let found = false;
	return [...candidates()].map(({ path: _path, ...info }) => {
		const chosen = info.available && !found;
		found ||= chosen;
		return { ...info, chosen };
	});
}

/**
 * Makes the best back end ready to be chosen, loading its package. tfjs-node and tfjs-node-gpu first, then wasm, then cpu.
 * @param wasmStarted whether the wasm back end runs already
 * @returns the name for `tf.setBackend`, or undefined where no tfjs is installed
 */
export function loadBestBackend(wasmStarted: boolean): TfjsBackendInfo | undefined {
	for (const { path, ...info } of candidates()) {
		if (!info.available || path === undefined) continue;
		if (info.name === 'tensorflow') requireTensorFlowNode(path);
		if (info.name === 'wasm') requireWasmBackend(path, wasmStarted);
		return { ...info, chosen: true };
	}
	return undefined;
}
