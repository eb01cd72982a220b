import { spawnSync } from 'node:child_process';
import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	realpathSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

/** What `npm run build:native` and `scripts/cuda-registers` do before they compile, on a clone without compilers. */

const folders: string[] = [];
afterAll(() => {
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A clone whose cmake-js writes down what it was asked. */
function clone(): string {
	const root = realpathSync(mkdtempSync(join(tmpdir(), 'ganno build ')));
	folders.push(root);
	mkdirSync(join(root, 'scripts'));
	for (const name of ['build-native.mjs', 'cuda-registers']) {
		cpSync(join(packageRoot, 'scripts', name), join(root, 'scripts', name));
	}
	mkdirSync(join(root, 'node_modules', 'cmake-js', 'bin'), { recursive: true });
	writeFileSync(join(root, 'node_modules', 'cmake-js', 'package.json'), '{ "name": "cmake-js" }');
	writeFileSync(
		join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js'),
		"require('node:fs').writeFileSync('asked.json', JSON.stringify(process.argv.slice(2))); process.exit(process.argv.includes('broken') ? 7 : 0);",
	);
	return root;
}

function configure(root: string, source: string): void {
	mkdirSync(join(root, 'build', 'Release'), { recursive: true });
	writeFileSync(
		join(root, 'build', 'CMakeCache.txt'),
		`# a cache\nCMAKE_HOME_DIRECTORY:INTERNAL=${source}\nX:BOOL=ON\n`,
	);
	writeFileSync(join(root, 'build', 'Release', 'ganno.node'), 'built');
}

function build(root: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
	const { status, stdout, stderr } = spawnSync(
		process.execPath,
		[join(root, 'scripts', 'build-native.mjs'), ...words],
		{ encoding: 'utf8', cwd: tmpdir() },
	);
	return { status, stdout, stderr };
}

const addon = (root: string): boolean => existsSync(join(root, 'build', 'Release', 'ganno.node'));
const asked = (root: string): unknown => JSON.parse(readFileSync(join(root, 'asked.json'), 'utf8'));

describe('the native build', () => {
	it('goes on in the build folder of this clone', () => {
		const root = clone();
		configure(root, root);
		expect(build(root)).toEqual({ status: 0, stdout: '', stderr: '' });
		expect(addon(root)).toBe(true);
		expect(asked(root)).toEqual(['build', '--log-level', 'warn']);
	});

	it.each([
		['was copied: the other clone is still there', (): string => clone()],
		['was moved: the other place is gone', (): string => join(tmpdir(), 'ganno no such place')],
	])('starts anew in a build folder that %s', (_, place) => {
		const root = clone();
		const other = place();
		configure(root, other);
		const { status, stdout } = build(root);
		expect(status).toBe(0);
		expect(stdout).toContain(other);
		expect(addon(root)).toBe(false);
	});

	it('builds the target named, and fails as cmake-js does', () => {
		const root = clone();
		expect(build(root, 'broken').status).toBe(7);
		expect(asked(root)).toEqual(['build', '--log-level', 'warn', '--target', 'broken']);
	});
});

describe('scripts/cuda-registers', () => {
	it('fails where there is no nvcc, and says how to get one', () => {
		const root = clone();
		mkdirSync(join(root, 'bin'));
		symlinkSync(spawnSync('which', ['dirname'], { encoding: 'utf8' }).stdout.trim(), join(root, 'bin', 'dirname'));
		const { status, stderr } = spawnSync('/bin/bash', [join(root, 'scripts', 'cuda-registers')], {
			encoding: 'utf8',
			env: { PATH: join(root, 'bin') },
		});
		expect(stderr).toContain('scripts/setup --cuda');
		expect(status).toBe(1);
	});
});
