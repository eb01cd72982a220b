import { Command } from 'commander';
import { ownCommand } from '../own-command.js';
import { packageVersion } from '../package-files.js';
import { devicesCommand } from './commands/devices.js';
import { evaluateCommand } from './commands/evaluate.js';
import { infoCommand } from './commands/info.js';
import { searchCommand } from './commands/search.js';
import { startCommand } from './commands/start.js';
import { trainCommand } from './commands/train.js';
import { addHelpEnd, inOneManner } from './help.js';

/** The command `ganno`: one file a command, each loading what it needs only when it runs. */
export function createProgram(): Command {
	const program = new Command('ganno')
		.name(ownCommand())
		.description('Meta-train agents that set the learning rates of neural networks, one agent per layer, and use them.')
		.version(packageVersion());
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
	addHelpEnd(
		program,
		[
			['ganno start', 'a small meta-training on Fashion-MNIST, then its evaluation'],
			['ganno train --preset standard --seed 1 --run-dir runs/first', 'a longer one'],
			['ganno train --resume runs/first', 'go on after Ctrl-C'],
			['ganno evaluate runs/first', "the table of a run's policy"],
			['ganno info default', 'the policy that comes with the package'],
		],
		[
			'Exit codes: 0 done, 1 failed, 2 wrong command line or config, 130 interrupted. Set GANNO_DEBUG=1 to see the stack of an error.',
		],
	);
	for (const command of [program, ...program.commands]) inOneManner(command);
	return program;
}
