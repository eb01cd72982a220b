#!/usr/bin/env node
import { EXIT_CODES, reportFailure } from './failure.js';
import { createProgram } from './program.js';

// A reader that has seen enough (ganno info … | head) closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	if (error.code === 'EPIPE') process.exit(0);
	throw error;
});

try {
	await createProgram().parseAsync();
} catch (error) {
	process.exitCode = reportFailure(error);
	// An interrupted learner may still be in an update whose result nobody wants.
	if (process.exitCode === EXIT_CODES.interrupted) process.exit();
}
