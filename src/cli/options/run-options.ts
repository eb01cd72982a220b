import type { Command } from 'commander';
import type { Config } from '../../config/config.js';
import { makeNewFolder } from '../../files/make-folder.js';
import { pathOption } from './path-option.js';

export interface RunDirectoryOptions {
	readonly runDir?: string;
	readonly output?: string;
}

export function addRunDirectoryOptions(command: Command): Command {
	return command
		.optionsGroup('Run:')
		.addOption(pathOption('--run-dir <dir>', 'folder of the run').default(undefined, 'runs/ and a name with the date'))
		.addOption(pathOption('--output <dir>', 'the same as --run-dir'));
}

/**
 * Where a new run goes: where the options say, else into a folder made for it, `runs/NAME-SEED-DATE-TIME`, which no other run gets that
 * starts in the same second.
 */
export function newRunFolder(
	{ runDir, output }: RunDirectoryOptions,
	name: string,
	{ seed }: Pick<Config, 'seed'>,
	now = new Date(),
): string {
	const stamp = now.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
	return runDir ?? output ?? makeNewFolder(`runs/${name}-seed${seed}-${stamp}`);
}
