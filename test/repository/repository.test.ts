import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
	readonly dependencies: Readonly<Record<string, string>>;
	readonly files: readonly string[];
	readonly bin: Readonly<Record<string, string>>;
};
const lock = JSON.parse(read('package-lock.json')) as {
	readonly packages: Readonly<
		Record<string, { readonly dev?: boolean; readonly peer?: boolean; readonly devOptional?: boolean }>
	>;
};

/** Files of the repository, new ones included, ignored ones not; without git, whatever lies outside the ignored folders. */
function repositoryFiles(): string[] {
	const git = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
		cwd: packageRoot,
		encoding: 'utf8',
	});
	const paths =
		git.status === 0
			? git.stdout.split('\n')
			: readdirSync(packageRoot, { recursive: true, encoding: 'utf8' }).filter(
					(path) => !/(^|\/)(node_modules|build|dist|coverage|runs|\.git)(\/|$)/.test(path),
				);
	return paths.filter(
		(path) => path !== '' && existsSync(join(packageRoot, path)) && statSync(join(packageRoot, path)).isFile(),
	);
}

const files = repositoryFiles();
const pages = files.filter((path) => path.endsWith('.md'));

function shellBlocks(markdown: string): string[] {
	return [...markdown.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => (match[1] as string).trim());
}

describe('the documentation can be followed', () => {
	it('gives the two commands of the README exactly', () => {
		const blocks = shellBlocks(read('README.md'));
		expect(blocks).toContain('scripts/setup && npm start');
		expect(blocks).toContain('scripts/setup && npm test');
	});

	it.each(pages)('%s links only to what exists', (page) => {
		const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
		for (const link of links) {
			if (/^[a-z]+:/.test(link) || link.startsWith('#')) continue;
			const target = resolve(packageRoot, dirname(page), link.split('#')[0] as string);
			expect(existsSync(target), `${page} links to ${link}`).toBe(true);
		}
	});

	it('leads from its first page to every page', () => {
		const index = read('docs/index.md');
		for (const page of pages.filter((path) => path.startsWith('docs/') && path !== 'docs/index.md')) {
			expect(index).toContain(`](${page.slice('docs/'.length)})`);
		}
	});
});

describe('the package', () => {
	it('contains what users need and nothing else', () => {
		const [packed] = JSON.parse(
			execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
				cwd: packageRoot,
				encoding: 'utf8',
				stdio: ['ignore', 'pipe', 'ignore'],
			}),
		) as [{ readonly files: readonly { readonly path: string }[] }];
		const paths = packed.files.map(({ path }) => path);
		for (const needed of [
			'package.json',
			'README.md',
			'LICENSE',
			'THIRD_PARTY_NOTICES',
			'CITATION.cff',
			'CHANGELOG.md',
			'binding.d.ts',
			'CMakeLists.txt',
			'native/node/addon.cc',
			'dist/index.js',
			'dist/index.d.ts',
			manifest.bin.ganno,
		]) {
			expect(paths).toContain(needed);
		}
		const strangers = paths.filter((path) =>
			/^(test|bench|build|docs|scripts|runs|node_modules)\/|^native\/(.*\/)?(bench|emulation)\//.test(path),
		);
		expect(strangers).toEqual([]);
	});

	it('has executable scripts', () => {
		for (const path of files.filter((file) => /^(scripts|\.ci)\/[\w-]+$/.test(file))) {
			expect(() => accessSync(join(packageRoot, path), constants.X_OK), path).not.toThrow();
			expect(statSync(join(packageRoot, path)).isFile()).toBe(true);
		}
	});

	it('lists every package it installs in THIRD_PARTY_NOTICES', () => {
		const notices = read('THIRD_PARTY_NOTICES');
		const installed = Object.entries(lock.packages)
			.filter(([path, entry]) => path !== '' && !entry.dev && !entry.peer && !entry.devOptional)
			.map(([path]) => path.split('node_modules/').at(-1) as string)
			.filter((name) => !name.startsWith('@napi-rs/nice-'));
		expect(installed).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
		for (const name of installed) expect(notices).toContain(name);
	});
});

describe('the lock file', () => {
	it('has an entry for every platform, so that npm ci accepts it', () => {
		const { status, stderr } = spawnSync(
			process.execPath,
			[join(packageRoot, 'scripts/complete-lock.mjs'), '--check'],
			{
				encoding: 'utf8',
			},
		);
		expect(stderr).toBe('');
		expect(status).toBe(0);
	});
});

it('names no registry host: packages come from wherever npm and apt are told to look', () => {
	// Written so that this file does not match itself.
	const hosts = new RegExp(['registry[.](npm|yarn)', 'npmjs[.](org|com)', 'deb[.]debian', 'pypi[.]org'].join('|'), 'i');
	for (const path of files) {
		if (path === 'test/repository/repository.test.ts' || /\.(gz|safetensors|png)$/.test(path)) continue;
		const line = read(path)
			.split('\n')
			.find((candidate) => hosts.test(candidate));
		expect(line, path).toBeUndefined();
	}
});
