import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ganno, ownCommand } from '../src/own-command.js';
import { packageRoot } from '../src/package-files.js';
import { MAIN } from './support/run-ganno.js';

let base: string;
beforeEach(() => {
	base = realpathSync(mkdtempSync(join(tmpdir(), 'ganno-own-command-')));
});

/** A package of that name with a program, as npm unpacks it. */
function unpack(...path: string[]): string {
	const root = join(base, ...path);
	mkdirSync(join(root, 'dist', 'cli'), { recursive: true });
	writeFileSync(join(root, 'package.json'), '{"name":"ganno"}');
	writeFileSync(join(root, 'dist', 'cli', 'main.js'), '');
	return root;
}

function folder(...path: string[]): string {
	mkdirSync(join(base, ...path), { recursive: true });
	return join(base, ...path);
}

/** As npm links a package's program into a folder of programs. */
function link(root: string, programs: string): string {
	symlinkSync(join(root, 'dist', 'cli', 'main.js'), join(programs, 'ganno'));
	return programs;
}

const call = (root: string, at: string, ...programs: string[]): string =>
	ownCommand({ root, folder: at, path: ['', folder('usr', 'bin'), ...programs].join(delimiter) });

describe.skipIf(process.platform === 'win32')('ganno is called as it is found where a command is pasted', () => {
	it('in a clone, and in its folders that are no packages: by npx', () => {
		const clone = unpack('clone');
		expect(call(clone, clone)).toBe('npx ganno');
		expect(call(clone, folder('clone', 'docs', 'images'))).toBe('npx ganno');
		const other = folder('clone', 'sub');
		writeFileSync(join(other, 'package.json'), '{}');
		expect(call(clone, other)).toBe(`node ${join(clone, 'dist/cli/main.js')}`);
	});

	it.each(['npm', 'pnpm'])('in a project that has installed it by %s: by npx', (manager) => {
		const project = folder('project');
		writeFileSync(join(project, 'package.json'), '{}');
		const root =
			manager === 'npm'
				? unpack('project', 'node_modules', 'ganno')
				: unpack('project', 'node_modules', '.pnpm', 'ganno@0.1.0', 'node_modules', 'ganno');
		const programs = folder('project', 'node_modules', '.bin');
		if (manager === 'npm') link(root, programs);
		else {
			writeFileSync(join(programs, 'ganno'), '#!/bin/sh\n');
			symlinkSync(root, join(project, 'node_modules', 'ganno'));
		}
		expect(call(root, project)).toBe('npx ganno');
		// npx and npm put that folder on the PATH of what they start, not on the user's.
		expect(call(root, project, programs)).toBe('npx ganno');
		expect(call(root, folder('project', 'src', 'deep'), programs)).toBe('npx ganno');
		const inner = folder('project', 'packages', 'a');
		writeFileSync(join(inner, 'package.json'), '{}');
		expect(call(root, inner)).toBe('npx ganno');
		expect(call(root, base, programs)).toBe(`node ${join(root, 'dist/cli/main.js')}`);
	});

	it('installed globally: by its name, unless another program of that name comes first', () => {
		const root = unpack('lib', 'node_modules', 'ganno');
		const programs = link(root, folder('bin'));
		expect(call(root, base, programs)).toBe('ganno');
		const clone = unpack('clone');
		expect(call(root, base, link(clone, folder('other', 'bin')), programs)).not.toBe('ganno');
		expect(call(clone, clone, programs)).toBe('npx ganno');
	});

	it('installed globally where npm writes scripts in place of links: by its name', () => {
		const root = unpack('npm', 'node_modules', 'ganno');
		writeFileSync(join(base, 'npm', 'ganno'), '#!/bin/sh\n');
		expect(call(root, folder('home'), join(base, 'npm'))).toBe('ganno');
	});

	it('fetched by npx into its cache: as npx was asked', () => {
		const root = unpack('_npx', '0123456789abcdef', 'node_modules', 'ganno');
		const manifest = join(base, '_npx', '0123456789abcdef', 'package.json');
		writeFileSync(manifest, '{"_npx":{"packages":["ganno@0.1"]}}');
		expect(call(root, folder('home'))).toBe('npx ganno@0.1');
		writeFileSync(manifest, '{"_npx":{"packages":["ganno","left-pad"]}}');
		expect(call(root, folder('home'))).toBe(`node ${join(root, 'dist/cli/main.js')}`);
	});

	it('not where npx would find another one: by its path, quoted', () => {
		const project = folder('project');
		link(unpack('project', 'node_modules', 'ganno'), folder('project', 'node_modules', '.bin'));
		const clone = unpack('my clone');
		expect(call(clone, project)).toBe(`node '${join(clone, 'dist/cli/main.js')}'`);
	});
});

describe.skipIf(process.platform === 'win32')('a command that ganno prints', () => {
	const run = (command: string, cwd: string): string =>
		execFileSync('sh', ['-c', command], {
			cwd,
			encoding: 'utf8',
			// The npx of this Node; nothing may be fetched.
			env: {
				PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
				npm_config_offline: 'true',
				HOME: base,
			},
		});

	it('runs as it is printed in a clone, in a project and anywhere else', () => {
		const project = folder('project');
		writeFileSync(join(project, 'package.json'), '{}');
		const programs = folder('project', 'node_modules', '.bin');
		symlinkSync(packageRoot, join(project, 'node_modules', 'ganno'));
		symlinkSync(MAIN, join(programs, 'ganno'));
		for (const [at, expected] of [
			[packageRoot, 'npx ganno'],
			[project, 'npx ganno'],
			[base, `node ${MAIN}`],
		] as const) {
			const help = execFileSync(process.execPath, [MAIN, 'devices', '--help'], { cwd: at, encoding: 'utf8' });
			const [, example] = /^ {2}\$ (.+)$/m.exec(help) as unknown as [string, string];
			expect(example).toBe(`${expected} devices`);
			expect(help).toContain(`Usage: ${expected} devices`);
			expect(run(`${example} --json`, at)).toContain('"kind": "cpu"');
		}
	});

	it('has what is put in as words', () => {
		expect(ganno`evaluate ${'mein Lauf'} --suite`).toBe("npx ganno evaluate 'mein Lauf' --suite");
	});
});
