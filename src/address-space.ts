import { readFileSync } from 'node:fs';
import { GannoError } from './errors.js';

/**
 * Address space where it is limited (`ulimit -v`, some batch systems). Threads and WebAssembly reserve far more of it than they use, and
 * V8 ends the process, or says something of its own, where it cannot have it.
 */

/** What a worker thread reserves before it does anything, for V8's code and heap: 600 MB measured with Node 20. */
const WORKER_BYTES = 600e6;
/** The memory of tfjs's WebAssembly, in pages of 64 KiB: what it begins with, and the most. */
const WASM_PAGES = { initial: 256, maximum: 32_768 } as const;

/** What there is of it in Node; the package does without the types of browsers. */
const { WebAssembly } = globalThis as unknown as {
	readonly WebAssembly: { readonly Memory: new (pages: typeof WASM_PAGES) => unknown };
};

/** Bytes that may still be reserved; undefined where nothing limits them, or nobody says. */
export function addressSpaceLeft(): number | undefined {
	try {
		const limit = /^Max address space +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
		const size = /^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
		return limit === undefined || size === undefined ? undefined : Math.max(0, Number(limit) - Number(size) * 1024);
	} catch {
		return undefined;
	}
}

/** @throws GannoError `OUT_OF_MEMORY` where so many worker threads could not even start: that would end the process */
export function requireAddressSpaceForWorkers(workers: number, left = addressSpaceLeft()): void {
	if (left === undefined || left >= workers * WORKER_BYTES) return;
	const threads = workers === 1 ? 'A worker thread reserves' : `${workers} worker threads reserve`;
	throw outOfAddressSpace(`${threads} ${gigabytes(workers * WORKER_BYTES)} of address space`, left, [
		'take fewer workers (--workers; 0 takes none)',
	]);
}

/**
 * @param failed it was tried and did not start: then the memory may be short without a limit, too
 * @throws GannoError `OUT_OF_MEMORY` where WebAssembly cannot have the memory that tfjs's back end reserves
 */
export function requireWasmMemory(failed = false): void {
	const left = addressSpaceLeft();
	if (left === undefined && !failed) return;
	try {
		new WebAssembly.Memory(WASM_PAGES);
	} catch (cause) {
		throw outOfAddressSpace(
			"tfjs's WebAssembly back end reserves some 10 GB of address space, most of which it never uses",
			left,
			['start Node with NODE_OPTIONS=--disable-wasm-trap-handler, which reserves less', "take the back end 'cpu'"],
			cause,
		);
	}
}

function gigabytes(bytes: number): string {
	return `${(bytes / 1e9).toFixed(1)} GB`;
}

function outOfAddressSpace(
	need: string,
	left: number | undefined,
	choices: readonly string[],
	cause?: unknown,
): GannoError {
	const have =
		left === undefined ? 'and could not have it' : `and ${gigabytes(left)} of the limit (ulimit -v) are left`;
	const all = left === undefined ? choices : ['raise the limit', ...choices];
	return new GannoError('OUT_OF_MEMORY', `${need}, ${have}: ${all.join(', or ')}.`, { cause });
}
