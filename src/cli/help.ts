import { type Command, Help, Option } from 'commander';
import { becameOf, RENAMED_SETTINGS } from '../config/renamed-settings.js';
import { ownCommand } from '../own-command.js';

/** What every command's --help has in common. */

/** An example, and in a few words what it is for. */
export type Example = string | readonly [command: string, purpose: string];

/** @param examples command lines that call `ganno`; printed as they can be pasted where the help is read */
export function addHelpEnd(command: Command, examples: readonly Example[], notes: readonly string[] = []): Command {
	return command.addHelpText('after', () => {
		const lines = examples.map((example) => {
			const [text, purpose] = typeof example === 'string' ? [example, ''] : example;
			// After variables, in front of everything else.
			return {
				text: text.replace(/^((?:\w+=\S+ )*)ganno\b/, (_, variables) => `${variables}${ownCommand()}`),
				purpose,
			};
		});
		const width = Math.max(...lines.filter(({ purpose }) => purpose !== '').map(({ text }) => text.length));
		const printed = lines.map(({ text, purpose }) =>
			purpose === '' ? `  $ ${text}` : `  $ ${text.padEnd(width)}  ${purpose}`,
		);
		return ['', ...notes.map(wrapped), ...(notes.length === 0 ? [] : ['']), 'Examples:', ...printed].join('\n');
	});
}

/** A paragraph as wide as the rest of the help. */
function wrapped(text: string): string {
	const help = new Help();
	return help.boxWrap(text, process.stdout.columns ?? 80);
}

/** What a value can be, in a sentence: `a, b or c`. */
export function listed(values: readonly string[]): string {
	return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** Shows choices and defaults of an option as a sentence has them. */
function optionDescription({ description, argChoices, defaultValueDescription }: Option): string {
	const facts = [
		...(argChoices === undefined ? [] : [listed(argChoices)]),
		...(defaultValueDescription === undefined ? [] : [`default: ${defaultValueDescription}`]),
	];
	return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

/** What became of an option of an earlier version, in place of the message that there is none such. */
function renamedOption(message: string): string | undefined {
	const [, unknown] = /unknown option '(--[\w-]+)/.exec(message) ?? [];
	const now = RENAMED_SETTINGS.find(({ options }) => options.from === unknown);
	if (now === undefined) return undefined;
	return `error: unknown option '${unknown}': it ${becameOf(now.options.to, now)}\n`;
}

/** Gives a command that has all its options, and its place in the program, the manner that all of them share. */
export function inOneManner(command: Command): Command {
	const words = [command.parent?.name(), command.name(), '--help'].filter((word) => word !== undefined);
	const group = command.optionsGroup() === '' ? 'Options:' : 'Help:';
	return command
		.addHelpOption(new Option('-h, --help', 'print this').helpGroup(group))
		.configureHelp({ optionDescription })
		.configureOutput({ outputError: (message, write) => write(renamedOption(message) ?? message) })
		.showHelpAfterError(`(${words.join(' ')} lists what there is)`)
		.exitOverride();
}
