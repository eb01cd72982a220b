import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { reply } from './protocol.js';

type Tfjs = typeof import('@tensorflow/tfjs');

/** tfjs on one of its back ends; undefined, with the reply sent that says why, where it does not load. */
export async function loadTfjs(backend: 'wasm' | 'cpu' | 'node'): Promise<Tfjs | undefined> {
	if (backend === 'node') return loadTfjsNode();
	try {
		const tf = await import('@tensorflow/tfjs');
		if (backend === 'wasm') {
			const wasm = await import('@tensorflow/tfjs-backend-wasm');
			const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'));
			wasm.setWasmPaths(`${join(folder, 'dist')}/`);
		}
		await tf.setBackend(backend);
		await tf.ready();
		return tf;
	} catch (error) {
		reply({
			unavailable: `not measured: tfjs did not load (${(error as Error).message}); install it with: npm ci`,
		});
		return undefined;
	}
}

/** tfjs-node-gpu or tfjs-node. It may end this process, which then counts as unavailable too. */
async function loadTfjsNode(): Promise<Tfjs | undefined> {
	const { resolve } = createRequire(import.meta.url);
	const name = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'].find((each) => {
		try {
			return resolve(each) !== '';
		} catch {
			return false;
		}
	});
	if (name === undefined) {
		reply({
			unavailable:
				'not measured: neither @tensorflow/tfjs-node-gpu nor @tensorflow/tfjs-node is installed; ' +
				'on a machine where one installs: npm install --no-save @tensorflow/tfjs-node, then this benchmark again',
		});
		return undefined;
	}
	const util = process.getBuiltinModule('node:util') as { isNullOrUndefined?: (x: unknown) => boolean };
	util.isNullOrUndefined ??= (x) => x === null || x === undefined; // tfjs-node 4.22 calls what Node 23 removed
	await import(name);
	const tf = await import('@tensorflow/tfjs');
	await tf.setBackend('tensorflow');
	return tf;
}
