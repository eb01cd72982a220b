import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { requireWasmMemory } from '../address-space.js';

const require = createRequire(import.meta.url);

/**
 * Registers tfjs's WebAssembly back end, with the binaries that lie in its package: nothing comes from the network.
 * @param path where the package was resolved to
 * @param started whether the back end runs already: its binaries are then not to be chosen any more
 * @throws GannoError `OUT_OF_MEMORY` where it could not start: tfjs would tell that of its files
 */
export function requireWasmBackend(path: string, started: boolean): void {
	if (!started) requireWasmMemory();
	const wasm = require(path) as { setWasmPaths(prefix: string): void };
	if (!started) wasm.setWasmPaths(join(dirname(dirname(path)), 'wasm-out', '/'));
}
