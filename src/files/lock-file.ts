import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { GannoError } from '../errors.js';
import { createFileAtomic, writeFileAtomic } from './atomic-write.js';
import { fileSystemError } from './file-system-error.js';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.js';

// By hand, as proper-lockfile tells a dead holder by the file's age: one that was suspended loses its lock, a killed one keeps it a while.
// Here the holder is asked: by its process id and when it began.

/** The holder that a lock file names. */
export interface LockHolder extends ProcessIdentity {
	readonly since: string;
}

/** Why a lock cannot be taken. */
export interface LockConflict {
	/** The lock file in the way. */
	readonly path: string;
	/** Undefined: the file does not name it. */
	readonly holder: LockHolder | undefined;
	/** Whether the holder is known to run; otherwise it cannot be checked. */
	readonly alive: boolean;
}

export interface FileLock extends Disposable {
	/** Idempotent. The end of the process releases too. */
	release(): void;
}

interface Request {
	/** The content of our file, different from that of every other. */
	readonly text: string;
	readonly own: ProcessIdentity;
	readonly refuse: (conflict: LockConflict) => GannoError;
}

/**
 * Takes a lock file. A lock of a process that has ended is taken over; one of a process that cannot be checked, or that the file
 * does not name, counts as held. The file system only needs exclusive creation of names.
 * @param refuse the error to throw when it is held
 * @throws GannoError the result of `refuse`, `FILE_SYSTEM`
 */
export function takeLock(
	path: string,
	refuse: (conflict: LockConflict) => GannoError,
	own: ProcessIdentity = ownIdentity(),
): FileLock {
	const holder = { ...own, since: new Date().toISOString(), id: randomUUID() };
	const text = `${JSON.stringify(holder)}\n`;
	acquire(path, { text, own, refuse });
	return held(path, text);
}

/** Limit of names that appear and vanish between two of our checks. */
const ATTEMPTS = 10;

function acquire(path: string, request: Request): void {
	const { text, own, refuse } = request;
	for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (createFileAtomic(path, text)) return;
		const found = readIfThere(path);
		if (found === undefined) continue;
		// It was created: a network file system lost the answer and reported it as present.
		if (found === text) return;
		const holder = parseHolder(found);
		const liveness = holder === undefined ? 'elsewhere' : livenessOf(holder, own);
		if (liveness !== 'ended') throw refuse({ path, holder, alive: liveness === 'alive' });
		if (takeOver(path, found, request)) return;
	}
	throw new GannoError('RUN_LOCKED', `The lock ${path} changes hands too fast to be taken. Try again.`);
}

/**
 * Replaces the lock of a holder that has ended. A second lock, named after the lock to be replaced, decides which process may; its
 * claimant may have ended too, and so on. While it is held no other process replaces that lock; a process that gets it after the lock was
 * replaced finds another lock, because no two locks are equal.
 * @returns whether the lock was still that of the holder
 */
function takeOver(path: string, found: string, request: Request): boolean {
	const claim = `${path}.after-${createHash('sha256').update(found).digest('hex').slice(0, 16)}`;
	acquire(claim, request);
	try {
		if (readIfThere(path) !== found) return false;
		writeFileAtomic(path, request.text);
		return true;
	} finally {
		rmSync(claim, { force: true });
	}
}

function held(path: string, text: string): FileLock {
	const release = (): void => {
		process.off('exit', release);
		try {
			// Somebody may have deleted it by hand, and another run taken it since.
			if (readFileSync(path, 'utf8') === text) rmSync(path, { force: true });
		} catch {
			// The folder may have been removed: nothing left to release.
		}
	};
	process.on('exit', release);
	return { release, [Symbol.dispose]: release };
}

function readIfThere(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw fileSystemError('read', path, error);
	}
}

/** A lock of ganno 0.1 lacks some fields: they count as not known. */
function parseHolder(text: string): LockHolder | undefined {
	try {
		const holder = JSON.parse(text) as LockHolder;
		return Number.isInteger(holder.pid) && holder.pid > 0 && typeof holder.host === 'string' ? holder : undefined;
	} catch {
		return undefined;
	}
}
