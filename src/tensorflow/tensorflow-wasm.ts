import { dirname, join } from 'node:path';
import { requireWasmMemory } from '../address-space.js';
import { packageRequire } from '../package-files.js';

/**
 * Registers tfjs's WebAssembly back end, with the binaries that lie in its package: nothing comes from the network.
 * @param path where the package was resolved to
 * @param started whether the back end runs already: its binaries cannot be chosen any more then
 * @throws GannoError `OUT_OF_MEMORY` where it could not start: tfjs would report missing files
 */
export function requireWasmBackend(path: string, started: boolean): void {
	if (!started) requireWasmMemory();
	const wasm = packageRequire(path) as { setWasmPaths(prefix: string): void };
	if (!started) wasm.setWasmPaths(join(dirname(dirname(path)), 'wasm-out', '/'));
}

/** The listener that Emscripten's start-up code registers: a function that rethrows its argument. */
const RETHROWS = /^function ?\((\w+)\) ?\{(if ?\(!\(\1 instanceof ExitStatus\)\) ?\{)?throw \1;?\}?\}$/;

/**
 * Starts the WebAssembly back end without the listeners that its start-up code leaves on the process: with them an uncaught error ends
 * the process with exit code 7 instead of 1, and other listeners for such errors have no effect.
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
				// Other code may have added a listener in the meantime.
				if (!before.has(listener) && RETHROWS.test(text)) process.off(event, listener as () => void);
			}
		}
	}
}
