import { readdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { GannoError } from '../errors.js';
import { type FileLock, type LockConflict, takeLock } from '../files/lock-file.js';

export const LOCK_FILE = 'run.lock';

/**
 * Takes the lock of a run directory: one process at a time writes into it. A lock whose process has ended is taken over.
 * @param option where else the user may write instead
 * @throws GannoError `RUN_LOCKED` naming the process that holds it, `FILE_SYSTEM`
 */
export function lockRunDirectory(directory: string, option = '--run-dir'): FileLock {
	const inside = () => readdirSync(directory).map((name) => join(directory, name));
	return takeLock(join(directory, LOCK_FILE), (conflict) => locked(directory, option, conflict, inside));
}

/** As {@link lockRunDirectory}, for a results file and what is written beside it. @param traces files that the work writes into */
export function lockResults(file: string, traces: readonly string[]): FileLock {
	return takeLock(`${file}.lock`, (conflict) => locked(file, '--out', conflict, () => traces));
}

function locked(
	what: string,
	option: string,
	{ path, holder, alive }: LockConflict,
	traces: () => readonly string[],
): GannoError {
	const choices = `Wait for it, stop it, or choose another ${option}`;
	if (alive && holder !== undefined) {
		return new GannoError(
			'RUN_LOCKED',
			`Another run (process ${holder.pid}, since ${holder.since}) is using ${what}. ${choices}. If that process is no ganno run, delete ${path}.`,
		);
	}
	const last = lastChange(traces);
	const trace = last === undefined ? '' : ` Its files last changed at ${last.toISOString()}.`;
	const where = holder?.host === hostname() ? 'in another container' : `on ${holder?.host}`;
	const reason =
		holder === undefined
			? `${what} is locked, and ${path} does not say by whom: perhaps by a run that is just beginning.`
			: `Another run (process ${holder.pid} ${where}, since ${holder.since}) is using ${what}, unless it has ended, which cannot be seen from here.`;
	return new GannoError(
		'RUN_LOCKED',
		`${reason}${trace} ${choices}. If you are sure that it has ended, delete ${path}.`,
	);
}

/** When the newest of some files was written: all that can be known of a run elsewhere. */
function lastChange(files: () => readonly string[]): Date | undefined {
	try {
		const times = files().flatMap((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? []);
		return times.length === 0 ? undefined : new Date(Math.max(...times));
	} catch {
		return undefined;
	}
}
