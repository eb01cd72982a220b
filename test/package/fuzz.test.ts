import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

/** A small share of `npm run test:fuzz`, the same at every run; GANNO_TEST_FULL draws another, and more of it. */

const full = process.env.GANNO_TEST_FULL !== undefined;

describe('everything exported', () => {
	beforeAll(() => {
		execFileSync(process.execPath, [join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.fuzz.json'], {
			cwd: packageRoot,
		});
	});

	it('survives random arguments in a process of its own, and leaves no native handle behind', () => {
		const run = ['build/fuzz/main.js', '--calls', full ? '200000' : '20000', ...(full ? [] : ['--seed', '1'])];
		const { status, signal, stdout, stderr } = spawnSync(process.execPath, run, { cwd: packageRoot, encoding: 'utf8' });
		expect({ status, signal }, stderr).toEqual({ status: 0, signal: null });
		const [calls, refused] = [.../^(\d+) argument lists.*: (\d+) refused/m.exec(stdout)!].slice(1).map(Number);
		expect(calls).toBeGreaterThanOrEqual(20_000);
		// Neither all nor none: it reaches what lies behind the checks.
		expect(refused).toBeGreaterThan(calls! * 0.3);
		expect(refused).toBeLessThan(calls! * 0.9);
	});
});
