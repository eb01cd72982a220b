import type { Command } from 'commander';
import type { Config } from '../experiments/config.js';

/** Where a new run goes when nobody says: `runs/NAME-SEED-DATE-TIME`. */
export function defaultRunDirectory(name: string, config: Pick<Config, 'seed'>, now = new Date()): string {
	const stamp = now.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
	return `runs/${name}-seed${config.seed}-${stamp}`;
}

export interface RunDirectoryOptions {
	readonly runDir?: string;
	readonly output?: string;
}

export function addRunDirectoryOptions(command: Command): Command {
	return command
		.option('--run-dir <dir>', 'folder of the run (default: runs/ and a name with the date)')
		.option('--output <dir>', 'the same as --run-dir');
}
