#!/usr/bin/env node
import { Command } from 'commander';
import { packageVersion } from '../native.js';
import { devicesCommand } from './devices.js';
import { evaluateCommand } from './evaluate.js';
import { EXIT_CODES, reportFailure } from './failure.js';
import { infoCommand } from './info.js';
import { outliveReaders } from './output-streams.js';
import { searchCommand } from './search.js';
import { startCommand } from './start.js';
import { trainCommand } from './train.js';

/** The command `ganno`: one file a command, each loading what it needs only when it runs. */
export function createProgram(): Command {
	const program = new Command('ganno')
		.description('Meta-train agents that set the learning rates of neural networks, one agent per layer, and use them.')
		.version(packageVersion())
		.showHelpAfterError('(add --help for the options)')
		.addHelpText(
			'after',
			`
Exit codes: 0 done, 1 failed, 2 wrong command line or config, 130 interrupted.
Set GANNO_DEBUG=1 to see the stack of an error.

Examples:
  $ ganno start                                   a small meta-training on Fashion-MNIST, then its evaluation
  $ ganno train --preset standard --seed 1        a longer one
  $ ganno train --resume runs/standard-1          go on after Ctrl-C
  $ ganno evaluate runs/standard-1                the table of a run's policy`,
		);
	for (const command of [
		startCommand(),
		trainCommand(),
		evaluateCommand(),
		searchCommand(),
		infoCommand(),
		devicesCommand(),
	]) {
		program.addCommand(command);
	}
	for (const command of [program, ...program.commands]) command.exitOverride();
	return program;
}

outliveReaders();

try {
	await createProgram().parseAsync();
} catch (error) {
	const code = reportFailure(error);
	if (code !== EXIT_CODES.success) process.exitCode = code;
	// An interrupted learner may still be in an update whose result nobody wants.
	if (code === EXIT_CODES.interrupted) process.exit();
}
