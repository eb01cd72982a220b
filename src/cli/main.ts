#!/usr/bin/env node
import { EXIT_CODES, reportFailure } from './failure.js';
import { outliveReaders } from './output-streams.js';
import { createProgram } from './program.js';

outliveReaders();

try {
	await createProgram().parseAsync();
} catch (error) {
	const code = reportFailure(error);
	if (code !== EXIT_CODES.success) process.exitCode = code;
	// An interrupted learner may still be in an update whose result nobody wants.
	if (code === EXIT_CODES.interrupted) process.exit();
}
