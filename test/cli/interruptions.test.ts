import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { journalPath } from '../../src/evaluation/suites/evaluate-suite.js';
import { listCheckpoints, readMetrics } from '../../src/runs/run-directory.js';
import { ganno, MAIN, startGanno } from '../support/run-ganno.js';
import { TINY, TINY_SEARCH } from '../support/tiny-config.js';

const folder = mkdtempSync(join(tmpdir(), 'ganno-interruptions-'));
const tiny = join(folder, 'tiny.json');
const tinySearch = join(folder, 'search.json');
const policy = join(folder, 'whole', 'policy.safetensors');
const train = ['train', '--config', tiny, '--workers', '1', '--iterations', '8'];

beforeAll(async () => {
	writeFileSync(tiny, JSON.stringify(TINY));
	writeFileSync(tinySearch, JSON.stringify(TINY_SEARCH));
	const whole = await ganno([...train, '--run-dir', join(folder, 'whole')]);
	expect(whole.code, whole.stderr).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const preload = (name: string) => `--import=${new URL(`../support/${name}`, import.meta.url).href}`;

/** A run that is signalled when it opens a file, and what it came to. */
async function signalledAt(at: string, signals: string, run: string) {
	const env = { NODE_OPTIONS: preload('signal-at.mjs'), SIGNAL_AT: at, SIGNALS: signals };
	return await ganno([...train, '--run-dir', run], { env });
}

describe('a training that is asked to end', () => {
	/** By the file that is being written. The run writes a checkpoint every second iteration. */
	const moments: [string, string][] = [
		['when it takes its lock', '.run.lock'],
		['when it writes its config', 'config.json'],
		['before the first iteration', 'initial-policy'],
		['when it opens its event file', 'events.out'],
		['after the first iteration, whose metrics it writes', 'metrics.jsonl#1'],
		['between two checkpoints', 'metrics.jsonl#3'],
		['while it writes its first checkpoint', 'checkpoint-000002'],
		['while it writes its policy', '.policy.safetensors'],
		['while it writes a later checkpoint', 'checkpoint-000006'],
	];
	/** Two at once: from a terminal and npm, from timeout to its child and to the group. SIGHUP: the terminal closes. */
	const requests = ['SIGINT', 'SIGINT,SIGTERM', 'SIGHUP,SIGTERM'];
	const cases = moments.flatMap(([when, at], i) => [[when, requests[i % requests.length] as string, at] as const]);

	it.each(cases)('%s (%s) leaves a checkpoint, and goes on from it to the same bits', async (when, signals, at) => {
		const run = join(folder, when.replaceAll(' ', '-'));
		const stopped = await signalledAt(at, signals, run);
		expect(stopped.code, stopped.stderr).toBe(130);
		expect(stopped.stderr).toContain(`ganno train --resume ${run}`);
		expect(existsSync(join(run, 'run.lock'))).toBe(false);
		const checkpoint = listCheckpoints(run).at(-1);
		expect(checkpoint?.iteration).toBe(
			existsSync(join(run, 'metrics.jsonl')) ? readMetrics(join(run, 'metrics.jsonl')).length : 0,
		);
		const resumed = await ganno(['train', '--resume', run]);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(readFileSync(join(run, 'policy.safetensors'))).toEqual(readFileSync(policy));
	});

	it('while it writes its last checkpoint is done all the same', async () => {
		const run = join(folder, 'last');
		const { code, stdout } = await signalledAt('checkpoint-000008', 'SIGINT,SIGTERM', run);
		expect([0, 130]).toContain(code);
		expect(code === 0).toBe(stdout.includes('Evaluate it'));
		expect(readFileSync(join(run, 'policy.safetensors'))).toEqual(readFileSync(policy));
		expect(existsSync(join(run, 'run.lock'))).toBe(false);
	});

	it('while it tunes its baseline tunes it when it goes on', async () => {
		const run = join(folder, 'baseline');
		const env = { NODE_OPTIONS: preload('signal-at.mjs'), SIGNAL_AT: 'config.json', SIGNALS: 'SIGINT,SIGTERM' };
		const stopped = await ganno([...train, '--reward', 'baseline', '--run-dir', run], { env });
		expect(stopped.code, stopped.stderr).toBe(130);
		expect(stopped.stderr).toContain(`the tuning begins anew. Go on with: npx ganno train --resume ${run}`);
		const resumed = await ganno(['train', '--resume', run]);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(resumed.stderr).toContain('Baseline:');
	});
});

describe('another command that is asked to end, twice at once,', () => {
	const twice = async (args: readonly string[], marker: string) => {
		const { child, until, result } = startGanno(args);
		await until(marker);
		child.kill('SIGINT');
		child.kill('SIGTERM');
		const { code, stderr } = await result;
		expect(code, stderr).toBe(130);
		return stderr;
	};

	it('in the middle of an evaluation leaves the run as it was, and free', async () => {
		const run = join(folder, 'whole');
		const said = await twice(['evaluate', run, '--set', 'evaluation.seeds=5000'], 'episode 1/');
		expect(said).toContain(`ganno evaluate ${run}`);
		expect(existsSync(join(run, 'run.lock'))).toBe(false);
		expect(existsSync(join(run, 'evaluation.json'))).toBe(false);
	});

	it('in the middle of a suite keeps the finished cells', async () => {
		const out = join(folder, 'suite.json');
		expect(await twice(['evaluate', policy, '--quick', '--out', out], 'cell 8/')).toContain('--resume');
		expect(existsSync(journalPath(out))).toBe(true);
		expect(existsSync(`${out}.lock`)).toBe(false);
	});

	it('in the middle of a search keeps every finished model', async () => {
		const run = join(folder, 'search');
		const said = await twice(['search', '--config', tinySearch, '--run-dir', run], 'model 3/');
		expect(said).toContain(`ganno search --resume ${run}`);
		expect(readFileSync(join(run, 'search.jsonl'), 'utf8').trim().split('\n').length).toBeGreaterThanOrEqual(3);
		expect(existsSync(join(run, 'run.lock'))).toBe(false);
	});
});

describe('a command whose output nobody reads any more', () => {
	it('trains to its end', async () => {
		const run = join(folder, 'unread');
		const { child, until, result } = startGanno([...train, '--iterations', '40', '--run-dir', run]);
		await until('iteration 2/');
		child.stderr?.destroy();
		child.stdout?.destroy();
		expect((await result).code).toBe(0);
		expect(listCheckpoints(run).at(-1)?.iteration).toBe(40);
		expect(existsSync(join(run, 'run.lock'))).toBe(false);
	});

	it('searches to its end', async () => {
		const run = join(folder, 'unread-search');
		const { child, until, result } = startGanno(['search', '--config', tinySearch, '--run-dir', run]);
		await until('model 1/');
		child.stderr?.destroy();
		child.stdout?.destroy();
		expect((await result).code).toBe(0);
		expect(existsSync(join(run, 'search.json'))).toBe(true);
	});

	it('can still be asked to end', async () => {
		const run = join(folder, 'unread-stopped');
		const { child, until, result } = startGanno([...train, '--iterations', '100000', '--run-dir', run]);
		await until('iteration 1/');
		child.stderr?.destroy();
		child.kill('SIGHUP');
		expect((await result).code).toBe(130);
		expect(listCheckpoints(run)).not.toEqual([]);
	});

	it.each([
		[
			'an evaluation',
			['evaluate', policy, '--output', join(folder, 'unread-evaluation')],
			['evaluation.json', 'report.html'],
		],
		[
			'a suite',
			['evaluate', policy, '--quick', '--out', join(folder, 'unread-evaluation', 'quick.json')],
			['quick.json', 'quick.md', 'quick.html'],
		],
		[
			'start',
			['start', '--config', tiny, '--run-dir', join(folder, 'unread-evaluation')],
			['evaluation.json', 'report.html'],
		],
	] as const)('writes all files of %s before it prints', async (_, args, files) => {
		rmSync(join(folder, 'unread-evaluation'), { recursive: true, force: true });
		const { child, result } = startGanno(args);
		child.stdout?.destroy();
		const { code, stderr } = await result;
		expect(code, stderr).toBe(0);
		expect(stderr).toContain('Evaluation done');
		for (const file of files) expect(existsSync(join(folder, 'unread-evaluation', file)), file).toBe(true);
	});

	it('that only prints ends well', async () => {
		for (const args of [['info', 'default'], ['devices'], ['--help'], ['search', '--describe']]) {
			const { child, result } = startGanno(args);
			child.stdout?.destroy();
			const { code, stderr } = await result;
			expect(code, args.join(' ')).toBe(0);
			expect(stderr, args.join(' ')).toBe('');
		}
	});

	it.runIf(existsSync('/dev/full'))('says so where its output cannot be kept, and fails', async () => {
		const { code, stderr } = await ganno(['info', 'default'], { stdout: openSync('/dev/full', 'w') });
		expect(stderr).toMatch(/^ganno: Could not write to stdout: ENOSPC.*free some space.*\n$/);
		expect(code).toBe(1);
	});
});

const python = spawnSync('python3', ['-c', 'import pty']).status === 0;

describe.runIf(python)('on a terminal', () => {
	const onTerminal = async (marker: string, action: string, command: readonly string[]) => {
		const script = fileURLToPath(new URL('../support/terminal.py', import.meta.url));
		const { stdout } = await promisify(execFile)('python3', [script, marker, action, ...command]);
		return Number(stdout);
	};
	const command = (run: string, iterations: string) => [
		process.execPath,
		MAIN,
		...train,
		'--iterations',
		iterations,
		'--run-dir',
		run,
	];

	it('a training that is typed Ctrl-C leaves a checkpoint', async () => {
		const run = join(folder, 'typed');
		expect(await onTerminal('iteration 2/', 'ctrl-c', command(run, '100000'))).toBe(130);
		expect(listCheckpoints(run)).not.toEqual([]);
	});

	it('that closes, a training leaves a checkpoint and its exit code', async () => {
		const run = join(folder, 'hung-up');
		expect(await onTerminal('iteration 2/', 'hang-up', command(run, '100000'))).toBe(130);
		expect(listCheckpoints(run)).not.toEqual([]);
		expect(existsSync(join(run, 'run.lock'))).toBe(false);
	});

	it('that closes behind a training of the background, that one goes on to its end', async () => {
		const run = join(folder, 'left');
		expect(await onTerminal('iteration 2/', 'leave', command(run, '40'))).toBe(0);
		expect(listCheckpoints(run).at(-1)?.iteration).toBe(40);
	});
});
