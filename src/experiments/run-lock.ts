import { closeSync, openSync, readFileSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { GannoError } from '../errors.js';
import { fileSystemError } from '../files/file-system-error.js';

/** Who holds a run directory. */
interface LockHolder {
	readonly pid: number;
	readonly host: string;
	/** Start time of the process where the system tells it: tells a reused process id from the holder. */
	readonly processStart: string | undefined;
	readonly since: string;
}

export const LOCK_FILE = 'run.lock';

/** Field 22 of /proc/PID/stat; the command in field 2 may hold spaces and parentheses. */
function processStart(pid: number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
		return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
	} catch {
		return undefined;
	}
}

function isAlive(holder: LockHolder): boolean {
	// A run on another machine over a shared file system cannot be asked: it counts as alive.
	if (holder.host !== hostname()) return true;
	try {
		process.kill(holder.pid, 0);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
	}
	const start = processStart(holder.pid);
	return start === undefined || holder.processStart === undefined || start === holder.processStart;
}

function readHolder(text: string): LockHolder | undefined {
	try {
		const holder = JSON.parse(text) as LockHolder;
		return Number.isInteger(holder.pid) && holder.pid > 0 && typeof holder.host === 'string' ? holder : undefined;
	} catch {
		return undefined;
	}
}

/** Keeps a second run out of a directory while the first lives. */
export interface RunLock extends Disposable {
	release(): void;
}

/**
 * Takes the lock of a run directory. A lock whose process has ended is taken over.
 * @throws GannoError `RUN_LOCKED` naming the process that holds it
 */
export function lockRunDirectory(directory: string): RunLock {
	const path = join(directory, LOCK_FILE);
	const own: LockHolder = {
		pid: process.pid,
		host: hostname(),
		processStart: processStart(process.pid),
		since: new Date().toISOString(),
	};
	const text = `${JSON.stringify(own)}\n`;
	// Two takers of one stale lock: only one of them can rename it away, so the other sees a fresh lock on its next turn.
	for (let attempt = 0; attempt < 10; attempt++) {
		if (createExclusively(path, text)) return held(path, text);
		let found: string;
		try {
			found = readFileSync(path, 'utf8');
		} catch {
			continue;
		}
		const holder = readHolder(found);
		if (holder !== undefined && isAlive(holder)) throw locked(directory, path, holder);
		discardStale(path, found);
	}
	throw new GannoError('RUN_LOCKED', `The lock ${path} changes hands too fast to be taken. Try again.`);
}

function createExclusively(path: string, text: string): boolean {
	let file: number;
	try {
		file = openSync(path, 'wx');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
		throw fileSystemError('write', path, error);
	}
	try {
		writeSync(file, text);
	} catch (error) {
		rmSync(path, { force: true });
		throw fileSystemError('write', path, error);
	} finally {
		closeSync(file);
	}
	return true;
}

function discardStale(path: string, text: string): void {
	const aside = `${path}.stale-${process.pid}`;
	try {
		renameSync(path, aside);
		// Someone else took the stale lock over between our reading and our renaming: give theirs back.
		if (readFileSync(aside, 'utf8') === text) unlinkSync(aside);
		else renameSync(aside, path);
	} catch {
		// Renamed away by another taker: the next turn decides.
	}
}

function held(path: string, text: string): RunLock {
	let holding = true;
	const release = (): void => {
		if (!holding) return;
		holding = false;
		try {
			if (readFileSync(path, 'utf8') === text) rmSync(path, { force: true });
		} catch {
			// The directory may have been removed: nothing left to release.
		}
	};
	return { release, [Symbol.dispose]: release };
}

function locked(directory: string, path: string, holder: LockHolder): GannoError {
	const where = holder.host === hostname() ? '' : ` on ${holder.host}`;
	return new GannoError(
		'RUN_LOCKED',
		`Another run (process ${holder.pid}${where}, since ${holder.since}) is using ${directory}. Wait for it, stop it, or choose another --run-dir. If that process is no ganno run, delete ${path}.`,
	);
}
