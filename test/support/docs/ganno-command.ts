import { type Command, CommanderError } from 'commander';
import { type ConfigOptions, configFromOptions, newRunConfig } from '../../../src/cli/options/config-options.js';
import { type SearchConfigOptions, searchConfigFromOptions } from '../../../src/cli/options/search-options.js';
import { createProgram } from '../../../src/cli/program.js';

/** The command line of ganno, which reads words as ever and then does nothing. */

const HELP = new Set(['commander.helpDisplayed', 'commander.help', 'commander.version']);

/** Settings of a command line. @throws GannoError for what is none */
function checkSettings(command: Command): void {
	command.setOptionValue('config', undefined); // a file of the reader's
	if (command.name() === 'search') {
		searchConfigFromOptions(command.opts<SearchConfigOptions>());
		return;
	}
	const options = command.opts<ConfigOptions>();
	if (command.name() === 'train')
		newRunConfig(options, ({ controller }) => (controller === 'adaptive-lr' ? controller : 'standard'));
	else configFromOptions(options);
}

function idleProgram(): Command {
	const program = createProgram();
	for (const command of program.commands) command.action(() => checkSettings(command));
	for (const command of [program, ...program.commands]) command.configureOutput({ writeOut() {}, writeErr() {} });
	return program;
}

/**
 * What is wrong with `ganno …words`; undefined: nothing.
 * @param mention the words only name a command and some of its options: what else it needs may be missing
 */
export function gannoFault(words: readonly string[], mention = false): string | undefined {
	try {
		idleProgram().parse(words, { from: 'user' });
	} catch (error) {
		if (error instanceof CommanderError) {
			if (HELP.has(error.code)) return undefined;
			if (mention && error.code === 'commander.missingArgument') return undefined;
		}
		return (error as Error).message;
	}
	return undefined;
}

/** The examples in the help of every command. */
export function helpExamples(): readonly { readonly command: string; readonly example: string }[] {
	const program = createProgram();
	return [program, ...program.commands].flatMap((command) => {
		let help = '';
		command.configureOutput({
			writeOut: (text) => {
				help += text;
			},
		});
		command.outputHelp();
		// What an example is about stands behind it, two spaces apart.
		return [...help.matchAll(/^ {2}\$ (\S+(?: \S+)*)/gm)].map(([, example]) => ({
			command: command.name(),
			example: example as string,
		}));
	});
}
