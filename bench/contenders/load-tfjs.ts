import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { reply } from './protocol.js';

type Tfjs = typeof import('@tensorflow/tfjs');

/** tfjs on one of its back ends; undefined, with the reply sent that says why, where it does not load. */
export async function loadTfjs(backend: 'wasm' | 'cpu'): Promise<Tfjs | undefined> {
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
