import { CommanderError } from 'commander';
import { GannoError, isError } from '../errors.js';
import { INTERRUPTED_EXIT_CODE } from './interrupt.js';

/** Exit codes: 0 done, 1 something failed, 2 the command line or the config is wrong, 130 interrupted. */
export const EXIT_CODES = { success: 0, failure: 1, usage: 2, interrupted: INTERRUPTED_EXIT_CODE } as const;

/** Tells an error on stderr in one sentence and returns the exit code; with GANNO_DEBUG set, the stack as well. */
export function reportFailure(error: unknown): number {
	// Commander has printed its own message already.
	if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.success : EXIT_CODES.usage;
	const known = error instanceof GannoError;
	if (known && error.code === 'CANCELLED') return EXIT_CODES.interrupted;
	const message = isError(error) ? error.message : String(error);
	process.stderr.write(`ganno: ${known ? message : `unexpected error: ${message}`}\n`);
	if (debugging()) process.stderr.write(`${stackOf(error)}\n`);
	else if (!known) process.stderr.write('Run again with GANNO_DEBUG=1 to see where.\n');
	return known && (error.code === 'INVALID_CONFIG' || error.code === 'INVALID_ARGUMENT')
		? EXIT_CODES.usage
		: EXIT_CODES.failure;
}

function debugging(): boolean {
	const value = process.env.GANNO_DEBUG;
	return value !== undefined && value !== '' && value !== '0';
}

function stackOf(error: unknown): string {
	if (!isError(error)) return '';
	const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
	return `${error.stack ?? error.message}${cause}`;
}
