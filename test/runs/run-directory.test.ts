import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import type { ErrorCode } from '../../src/errors.js';
import {
	listCheckpoints,
	RunDirectory,
	readLatestCheckpoint,
	readMetrics,
	readRunConfig,
} from '../../src/runs/run-directory.js';
import { LOCK_FILE, lockRunDirectory } from '../../src/runs/run-lock.js';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-run-'));
});

function codeOf(action: () => unknown): ErrorCode | undefined {
	try {
		action();
	} catch (error) {
		return (error as { code?: ErrorCode }).code;
	}
	return undefined;
}

const tensor = (value: number) => ({ name: 'w', shape: [2], data: Float32Array.of(value, value) });

describe('the lock of a run directory', () => {
	it('keeps a second holder out, names the first, and opens again once released', () => {
		const lock = lockRunDirectory(folder);
		expect(codeOf(() => lockRunDirectory(folder))).toBe('RUN_LOCKED');
		expect(() => lockRunDirectory(folder)).toThrow(`process ${process.pid}`);
		lock.release();
		lock.release();
		expect(existsSync(join(folder, LOCK_FILE))).toBe(false);
		lockRunDirectory(folder).release();
	});

	it('is taken over from a process that has ended', async () => {
		const child = spawn(process.execPath, ['-e', '']);
		await once(child, 'exit');
		const holder = { pid: child.pid, host: hostname(), since: 'then' };
		writeFileSync(join(folder, LOCK_FILE), JSON.stringify(holder));
		const lock = lockRunDirectory(folder);
		expect(readFileSync(join(folder, LOCK_FILE), 'utf8')).toContain(`"pid":${process.pid}`);
		expect(readdirSync(folder)).toEqual([LOCK_FILE]);
		lock.release();
	});

	it('is taken over when the process id now belongs to another process', () => {
		const holder = { pid: process.ppid, host: hostname(), processStart: '1', since: 'then' };
		writeFileSync(join(folder, LOCK_FILE), JSON.stringify(holder));
		lockRunDirectory(folder).release();
	});

	it.each(['', '{"pid":', '{"pid":0,"host":"a"}', '[]', 'null'])(
		'counts as held when it does not say by whom: %j',
		(text) => {
			writeFileSync(join(folder, LOCK_FILE), text);
			expect(codeOf(() => lockRunDirectory(folder))).toBe('RUN_LOCKED');
			expect(() => lockRunDirectory(folder)).toThrow(
				`If you are sure that it has ended, delete ${join(folder, LOCK_FILE)}`,
			);
			expect(readFileSync(join(folder, LOCK_FILE), 'utf8')).toBe(text);
		},
	);

	it('of another machine is respected', () => {
		writeFileSync(join(folder, LOCK_FILE), JSON.stringify({ pid: 1, host: 'elsewhere', since: 'then' }));
		expect(() => lockRunDirectory(folder)).toThrow('on elsewhere');
		expect(() => lockRunDirectory(folder)).toThrow(/Its files last changed at 20.*delete .*run\.lock/);
	});

	it('is left alone by a holder whose lock was taken over', () => {
		const lock = lockRunDirectory(folder);
		writeFileSync(join(folder, LOCK_FILE), JSON.stringify({ pid: process.ppid, host: hostname(), since: 'now' }));
		lock.release();
		expect(existsSync(join(folder, LOCK_FILE))).toBe(true);
	});
});

describe('a run directory', () => {
	const config = parseConfig({ checkpoint: { keep: 2 } });

	it('keeps the config as resolved', () => {
		RunDirectory.create(folder, config).close();
		expect(readRunConfig(folder)).toEqual(config);
	});

	it('refuses a second run, unlocked', () => {
		const first = RunDirectory.create(folder, config);
		first.writeCheckpoint(0, [tensor(0)], {});
		first.close();
		expect(codeOf(() => RunDirectory.create(folder, config))).toBe('INVALID_ARGUMENT');
		expect(() => RunDirectory.create(folder, config)).toThrow('--resume');
		expect(existsSync(join(folder, LOCK_FILE))).toBe(false);
	});

	it('is free for another run when the first one failed before it had anything to lose', () => {
		RunDirectory.create(folder, config).close();
		const next = RunDirectory.create(folder, parseConfig({ ...config, seed: 99 }));
		next.close();
		expect(readRunConfig(folder).seed).toBe(99);
	});

	it('refuses a second run while the first goes on', () => {
		using _run = RunDirectory.create(folder, config);
		expect(codeOf(() => RunDirectory.create(folder, config))).toBe('RUN_LOCKED');
		expect(codeOf(() => RunDirectory.open(folder))).toBe('RUN_LOCKED');
	});

	it('keeps changes given when it is opened again', () => {
		RunDirectory.create(folder, config).close();
		RunDirectory.open(folder, { source: 'flags', values: { iterations: 7 } }).close();
		expect(readRunConfig(folder).iterations).toBe(7);
		expect(codeOf(() => RunDirectory.open(folder, { source: 'flags', values: { iterations: -1 } }))).toBe(
			'INVALID_CONFIG',
		);
		expect(existsSync(join(folder, LOCK_FILE))).toBe(false);
	});

	it('says so where there is no run', () => {
		expect(() => RunDirectory.open(folder)).toThrow(`There is no run in ${folder}`);
	});

	it('keeps the last checkpoints and reads the newest', () => {
		using run = RunDirectory.create(folder, config);
		for (const iteration of [10, 20, 30]) run.writeCheckpoint(iteration, [tensor(iteration)], { note: 'x' });
		expect(listCheckpoints(folder).map(({ iteration }) => iteration)).toEqual([20, 30]);
		const latest = readLatestCheckpoint(folder);
		expect(latest?.iteration).toBe(30);
		expect(latest?.tensors[0]?.data).toEqual(Float32Array.of(30, 30));
		expect(latest?.metadata).toEqual({ note: 'x', iteration: '30' });
	});

	it('leaves the old checkpoint whole when a new one cannot be written', () => {
		using run = RunDirectory.create(folder, config);
		run.writeCheckpoint(1, [tensor(1)], {});
		const bad = { name: 'w', shape: [3], data: Float32Array.of(1) };
		expect(codeOf(() => run.writeCheckpoint(2, [bad], {}))).toBe('INVALID_ARGUMENT');
		expect(readLatestCheckpoint(folder)?.iteration).toBe(1);
	});

	it('says from where the run goes on without a damaged checkpoint', () => {
		using run = RunDirectory.create(folder, config);
		const whole = run.writeCheckpoint(1, [tensor(1)], {});
		const damaged = run.writeCheckpoint(2, [tensor(2)], {});
		writeFileSync(damaged, readFileSync(damaged).subarray(0, 20));
		expect(codeOf(() => readLatestCheckpoint(folder))).toBe('BAD_FILE');
		expect(() => readLatestCheckpoint(folder)).toThrow(`goes on from ${whole}`);
	});

	it('drops the metrics of iterations that will be run again, and a half-written line', () => {
		using run = RunDirectory.create(folder, config);
		for (let iteration = 0; iteration < 5; iteration++) run.appendMetrics({ iteration, return: iteration / 2 });
		writeFileSync(run.file('metrics'), '{"iteration":5,"ret', { flag: 'a' });
		expect(readMetrics(run.file('metrics'))).toHaveLength(5);
		run.truncateMetrics(3);
		run.appendMetrics({ iteration: 3, return: 9 });
		expect(readMetrics(run.file('metrics')).map(({ return: value }) => value)).toEqual([0, 0.5, 1, 9]);
	});

	it('says which line of the metrics is damaged', () => {
		using run = RunDirectory.create(folder, config);
		writeFileSync(run.file('metrics'), '{"iteration":0}\nnonsense\n{"iteration":2}\n');
		expect(() => readMetrics(run.file('metrics'))).toThrow('line 2');
	});
});
