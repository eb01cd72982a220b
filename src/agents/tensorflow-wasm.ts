import { dirname, join } from 'node:path';
import { packageRequire } from '../package-files.js';

/**
 * Registers tfjs's WebAssembly back end, with the binaries that lie in its package: nothing comes from the network.
 * @param path where the package was resolved to
 * @param started whether the back end runs already: its binaries are then not to be chosen any more
 */
export function requireWasmBackend(path: string, started: boolean): void {
	const wasm = packageRequire(path) as { setWasmPaths(prefix: string): void };
	if (!started) wasm.setWasmPaths(join(dirname(dirname(path)), 'wasm-out', '/'));
}
