import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TINY_CASES } from '../../bench/cases.js';
import { openDevice } from '../../bench/optimizer/device.js';
import { BYTES_PER_PARAMETER, DEVICE_CASES, DEVICE_POPULATION } from '../../bench/optimizer/device-cases.js';
import { compareOnDevice } from '../../bench/optimizer/device-targets.js';
import type { CaseResult } from '../../bench/optimizer/measure.js';
import { openOwn, parameterCount } from '../../bench/population/contender.js';
import { largestDifference, trainingLosses } from '../../bench/population/curves.js';
import { RIVALS } from '../../bench/population/rivals.js';
import { ratiosOf, speedTargets } from '../../bench/population/targets.js';
import { packageRoot } from '../../src/native.js';
import { LAYERWISE_ALGORITHMS } from '../../src/optimizer/algorithms.js';
import { EMULATED_ADDON } from '../support/emulation.js';

/** scripts/gpu-check and what it runs, as far as the emulated device goes. */

process.env.GANNO_BINDING = EMULATED_ADDON;
const script = join(packageRoot, 'scripts', 'gpu-check');
const check = (words: readonly string[], environment: NodeJS.ProcessEnv = {}, program = script) =>
	spawnSync(program, words, {
		encoding: 'utf8',
		timeout: 60_000,
		env: { ...process.env, GANNO_BINDING: '', ...environment },
	});

describe('scripts/gpu-check', () => {
	it('says what it does', () => {
		const { status, stdout } = check(['--help']);
		expect(status).toBe(0);
		for (const word of ['--only', '--quick', '--minutes', 'build, tests, sanitizer, optimizer, population, curves']) {
			expect(stdout).toContain(word);
		}
	});

	it.each([
		[['--only', 'build,everything'], /Expected one of build, .* for --only but received 'everything'/],
		[['--minutes', 'soon'], /Expected a number above 0 for --minutes but received 'soon'/],
		[['--only'], /--only needs a value/],
		[['--loud'], /There is no option '--loud'/],
	])('refuses %s', (words, reason) => {
		const { status, stderr } = check(words);
		expect(status).toBe(2);
		expect(stderr).toMatch(reason);
	});

	it('lists its steps: every stage has some, no two have one name, and none may take ten minutes', () => {
		const { status, stdout } = check(['--list']);
		expect(status).toBe(0);
		const lines = stdout
			.trim()
			.split('\n')
			.map((line) => line.split(/\s+/));
		expect(new Set(lines.map(([stage]) => stage)).size).toBe(6);
		expect(new Set(lines.map(([, name]) => name)).size).toBe(lines.length);
	});

	it('names tests that are there', () => {
		const source = readFileSync(join(packageRoot, 'scripts', 'gpu-check-steps.mjs'), 'utf8');
		const named = [...source.matchAll(/'(test\/[^']+)'/g)].map(([, path]) => path as string);
		const files = readdirSync(join(packageRoot, 'test'), { recursive: true, encoding: 'utf8' }).map(
			(path) => `test/${path}`,
		);
		const tests = files.filter((path) => path.endsWith('.test.ts'));
		expect(named.length).toBeGreaterThan(3);
		expect(named.filter((path) => !tests.some((test) => test.startsWith(path)))).toEqual([]);
	});

	it.skipIf(existsSync('/proc/driver/nvidia'))('says that there is no device, and why', () => {
		if (!existsSync(join(packageRoot, 'dist', 'index.js'))) return;
		const { status, stderr } = check(['--only', 'curves', '--fresh']);
		expect(status).toBe(3);
		expect(stderr).toMatch(/no CUDA device can be used: .*(driver|nvcc)/);
	});

	it('without node_modules, git and npm says what to do', () => {
		const bare = mkdtempSync(join(tmpdir(), 'ganno-gpu-'));
		cpSync(join(packageRoot, 'scripts'), join(bare, 'scripts'), { recursive: true });
		cpSync(join(packageRoot, 'test'), join(bare, 'test'), { recursive: true });
		const { status, stderr } = check([], {}, join(bare, 'scripts', 'gpu-check'));
		expect(stderr).toMatch(/node_modules is missing/);
		expect(status).toBe(1);
	});
});

describe('what it measures on the emulated device', () => {
	const [small] = TINY_CASES;

	it('steps every algorithm, queued and by calls', async () => {
		for (const algorithm of LAYERWISE_ALGORITHMS) {
			const one = { ...DEVICE_CASES[0]!, name: 'tiny', algorithm, sizes: [3, 70] };
			for (const name of ['ganno', 'ganno-no-statistics', 'ganno-calls']) {
				const contender = openDevice(name, one, 'cuda:0');
				const { steps, wallSeconds } = await contender.run(1);
				expect(steps).toBeGreaterThan(0);
				expect(wallSeconds).toBeGreaterThan(0);
				const { parameters } = await contender.last();
				expect(parameters).not.toEqual(contender.first.parameters);
				await contender.close();
			}
			expect(BYTES_PER_PARAMETER[algorithm]).toBeGreaterThanOrEqual(12);
		}
	});

	it('follows the CPU in its first losses', () => {
		const expected = trainingLosses(small!, { device: 'cpu', steps: 8 });
		const found = trainingLosses(small!, { device: 'cuda:0', steps: 8 });
		expect(largestDifference('small', expected, found)).toBeLessThan(1e-3);
		found[3] = (found[3] as number) * 1.01;
		expect(largestDifference('small', expected, found)).toBeGreaterThan(5e-3);
		found[3] = Number.NaN;
		expect(() => largestDifference('small', expected, found)).toThrow(/loss 3/);
	});

	it('trains populations, and says why where it cannot', async () => {
		const contender = openOwn('ganno', small!, { device: 'cuda:0', networks: 2 });
		expect(await contender.run(1)).toBeGreaterThan(0);
		await contender.close();
		expect(openOwn('ganno', small!, { device: 'cuda:9', networks: 2 }).unavailable).toMatch(/not measured: .*cuda:9/);
		expect(parameterCount(small!)).toBe(64 * 12 + 12 + 12 * 10 + 10);
	});
});

describe('its bounds', () => {
	const result = (name: string, times: Record<string, number[]>): CaseResult => ({
		one: { ...DEVICE_CASES[0]!, name },
		times: new Map(Object.entries(times)),
		rows: [],
	});

	it('are those promised for steps', () => {
		const times = { ganno: [1, 1], 'copy-ceiling': [0.95, 0.91], 'pytorch-norms': [2, 3], 'pytorch-all': [2.5, 2.7] };
		const { targets } = compareOnDevice([result('adam-30M', times), result(DEVICE_POPULATION, { ganno: [1] })], 'card');
		expect(targets.map(({ met }) => met)).toEqual([true, true, null, false, null]);
		expect(targets[0]).toMatchObject({ target: '>= 0.9', value: expect.closeTo(0.93, 9) });
	});

	it('are those promised for populations, against the fastest of all three', () => {
		const plain = RIVALS.slice(0, 3);
		const duels = plain.map((rival, i) => ({ case: 'mlp', rival, ratios: [2 + i, 3 + i] }));
		expect(speedTargets('mlp', duels, [], 'card')).toMatchObject([{ value: 2.5, met: true, target: '>= 1.2' }]);
		expect(speedTargets('cnn-small', duels.slice(1), [], 'card')).toMatchObject([{ value: null, met: null }]);
		expect(speedTargets('mlp', duels, ['ganno', 'jax-vmap'], 'card')).toEqual([]);
		expect(ratiosOf(duels).map(({ metric }) => metric)).toEqual(plain.map(({ name }) => `speed_over_${name}`));
	});

	it('are held against the same networks as bench/cases.ts has', () => {
		const python = readFileSync(join(packageRoot, 'bench', 'contenders', 'population_case.py'), 'utf8');
		expect(python).toContain('BATCH, IMAGES = 64, 4096');
		for (const { name } of TINY_CASES) expect(python).toContain(`"${name}"`);
	});
});
