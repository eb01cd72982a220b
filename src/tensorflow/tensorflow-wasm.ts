import { dirname, join } from 'node:path';
import { requireWasmMemory } from '../address-space.js';
import { packageRequire } from '../package-files.js';

/**
 * Registers tfjs's WebAssembly back end, with the binaries that lie in its package: nothing comes from the network.
 * @param path where the package was resolved to
 * @param started whether the back end runs already: its binaries are then not to be chosen any more
 * @throws GannoError `OUT_OF_MEMORY` where it could not start: tfjs would tell that of its files
 */
export function requireWasmBackend(path: string, started: boolean): void {
	if (!started) requireWasmMemory();
	const wasm = packageRequire(path) as { setWasmPaths(prefix: string): void };
	if (!started) wasm.setWasmPaths(join(dirname(dirname(path)), 'wasm-out', '/'));
}

/** What Emscripten's start-up code listens with: a function that throws what it is told of. */
const RETHROWS = /^function ?\((\w+)\) ?\{(if ?\(!\(\1 instanceof ExitStatus\)\) ?\{)?throw \1;?\}?\}$/;

/**
 * Starts the WebAssembly back end without the listeners that its start-up code leaves on the process: with them an uncaught error ends
 * the process with exit code 7 instead of 1, and no other listener for such errors is of use.
 */
export async function withoutRethrowing<T>(start: () => Promise<T>): Promise<T> {
	const events = ['uncaughtException', 'unhandledRejection'];
	const before = new Set(events.flatMap((event) => process.rawListeners(event)));
	try {
		return await start();
	} finally {
		for (const event of events) {
			for (const listener of process.rawListeners(event)) {
				const text = String(listener)
					.replaceAll(/\s+/g, ' ')
					.replaceAll(/ ?([{}]) ?/g, '$1');
				// Somebody else may have begun to listen in the meantime.
				if (!before.has(listener) && RETHROWS.test(text)) process.off(event, listener as () => void);
			}
		}
	}
}
