import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

/** The tests of everything below Node (test/native), in one process of their own; among them a layer of more than 2^31 elements. */

const program = join(
	packageRoot,
	'build',
	process.platform === 'win32' ? 'ganno_native_tests.exe' : 'ganno_native_tests',
);

describe('the native tests', () => {
	it('pass', () => {
		expect(existsSync(program), `${program} is missing; run npm run build:native-tests`).toBe(true);
		const { status, signal, stdout, stderr } = spawnSync(program, ['--reporters=junit'], { encoding: 'utf8' });
		expect({ status, signal, stderr }, stdout).toEqual({ status: 0, signal: null, stderr: '' });
		expect(stdout).toMatch(/<testcase [^>]*name="a layer of more than 2\^31 elements/);
	});
});
