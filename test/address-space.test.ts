import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireAddressSpaceForWorkers, requireWasmMemory } from '../src/address-space.js';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const RUN = ['train', '--preset', 'quick', '--dataset', 'synthetic', '--iterations', '1', '--set', 'tasks.horizon=20'];

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-address-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A training under `ulimit -v`, in a folder of its own. */
function limited(
	kilobytes: number,
	args: readonly string[],
	nodeOptions = '',
): Promise<{ code: number; stderr: string }> {
	const script = `ulimit -v ${kilobytes} && exec "$@"`;
	const run = ['--run-dir', join(folder, `${kilobytes}-${args.join('-')}${nodeOptions}`)];
	const env = { ...process.env, NODE_OPTIONS: nodeOptions, GANNO_DEBUG: '' };
	return new Promise((resolve) => {
		execFile('sh', ['-c', script, 'sh', process.execPath, MAIN, ...RUN, ...run, ...args], { env }, (error, _, stderr) =>
			resolve({ code: error === null ? 0 : Number(error.code), stderr }),
		);
	});
}

describe.skipIf(process.platform !== 'linux')('a limit of address space', () => {
	it('too small for WebAssembly is told as that, not as files of tfjs that are missing', async () => {
		const { code, stderr } = await limited(6_000_000, ['--workers', '0']);
		expect(code).toBe(1);
		expect(stderr).toMatch(
			/ganno: tfjs's WebAssembly back end reserves some 10 GB .* \d\.\d GB of the limit \(ulimit -v\)/,
		);
		expect(stderr).not.toMatch(/Reinstall|bundl|\.wasm/);
	});

	it.each([
		['without WebAssembly’s reserves', [], '--disable-wasm-trap-handler'],
		['with the back end cpu', ['--learner-backend', 'cpu'], ''],
	])('can be lived with, as the message says: %s', async (_, args, nodeOptions) => {
		const { code, stderr } = await limited(6_000_000, ['--workers', '1', ...args], nodeOptions);
		expect(code, stderr).toBe(0);
	});

	it('too small for the worker threads is told before they end the process', async () => {
		const { code, stderr } = await limited(2_000_000, ['--workers', '4', '--learner-backend', 'cpu']);
		expect(code).toBe(1);
		expect(stderr).toMatch(/ganno: 4 worker threads reserve 2\.4 GB of address space.*take fewer workers/);
	});
});

it('nothing is refused with enough', () => {
	expect(() => requireWasmMemory()).not.toThrow();
	expect(() => requireWasmMemory(true)).not.toThrow();
	expect(() => requireAddressSpaceForWorkers(4, 2.4e9)).not.toThrow();
	expect(() => requireAddressSpaceForWorkers(4, 2.3e9)).toThrow(/4 worker threads reserve 2\.4 GB .* 2\.3 GB/);
	expect(() => requireAddressSpaceForWorkers(1, 0)).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
});
