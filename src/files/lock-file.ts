import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { GannoError } from '../errors.js';
import { createFileAtomic, writeFileAtomic } from './atomic-write.js';
import { fileSystemError } from './file-system-error.js';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.js';

/** What a lock file tells of its holder. */
export interface LockHolder extends ProcessIdentity {
	readonly since: string;
}

/** Why a lock cannot be had. */
export interface LockConflict {
	/** The file that stands in the way. */
	readonly path: string;
	/** Undefined: the file does not say. */
	readonly holder: LockHolder | undefined;
	/** Whether the holder is known to run; otherwise it cannot be asked. */
	readonly alive: boolean;
}

export interface FileLock extends Disposable {
	/** Idempotent. The end of the process releases too. */
	release(): void;
}

interface Request {
	/** What a file holds that is ours; nobody else's ever does. */
	readonly text: string;
	readonly own: ProcessIdentity;
	readonly refuse: (conflict: LockConflict) => GannoError;
}

/**
 * Takes a lock file. That of a process which has ended is taken over; that of one which cannot be asked, or which the file does not
 * tell, counts as held. Needs no more of the file system than that names are made exclusively.
 * @param refuse the error to throw when it is held
 * @throws GannoError what `refuse` makes, `FILE_SYSTEM`
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

/** Names that are made and removed between two looks of ours: more often than that is no coincidence. */
const ATTEMPTS = 10;

function acquire(path: string, request: Request): void {
	const { text, own, refuse } = request;
	for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (createFileAtomic(path, text)) return;
		const found = readIfThere(path);
		if (found === undefined) continue;
		// It was made, though a network file system lost the answer and reported it as there.
		if (found === text) return;
		const holder = parseHolder(found);
		const liveness = holder === undefined ? 'elsewhere' : livenessOf(holder, own);
		if (liveness !== 'ended') throw refuse({ path, holder, alive: liveness === 'alive' });
		if (takeOver(path, found, request)) return;
	}
	throw new GannoError('RUN_LOCKED', `The lock ${path} changes hands too fast to be taken. Try again.`);
}

/**
 * Takes the place of a holder that has ended. Who may is decided by a lock of its own, named after the lock to be replaced, whose
 * claimant may have ended too, and so on. While it is held nobody else replaces that lock; and whoever comes to hold it after the lock
 * was replaced finds another in its place, for no two locks are alike.
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
