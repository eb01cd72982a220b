import { Command } from 'commander';
import { addTrainingOptions, type ConfigOptions, newRunConfig } from './config-options.js';
import { type Foreground, inForeground } from './foreground.js';
import { addRunDirectoryOptions, newRunFolder, type RunDirectoryOptions } from './run-options.js';

export function startCommand(): Command {
	const command = new Command('start').description(
		'The whole path, small: meta-train on Fashion-MNIST (a few minutes on two cores), evaluate, and say where everything lies. npm start runs this.',
	);
	return addRunDirectoryOptions(addTrainingOptions(command))
		.addHelpText(
			'after',
			`
Settings come from the preset (default: quick), then --config, then the options.

Examples:
  $ ganno start
  $ ganno start --seed 1 --run-dir runs/first
  $ ganno start --dataset synthetic               no files needed`,
		)
		.action((options: ConfigOptions & RunDirectoryOptions) => inForeground((foreground) => start(options, foreground)));
}

async function start(options: ConfigOptions & RunDirectoryOptions, foreground: Foreground): Promise<void> {
	const { RunDirectory } = await import('../experiments/run-directory.js');
	const { loadPolicy } = await import('../agents/policy-file.js');
	const { trainRun } = await import('./training-session.js');
	const { evaluateWithProgress } = await import('./evaluation-session.js');
	const { config, preset, origin } = newRunConfig(options, () => 'quick');
	using run = RunDirectory.create(newRunFolder(options, preset, config), config);
	foreground.progress.finish(origin);
	let evaluated: readonly { readonly name: string; readonly path: string }[] = [];
	const trained = await trainRun(run, foreground, async (session, { policyPath }) => {
		evaluated = await evaluateWithProgress(session, loadPolicy(policyPath), run.path, run.path);
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
