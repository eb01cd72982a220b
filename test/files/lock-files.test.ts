import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { GannoError } from '../../src/errors.js';
import { takeLock } from '../../src/files/lock-file.js';
import { ownIdentity, type ProcessIdentity } from '../../src/files/process-identity.js';

/** Called before each look at or change of a file by its name, in the folder of the test. */
const steps = vi.hoisted(() => ({
	folder: '\0',
	before: undefined as (() => void) | undefined,
	link: undefined as ((link: () => void) => void) | undefined,
}));

vi.mock('node:fs', async (importOriginal) => {
	const fs = await importOriginal<typeof import('node:fs')>();
	const watched = Object.fromEntries(
		(['openSync', 'readFileSync', 'renameSync', 'rmSync', 'statSync', 'unlinkSync'] as const).map((name) => [
			name,
			(...parameters: unknown[]) => {
				if (String(parameters[0]).startsWith(steps.folder)) steps.before?.();
				return (fs[name] as (...all: unknown[]) => unknown)(...parameters);
			},
		]),
	);
	const linkSync = (from: string, to: string): void => {
		steps.before?.();
		if (steps.link === undefined) fs.linkSync(from, to);
		else steps.link(() => fs.linkSync(from, to));
	};
	// What reaches the disk when is no matter here, and takes most of the time.
	return { ...fs, ...watched, linkSync, fsyncSync: () => {} };
});

let folder: string;
let path: string;
let living: ProcessIdentity;
let dead: ProcessIdentity;
beforeAll(async () => {
	const child = spawn(process.execPath, ['-e', '']);
	await once(child, 'exit');
	living = ownIdentity();
	dead = { ...living, pid: child.pid as number };
});
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-lock-'));
	path = join(folder, 'run.lock');
});
afterEach(() => {
	steps.before = undefined;
	steps.link = undefined;
	steps.folder = '\0';
	process.removeAllListeners('exit');
	rmSync(folder, { recursive: true, force: true });
});

/** What a process that ended may have left: nothing, a lock, one of ganno 0.1. */
const LEFT_BEHIND: [string, () => string | undefined][] = [
	['no lock', () => undefined],
	['the lock of a process that ended', () => `${JSON.stringify({ ...dead, since: 'then', id: 'x' })}\n`],
	['one of ganno 0.1', () => `${JSON.stringify({ pid: dead.pid, host: dead.host, since: 'then' })}\n`],
];

/** @returns whether it got the lock */
function contend(identity: ProcessIdentity): boolean {
	try {
		takeLock(path, () => new GannoError('RUN_LOCKED', 'held'), identity);
		return true;
	} catch (error) {
		if ((error as GannoError).code === 'RUN_LOCKED') return false;
		throw error;
	}
}

/** Runs `first`, and before its step `at` (from 0) all of `between`. @returns whether it came to that step */
function interleave(first: () => void, at: number, between: () => void): boolean {
	const outer = steps.before;
	let count = 0;
	steps.before = () => {
		if (count++ !== at) return;
		const own = steps.before;
		steps.before = outer;
		between();
		steps.before = own;
	};
	first();
	steps.before = outer;
	return count > at;
}

/**
 * Every pair of steps: the i-th of a first contender and the j-th of a second.
 * @param round whether they came so far
 * @returns how many pairs
 */
function everyPair(round: (i: number, j: number) => { first: boolean; second: boolean }): number {
	let pairs = 0;
	for (let i = 0, first = true; first; i++) {
		for (let j = 0, second = true; second; j++) {
			({ first, second } = round(i, j));
			pairs++;
		}
	}
	return pairs;
}

function begin(left: string | undefined): void {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder);
	if (left !== undefined) writeFileSync(path, left);
	steps.folder = folder;
}

describe('of three that contend for a lock, however they meet, one wins', () => {
	const noLinks = (): never => {
		throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
	};
	const ways: [string, (() => never) | undefined][] = [
		['', undefined],
		[', on a file system without hard links', noLinks],
	];
	for (const [how, link] of ways) {
		it.each(LEFT_BEHIND)(`over %s${how}`, (_, left) => {
			steps.link = link;
			const pairs = everyPair((i, j) => {
				begin(left());
				const won: number[] = [];
				const enter = (who: number) => {
					if (contend(living)) won.push(who);
				};
				let second = false;
				const first = interleave(
					() => enter(0),
					i,
					() => {
						second = interleave(
							() => enter(1),
							j,
							() => enter(2),
						);
					},
				);
				steps.before = undefined;
				expect(won, `steps ${i} and ${j}`).toHaveLength(1);
				expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
				expect(readdirSync(folder), `steps ${i} and ${j}`).toEqual(['run.lock']);
				process.removeAllListeners('exit');
				return { first, second };
			});
			expect(pairs).toBeGreaterThan(10);
		});
	}
});

describe('a lock is there for the next one, wherever those before it were killed', () => {
	it.each(LEFT_BEHIND)('over %s', (_, left) => {
		class Killed extends Error {}
		/** Takes the lock as a process that is killed before its step `at`, and then does nothing any more, not even clean up. */
		const killedAt = (at: number): boolean => {
			let count = 0;
			steps.before = () => {
				if (count++ >= at) throw new Killed();
			};
			try {
				takeLock(path, () => new GannoError('RUN_LOCKED', 'held'), dead);
			} catch {
				// Killed.
			}
			steps.before = undefined;
			return count > at;
		};
		const pairs = everyPair((i, j) => {
			begin(left());
			const first = killedAt(i);
			const second = killedAt(j);
			expect(contend(living), `killed at ${i}, then at ${j}`).toBe(true);
			expect(contend(living)).toBe(false);
			process.removeAllListeners('exit');
			return { first, second };
		});
		expect(pairs).toBeGreaterThan(10);
	});
});

describe('a lock', () => {
	it('has its content as soon as it has its name', () => {
		steps.folder = folder;
		const seen = new Set<string>();
		steps.before = () => {
			const before = steps.before;
			steps.before = undefined;
			if (readdirSync(folder).includes('run.lock')) seen.add(readFileSync(path, 'utf8'));
			steps.before = before;
		};
		const lock = takeLock(path, () => new GannoError('RUN_LOCKED', 'held'));
		lock.release();
		expect(seen.size).toBe(1);
		expect(JSON.parse([...seen][0] as string)).toMatchObject({ pid: process.pid, host: living.host });
	});

	it('is ours where a network file system made it and then said that it was there', () => {
		steps.link = (link) => {
			link();
			throw Object.assign(new Error('EEXIST'), { code: 'EEXIST' });
		};
		const lock = takeLock(path, () => new GannoError('RUN_LOCKED', 'held'));
		expect(readdirSync(folder)).toEqual(['run.lock']);
		lock.release();
		expect(readdirSync(folder)).toEqual([]);
	});

	it('tells what stands in its way: the file, who holds it, and whether that one is known to run', () => {
		const conflicts: unknown[] = [];
		const refuse = (conflict: unknown) => {
			conflicts.push(conflict);
			return new GannoError('RUN_LOCKED', 'held');
		};
		for (const text of [
			'',
			JSON.stringify({ pid: 7, host: 'elsewhere', since: 'then' }),
			JSON.stringify({ ...living, since: 'now' }),
		]) {
			writeFileSync(path, text);
			expect(() => takeLock(path, refuse)).toThrow('held');
		}
		expect(conflicts).toMatchObject([
			{ path, holder: undefined, alive: false },
			{ path, holder: { pid: 7, host: 'elsewhere' }, alive: false },
			{ path, holder: { pid: process.pid }, alive: true },
		]);
	});

	it('goes with the process that held it, however that ends its work', async () => {
		const module = JSON.stringify(new URL('../../dist/files/lock-file.js', import.meta.url).href);
		for (const end of ['process.exit(3)', "throw new Error('unexpected')", 'undefined']) {
			const script = `const { takeLock } = await import(${module}); takeLock(${JSON.stringify(path)}, () => new Error('held')); process.stdout.write(String((await import('node:fs')).existsSync(${JSON.stringify(path)}))); ${end}`;
			const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
				stdio: ['ignore', 'pipe', 'ignore'],
			});
			const [said] = (await once(child.stdout, 'data')) as [Buffer];
			await once(child, 'close');
			expect(said.toString(), end).toBe('true');
			expect(readdirSync(folder), end).toEqual([]);
		}
	});

	it('left behind goes to one of many processes', async () => {
		writeFileSync(path, `${JSON.stringify({ ...dead, since: 'then' })}\n`);
		const module = JSON.stringify(new URL('../../dist/files/lock-file.js', import.meta.url).href);
		const script = `const { takeLock } = await import(${module}); process.send('ready');
			process.on('message', (what) => { if (what === 'end') process.exit();
				try { takeLock(${JSON.stringify(path)}, () => new Error('held')); process.send('won'); } catch { process.send('lost'); } });`;
		const children = Array.from({ length: 4 }, () =>
			spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
		);
		await Promise.all(children.map((child) => once(child, 'message')));
		const answers = Promise.all(children.map(async (child) => (await once(child, 'message'))[0] as string));
		for (const child of children) child.send('go');
		expect((await answers).toSorted()).toEqual(['lost', 'lost', 'lost', 'won']);
		const ends = children.map((child) => once(child, 'close'));
		for (const child of children) child.send('end');
		await Promise.all(ends);
		expect(readdirSync(folder)).toEqual([]);
	});
});
