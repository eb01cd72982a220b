import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADAM_CASES, ALGORITHM_CASES, parameterCount, type StepCase } from '../../bench/optimizer/cases.js';
import { checkParameters, checkStatistics, FIRST_STEPS } from '../../bench/optimizer/evidence.js';
import { openLocal, tierContenderNames } from '../../bench/optimizer/local.js';
import { type CaseResult, measureCase, roundRatios } from '../../bench/optimizer/measure.js';
import { openPytorch } from '../../bench/optimizer/rivals.js';
import { compare } from '../../bench/optimizer/targets.js';
import { loadBenchAddon } from '../../bench/support/machine.js';
import { native, packageRoot } from '../../src/native.js';

const tiny: StepCase = {
	name: 'tiny',
	algorithm: 'adam',
	sizes: [1, 37, 1500],
	threads: 1,
	metric: 'ns_per_parameter',
	rivals: true,
};

describe('the memory ceiling', () => {
	const { cpuTiers } = native();
	const { StreamCeiling } = loadBenchAddon();

	it.each(cpuTiers())('moves every element of every layer, on %s', (tier) => {
		const sizes = [1, 0, 15, 16, 1023, 70_001, 131_072];
		for (const threads of [1, 2]) {
			const ceiling = new StreamCeiling(Float64Array.from(sizes), threads, tier);
			for (const expected of [1, 2, 3, 4, 4]) {
				for (const [layer, size] of sizes.entries()) {
					const found = new Float32Array(size);
					ceiling.parameters(layer, found);
					expect(found.every((value) => value === expected)).toBe(true);
				}
				ceiling.pass();
			}
			ceiling.dispose();
		}
	});

	it('refuses what it cannot do', () => {
		expect(() => new StreamCeiling(Float64Array.of(2 ** 28, 1), 1)).toThrow(/2\^28/);
		expect(() => new StreamCeiling(Float64Array.of(-1), 1)).toThrow(/not a count/);
		expect(() => new StreamCeiling(Float64Array.of(1), 1, 'abacus')).toThrow(/abacus/);
		const ceiling = new StreamCeiling(Float64Array.of(3), 1);
		expect(() => ceiling.parameters(1, new Float32Array(3))).toThrow(/layer/);
		expect(() => ceiling.parameters(0, new Float32Array(2))).toThrow(/3 elements/);
		ceiling.dispose();
		ceiling.dispose();
		expect(() => ceiling.pass()).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
	});
});

describe('the cases', () => {
	it('are named after their algorithm, size and threads', () => {
		const sizes: Record<string, number> = { '16K': 16e3, '64K': 64e3, '1M': 1e6, '16M': 16e6, '64M': 64e6 };
		for (const one of [...ADAM_CASES, ...ALGORITHM_CASES].filter(({ rivals }) => rivals)) {
			const [algorithm, size, threads] = one.name.split('-') as [string, string, string];
			expect(one.algorithm).toBe(algorithm);
			expect(parameterCount(one)).toBe(sizes[size]);
			expect(one.threads).toBe(Number(threads));
		}
	});

	it('have a population of 1,200 layers with 85 parameters on average', () => {
		const population = ADAM_CASES.find(({ name }) => name === 'population-300x4-1') as StepCase;
		expect(population.sizes).toHaveLength(1200);
		expect(parameterCount(population)).toBe(1200 * 85);
	});
});

describe('contenders of one process', () => {
	beforeEach(() => void vi.spyOn(process.stderr, 'write').mockReturnValue(true)); // progress
	afterEach(() => vi.restoreAllMocks());
	const names = ['ganno', 'ganno-no-statistics', 'stream-ceiling', ...tierContenderNames()];

	it('agree, on every instruction set and in the reference', async () => {
		const contenders = names.map((name) => openLocal(name, tiny));
		const { rows, times } = await measureCase(tiny, contenders, { rounds: 2, milliseconds: 1 });
		for (const contender of contenders) await contender.close();
		expect([...times.keys()]).toEqual(names);
		for (const samples of times.values()) expect(samples).toHaveLength(2);
		for (const row of rows) expect(row.median).toBeGreaterThan(0);
		expect(rows.filter(({ metric }) => metric === 'gigabytes_per_second')).toHaveLength(names.length);
	});

	it.each(ALGORITHM_CASES.map(({ algorithm }) => algorithm))('step %s', async (algorithm) => {
		const one = { ...tiny, algorithm };
		const contenders = ['ganno', 'ganno-no-statistics'].map((name) => openLocal(name, one));
		const { rows } = await measureCase(one, contenders, { rounds: 1, milliseconds: 1 });
		for (const contender of contenders) await contender.close();
		expect(rows.map(({ metric }) => metric)).toEqual(['ns_per_parameter', 'ns_per_parameter']);
	});

	it('are found out when they step elsewhere or compute something else', async () => {
		const ganno = openLocal('ganno', tiny);
		const { first } = ganno;
		await ganno.close();
		expect(first.steps).toBe(FIRST_STEPS);
		expect(() => checkParameters('x', tiny, first)).not.toThrow();
		expect(() => checkParameters('x', tiny, { ...first, steps: first.steps + 1 })).toThrow(/sampled parameter 0/);
		expect(() => checkParameters('x', tiny, { ...first, parameters: [Number.NaN] })).toThrow(/shows 1 parameters/);
		const stays = first.parameters.map((value, i) => (i === 5 ? value * 1.01 : value));
		expect(() => checkParameters('x', tiny, { ...first, parameters: stays })).toThrow(/sampled parameter 5/);
		expect(() => checkStatistics('x', tiny, first, first.statistics)).not.toThrow();
		for (const at of first.statistics.keys()) {
			const wrong = first.statistics.map((value, i) =>
				i === at ? value + 0.05 * Math.max(1, Math.abs(value)) : value,
			);
			expect(() => checkStatistics('x', tiny, { ...first, statistics: wrong }, first.statistics)).toThrow(
				/layer \d is/,
			);
		}
		expect(() => checkStatistics('x', tiny, { ...first, statistics: [] }, first.statistics)).toThrow(/0 statistics/);
	});
});

/** A process for each; the foreach form of nesterov changes the caller's gradients and must not be taken. */
const PYTORCH_ALGORITHMS = process.env.GANNO_TEST_FULL
	? (['sgd', 'momentum', 'nesterov', 'rmsprop', 'adam', 'adamw'] as const)
	: (['nesterov', 'adamw'] as const);

describe('PyTorch', () => {
	it.each(PYTORCH_ALGORITHMS)('steps %s as ganno does', async (algorithm) => {
		const one = { ...tiny, algorithm };
		const pytorch = await openPytorch('pytorch', one, 'step');
		if (pytorch.unavailable !== undefined) {
			expect(pytorch.unavailable).toMatch(/scripts\/setup --bench/);
			return;
		}
		expect(pytorch.first.steps).toBe(FIRST_STEPS);
		checkParameters('pytorch', one, pytorch.first);
		await pytorch.close();
	});

	it('is not measured on what it does not have', async () => {
		const pytorch = await openPytorch('pytorch', { ...tiny, algorithm: 'lamb' }, 'step');
		expect(pytorch.unavailable).toMatch(/torch.optim has no lamb|scripts\/setup --bench/);
	});
});

describe('comparisons', () => {
	const result = (name: string, times: Record<string, number[]>): CaseResult => ({
		one: { ...tiny, name },
		times: new Map(Object.entries(times)),
		rows: [],
	});

	it('are of one round each', () => {
		const drifting = result('adam-1M-1', { ganno: [1, 2, 30], 'ganno-no-statistics': [1, 1, 20] });
		expect(roundRatios(drifting, 'ganno', 'ganno-no-statistics')).toEqual([1, 2, 1.5]);
		expect(roundRatios(drifting, 'ganno', 'tfjs-wasm')).toBeUndefined();
	});

	it('say which bounds are kept, missed and open', () => {
		const { targets } = compare(
			[
				result('adam-64M-1', { ganno: [1], 'ganno-no-statistics': [1], 'stream-ceiling': [0.9] }),
				result('overhead-100x1', { 'ganno-no-statistics': [0.5, 0.7, 2] }),
				result('adam-1M-2', { ganno: [1], 'pytorch-all': [4] }),
			],
			'avx2',
		);
		expect(Object.fromEntries(targets.map(({ name, met }) => [name, met]))).toEqual({
			'adam-64M-1: share_of_stream_ceiling (avx2)': false,
			'adam-64M-1: statistics_over_none (avx2)': true,
			'adam-1M-2: statistics_over_none (avx2)': null,
			'adam-1M-2: speed_over_pytorch_all (avx2)': true,
			'overhead-100x1: microseconds a call without statistics': true,
		});
	});
});

describe('npm run bench:optimizer', () => {
	beforeAll(() => {
		execFileSync(
			process.execPath,
			[join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.bench.json'],
			{
				cwd: packageRoot,
			},
		);
	});
	const run = (...words: string[]) =>
		spawnSync(process.execPath, [join(packageRoot, 'build/bench/optimizer.js'), ...words], { encoding: 'utf8' });

	it('prints one JSON object, every contender in it, and progress elsewhere', () => {
		const { status, stdout, stderr } = run(
			'--json',
			'--quick',
			'--rounds',
			'1',
			'--cases',
			'adam-16K-1,overhead-100x1',
		);
		expect(stderr).toContain('adam-16K-1: round 1 of 1');
		expect(status).toBe(0);
		const { machine, versions, tier, rows, targets } = JSON.parse(stdout) as {
			readonly machine: object;
			readonly versions: Readonly<Record<string, string>>;
			readonly tier: string;
			readonly rows: readonly Readonly<Record<string, unknown>>[];
			readonly targets: readonly Readonly<Record<string, unknown>>[];
		};
		expect(Object.keys(machine)).toContain('cpu');
		expect(versions).toHaveProperty('tfjs');
		expect(tier).toBe(native().cpuTier());
		for (const row of rows) {
			expect(row).toMatchObject({ case: expect.any(String), contender: expect.any(String), unit: expect.any(String) });
			if (row.samples === 0) expect(row.note).toMatch(/not measured|did not start/);
			else expect([row.min, row.median, row.max].every((value) => (value as number) > 0)).toBe(true);
		}
		const contenders = rows
			.filter((row) => row.case === 'adam-16K-1' && row.metric === 'ns_per_parameter')
			.map((row) => row.contender);
		expect(contenders).toEqual([
			'ganno',
			'ganno-no-statistics',
			'stream-ceiling',
			'pytorch-norms',
			'pytorch-all',
			'tfjs-wasm',
			'tfjs-cpu',
		]);
		expect(targets.map(({ name }) => name)).toEqual([
			`adam-16K-1: statistics_over_none (${tier})`,
			'overhead-100x1: microseconds a call without statistics',
		]);
	});

	it('explains itself', () => {
		const { status, stdout } = run('--help');
		expect(status).toBe(0);
		expect(stdout).toMatch(/--tiers .*\n.*--algorithms/);
		expect(run('--nonsense').status).toBe(2);
	});
});
