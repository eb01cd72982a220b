import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { GannoError } from '../errors.js';

/** The parts of tfjs the learner uses; a type only, nothing is loaded by importing this file. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

/**
 * Where the learner's matrices are multiplied: `wasm` (default; the same bits on every run), `cpu` (plain JavaScript, slow) or
 * `tensorflow` (tfjs-node-gpu or tfjs-node, bits not promised).
 */
export const LEARNER_BACKENDS = ['wasm', 'cpu', 'tensorflow'] as const;
export type LearnerBackend = (typeof LEARNER_BACKENDS)[number];

const require = createRequire(import.meta.url);

function resolvePeer(name: string, backend: LearnerBackend): string {
	try {
		return require.resolve(name);
	} catch (cause) {
		const packages = backend === 'wasm' ? '@tensorflow/tfjs @tensorflow/tfjs-backend-wasm' : '@tensorflow/tfjs';
		throw new GannoError(
			'MISSING_DEPENDENCY',
			`Training agents with the learner back end '${backend}' needs the package ${name}, which is not installed. ` +
				`Run: npm install ${backend === 'tensorflow' ? '@tensorflow/tfjs-node' : packages}`,
			{ cause },
		);
	}
}

/** tfjs-node may abort the process it is loaded into (wrong libtensorflow, wrong Node), so a child process goes first. */
function loadTensorFlowNode(): TensorFlow {
	const failures: string[] = [];
	for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
		let path: string;
		try {
			path = require.resolve(name);
		} catch {
			failures.push(`${name}: not installed`);
			continue;
		}
		// tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed.
		const shim = 'const u = require("node:util"); u.isNullOrUndefined ??= (x) => x === null || x === undefined;';
		const script = `${shim} const tf = require(${JSON.stringify(path)}); tf.matMul([[1]], [[1]]).dataSync();`;
		const probe = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 120_000 });
		if (probe.status !== 0) {
			const reason = probe.stderr.split('\n').find((line) => line.includes('rror')) ?? `exit status ${probe.status}`;
			failures.push(`${name}: ${reason.trim()}`);
			continue;
		}
		const util = require('node:util') as { isNullOrUndefined?: (x: unknown) => boolean };
		util.isNullOrUndefined ??= (x) => x === null || x === undefined;
		return require(path) as TensorFlow;
	}
	throw new GannoError(
		'MISSING_DEPENDENCY',
		`The learner back end 'tensorflow' needs a working tfjs-node. Tried:\n  ${failures.join('\n  ')}\n` +
			"Run: npm install @tensorflow/tfjs-node, or use the learner back end 'wasm'.",
	);
}

/**
 * Loads tfjs and makes `backend` its current back end (tfjs has one per process). Nothing comes from the network: the WebAssembly
 * binaries are those inside the package.
 * @throws GannoError `MISSING_DEPENDENCY` naming what to install.
 */
export async function loadTensorFlow(backend: LearnerBackend): Promise<TensorFlow> {
	if (backend === 'tensorflow') {
		const tf = loadTensorFlowNode();
		await tf.setBackend('tensorflow');
		return tf;
	}
	const tf = require(resolvePeer('@tensorflow/tfjs', backend)) as TensorFlow;
	if (backend === 'wasm') {
		const path = resolvePeer('@tensorflow/tfjs-backend-wasm', backend);
		const wasm = require(path) as { setWasmPaths(prefix: string): void };
		if (tf.findBackend('wasm') === null) wasm.setWasmPaths(join(dirname(dirname(path)), 'wasm-out', '/'));
	}
	if (!(await tf.setBackend(backend))) {
		throw new GannoError(
			'MISSING_DEPENDENCY',
			`tfjs could not start its '${backend}' back end. Reinstall @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm ` +
				"in the same version, or use the learner back end 'cpu'.",
		);
	}
	await tf.ready();
	return tf;
}
