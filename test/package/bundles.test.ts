import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InputOptions, rolldown } from 'rolldown'; // vite's, which is vitest's
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';
import { loadPolicy } from '../../src/policy/policy-file.js';

/** A program with ganno inside its bundle, as a bundler makes it that was not told to leave it out, run where no ganno is installed. */

const root = mkdtempSync(join(tmpdir(), 'ganno-bundle-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeAll(() => {
	writeFileSync(join(root, 'package.json'), '{"name":"application","version":"1.0.0"}'); // not ganno's
	mkdirSync(join(root, 'node_modules'));
	symlinkSync(packageRoot, join(root, 'node_modules', 'ganno'));
});

/** Everything that needs a file of the package, or a package beside it: what it says when there is none. */
const PROGRAM = `
import * as ganno from 'ganno';
import { packageVersion } from ${JSON.stringify(join(packageRoot, 'dist', 'package-files.js'))};
import { pairedDifference } from ${JSON.stringify(join(packageRoot, 'dist', 'paired-difference.js'))};
const caught = async (action) => { try { await action(); } catch (error) { return [error.code, error.message]; } };
const tensor = () => [new Float32Array(3)];
const dataset = ganno.syntheticDataset({ seed: 1 });
async function main() {
	const result = {
		addon: await caught(() => new ganno.LayerwiseOptimizer({
			algorithm: 'sgd',
			layers: [{ name: 'a', parameters: tensor(), gradients: tensor() }],
		})),
		devices: await caught(() => ganno.devices()),
		policy: await caught(() => ganno.loadPolicy('default')),
		workers: await caught(() => ganno.openExecutor(ganno.parseConfig({ dataset: 'synthetic', workers: 1 }), dataset)),
		version: await caught(() => packageVersion()),
		tfjs: await caught(() => ganno.createLearner({ backend: 'wasm', spec: ${JSON.stringify(loadPolicy('default').spec)}, seed: 1, iterations: 1 })),
		statistics: await caught(() => pairedDifference([1, 2], [0, 0])),
		works: ganno.LayerwiseController.fromFunction(() => 0.1, { learningRate: 0.1 }).name,
	};
	process.stdout.write(JSON.stringify(result));
}
main();`;

async function bundled(
	name: string,
	format: 'esm' | 'cjs',
	options: InputOptions = {},
): Promise<Record<string, unknown>> {
	const folder = join(root, 'dist');
	mkdirSync(folder, { recursive: true });
	const input = join(root, 'program.mjs');
	writeFileSync(input, PROGRAM);
	const file = join(folder, name);
	const bundle = await rolldown({
		input,
		platform: 'node',
		external: [/^@tensorflow/],
		logLevel: 'silent',
		resolve: { symlinks: true },
		...options,
	});
	await bundle.write({ file, format, codeSplitting: false });
	await bundle.close();
	const env = { ...process.env, GANNO_BINDING: '', NODE_OPTIONS: '' };
	// From a folder of its own, outside the repository: nothing of ganno is to be found.
	return JSON.parse(execFileSync(process.execPath, [file], { cwd: tmpdir(), env, encoding: 'utf8' })) as Record<
		string,
		unknown
	>;
}

describe('ganno inside a bundle', () => {
	it.each([
		['an ES module', 'program.js.mjs', 'esm', {}],
		['CommonJS', 'program.cjs', 'cjs', {}],
		// esbuild's CommonJS.
		[
			'CommonJS without import.meta.url',
			'bare.cjs',
			'cjs',
			{ transform: { define: { 'import.meta.url': 'undefined' } } },
		],
	] as const)('names the bundler’s option wherever a file is missing: %s', async (_, name, format, options) => {
		const result = await bundled(name, format, options);
		const codes = {
			addon: 'NATIVE_NOT_FOUND',
			devices: 'NATIVE_NOT_FOUND',
			policy: 'BAD_FILE',
			workers: 'WORKER_FAILED',
			version: 'BAD_FILE',
			tfjs: 'MISSING_DEPENDENCY',
			statistics: 'MISSING_DEPENDENCY',
		};
		for (const [what, code] of Object.entries(codes)) {
			const [actual, message] = (result[what] ?? ['nothing', 'no error']) as [string, string];
			expect([what, actual]).toEqual([what, code]);
			expect(message, what).toMatch(
				/a bundler took it away from its addon, .*by the bundler's option `external`.*--external:ganno/,
			);
		}
		expect(result.works).toBe('function');
	});
});
