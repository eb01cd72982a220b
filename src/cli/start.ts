import { Command } from 'commander';
import { addTrainingOptions, type ConfigOptions, configFromOptions } from './config-options.js';
import { addRunDirectoryOptions, defaultRunDirectory, type RunDirectoryOptions } from './run-options.js';

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
		.action(async (options: ConfigOptions & RunDirectoryOptions) => {
			const { RunDirectory } = await import('../experiments/run-directory.js');
			const { loadPolicy } = await import('../agents/policy-file.js');
			const { withSession, withTunedBaseline, trainWithProgress } = await import('./training-session.js');
			const { evaluateWithProgress, writeResults } = await import('./evaluation-session.js');
			const config = await withTunedBaseline(configFromOptions(options, { preset: 'quick' }));
			const path = options.runDir ?? options.output ?? defaultRunDirectory(options.preset ?? 'quick', config);
			using run = RunDirectory.create(path, config);
			const { trained, table } = await withSession(config, async (session) => {
				const result = await trainWithProgress(run, session);
				return {
					trained: result,
					table: await evaluateWithProgress(session, loadPolicy(result.policyPath), run.path),
				};
			});
			const written = [
				{ name: 'Policy:', path: trained.policyPath },
				{ name: 'Metrics:', path: run.file('metrics') },
				...(trained.checkpointPath === undefined ? [] : [{ name: 'Checkpoint:', path: trained.checkpointPath }]),
				...writeResults(run.path, table),
				{ name: 'Config:', path: run.file('config') },
			];
			for (const file of written) process.stdout.write(`${file.name.padEnd(12)} ${file.path}\n`);
		});
}
