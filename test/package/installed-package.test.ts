import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

const FULL = process.env.GANNO_TEST_FULL !== undefined;

/** Every declaration file that one file reaches through relative imports, with its text. */
function reachable(entry: string, found = new Map<string, string>()): Map<string, string> {
	if (found.has(entry)) return found;
	const text = readFileSync(entry, 'utf8');
	found.set(entry, text);
	for (const [, path] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
		const target = resolve(dirname(entry), (path as string).replace(/\.js$/, '.d.ts'));
		if (existsSync(target)) reachable(target, found);
	}
	return found;
}

describe('the package as its users install it', () => {
	it('has types of ganno that do without those of tfjs', () => {
		const files = reachable(join(packageRoot, 'dist', 'index.d.ts'));
		expect(files.size).toBeGreaterThan(30);
		expect([...files].filter(([, text]) => text.includes('@tensorflow/')).map(([path]) => path)).toEqual([]);
		const own = reachable(join(packageRoot, 'dist', 'tfjs', 'index.d.ts'));
		expect([...own.values()].some((text) => text.includes('@tensorflow/tfjs'))).toBe(true);
	});

	// Packs, installs from the registry three Nodes, tfjs, TypeScript, publint and attw: minutes, and a network.
	it.runIf(FULL)(
		'works under Node 20, 22 and 24, with and without tfjs, type-checked and bundled',
		{ timeout: 900_000 },
		() => {
			const script = join(packageRoot, 'scripts', 'check-package.mjs');
			const { status, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: 880_000 });
			expect(stdout).toContain('The package works as installed.');
			expect(status).toBe(0);
		},
	);
});
