import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { fileSystemError } from '../files/file-system-error.js';
import { EXIT_CODES } from './failure.js';

/** What writing says when nobody reads any more: a pipe without a reader, a terminal that is gone. */
const READER_GONE: readonly unknown[] = ['EPIPE', 'EIO', 'ENXIO', 'ERR_STREAM_DESTROYED'];

/**
 * Lets the command outlive the readers of its output: what nobody can read is dropped, and the work goes on to its files. A stdout that
 * fails otherwise (a full disk) is told on stderr, and in the exit code; stderr carries nothing that a run depends on.
 */
export function outliveReaders(): void {
	const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
	process.on('exit', () => closeDead(terminals));
	process.stderr.on('error', () => {});
	process.stdout.on('error', (error: NodeJS.ErrnoException) => {
		if (READER_GONE.includes(error.code) || process.exitCode === EXIT_CODES.failure) return;
		process.exitCode = EXIT_CODES.failure;
		process.stderr.write(`ganno: ${fileSystemError('write to', 'stdout', error).message}\n`);
	});
}

/** At its end Node gives terminals their settings back, and aborts where one of them is gone; descriptors that are closed it leaves alone. */
function closeDead(terminals: readonly number[]): void {
	for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
}
