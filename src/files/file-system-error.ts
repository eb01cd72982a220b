import { GannoError, isError } from '../errors.js';

/** What to do about an operating-system error, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
	ENOSPC: 'The disk is full: free some space, or choose a folder on another disk',
	EDQUOT: 'Your disk quota is used up: free some space, or choose a folder on another disk',
	EFBIG: 'The file would be larger than this system allows: raise the limit (ulimit -f), or choose another folder',
	EACCES: 'Check the permissions of the file and its folder, or choose another one',
	EPERM: 'Check the permissions of the file and its folder, or choose another one',
	EROFS: 'The file system is read-only: choose another folder',
	ENOENT: 'Check the path; the folder must exist',
	ENOTDIR: 'A part of the path is a file, not a folder: check the path',
	EISDIR: 'The path is a folder, not a file: check the path',
	ENAMETOOLONG: 'The path is too long: choose a shorter one',
	ELOOP: 'The path runs in a circle of symbolic links: check the path',
	EMFILE: 'Too many files are open: raise the limit (ulimit -n)',
	ENFILE: 'Too many files are open on this machine: close some programs',
	EIO: 'The disk reported an input/output error: check the hardware',
};

/**
 * An operating-system error as a `FILE_SYSTEM` error whose sentence says what to do.
 * @param action what was attempted, as it reads after "Could not", e.g. `write`
 */
export function fileSystemError(action: string, path: string, cause: unknown, consequence?: string): GannoError {
	const code = (cause as { code?: unknown } | null)?.code;
	const reason = isError(cause) ? cause.message : String(cause);
	const advice = (typeof code === 'string' ? ADVICE[code] : undefined) ?? 'Check the path and the disk, then try again';
	const sentences = [`Could not ${action} ${path}: ${reason}`, ...(consequence === undefined ? [] : [consequence])];
	return new GannoError('FILE_SYSTEM', `${sentences.join('. ')}. ${advice}.`, { cause });
}

/** A `BAD_FILE` error: the path, what was wrong with its content, and what to do. */
export function badFile(path: string, problem: string, advice?: string, cause?: unknown): GannoError {
	return new GannoError(
		'BAD_FILE',
		`${path}: ${problem}${advice === undefined ? '' : `. ${advice}`}.`,
		cause === undefined ? undefined : { cause },
	);
}
