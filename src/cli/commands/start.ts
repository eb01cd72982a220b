import { Command } from 'commander';
import { ganno } from '../../own-command.js';
import { type Foreground, inForeground } from '../foreground.js';
import { addHelpEnd } from '../help.js';
import { addTrainingOptions, type ConfigOptions, newRunConfig } from '../options/config-options.js';
import { addRunDirectoryOptions, newRunFolder, type RunDirectoryOptions } from '../options/run-options.js';

/** What it starts from where none is named. */
const PRESET = 'quick';

export function startCommand(): Command {
	const command = new Command('start').description(
		'The whole path, small: meta-train on Fashion-MNIST (a few minutes on two cores), evaluate, and say where everything lies. In a clone, npm start runs this.',
	);
	addRunDirectoryOptions(addTrainingOptions(command, PRESET));
	return addHelpEnd(
		command,
		['ganno start', 'ganno start --seed 1 --run-dir runs/first', ['ganno start --dataset synthetic', 'needs no files']],
		[
			'Settings come from the preset, then --config, then the options; docs/meta-training.md lists all keys.',
			'Ctrl-C says how to go on; another one, a second later or more, ends at once.',
		],
	).action((options: ConfigOptions & RunDirectoryOptions) => inForeground((foreground) => start(options, foreground)));
}

async function start(options: ConfigOptions & RunDirectoryOptions, foreground: Foreground): Promise<void> {
	const { RunDirectory } = await import('../../runs/run-directory.js');
	const { loadPolicy } = await import('../../policy/policy-file.js');
	const { trainRun } = await import('../training-session.js');
	const { evaluateWithProgress } = await import('../evaluation-session.js');
	const { config, preset, origin } = newRunConfig(options, () => PRESET);
	using run = RunDirectory.create(newRunFolder(options, preset, config), config);
	foreground.progress.finish(origin);
	let evaluated: readonly { readonly name: string; readonly path: string }[] = [];
	const trained = await trainRun(run, foreground, async (session, { policyPath }) => {
		evaluated = await evaluateWithProgress(session, loadPolicy(policyPath), ganno`evaluate ${run.path}`, run.path);
	});
	const written = [
		{ name: 'Policy:', path: trained.policyPath },
		{ name: 'Metrics:', path: run.file('metrics') },
		...(trained.checkpointPath === undefined ? [] : [{ name: 'Checkpoint:', path: trained.checkpointPath }]),
		...evaluated,
		{ name: 'Config:', path: run.file('config') },
	];
	for (const file of written) process.stdout.write(`${file.name.padEnd(12)} ${file.path}\n`);
}
