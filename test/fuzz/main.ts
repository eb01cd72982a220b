import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * Calls everything the addon and the package export with random arguments, in processes of their own: none may crash, keep a native
 * handle, or fail with anything but a proper error.
 *
 * npm run test:fuzz -- [--calls 1000000] [--seed N]: the same seed makes the same cases. The seed of a failing case is printed.
 */

const CALLS_PER_PROCESS = 50_000;

const { values } = parseArgs({ options: { calls: { type: 'string' }, seed: { type: 'string' } } });
const wanted = Number(values.calls ?? 1_000_000);
const first = Number(values.seed ?? Date.now() % 2 ** 31);

interface Outcome {
	readonly calls: number;
	readonly refused: number;
	readonly nextSeed: number;
}

/** One process. @throws Error with the seed of the case it failed in */
function run(seed: number, calls: number, folder: string): Promise<Outcome> {
	return new Promise((resolve, reject) => {
		const child = spawn(
			process.execPath,
			['--expose-gc', fileURLToPath(new URL('child.js', import.meta.url)), '--seed', `${seed}`, '--calls', `${calls}`],
			{ cwd: folder, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] }, // whatever is written by a lucky path lands in `folder`
		);
		const output = ['', '', '', ''];
		for (const descriptor of [1, 2, 3]) {
			child.stdio[descriptor]?.on('data', (chunk: Buffer) => {
				output[descriptor] = (output[descriptor] + chunk.toString()).slice(-20_000);
			});
		}
		child.on('error', reject);
		child.on('close', (code, signal) => {
			if (code === 0) {
				resolve(JSON.parse(output[1] as string) as Outcome);
				return;
			}
			const last = (output[3] as string).trimEnd().split('\n').at(-1);
			reject(
				new Error(
					`The process ended with ${signal ?? `code ${code}`} in case ${last}; again: npm run test:fuzz -- --seed ${last} --calls 1\n` +
						`${output[2]}`,
				),
			);
		});
	});
}

const folder = mkdtempSync(join(tmpdir(), 'ganno-fuzz-'));
let calls = 0;
let refused = 0;
let seed = first;
try {
	while (calls < wanted) {
		const outcome = await run(seed, Math.min(CALLS_PER_PROCESS, wanted - calls), folder);
		calls += outcome.calls;
		refused += outcome.refused;
		seed = outcome.nextSeed;
		if (wanted > CALLS_PER_PROCESS) console.error(`${calls} argument lists`);
	}
	console.log(
		`${calls} argument lists from seed ${first}: ${refused} refused with a proper error, no crash, no handle left`,
	);
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
} finally {
	rmSync(folder, { recursive: true, force: true });
}
