import { Command } from 'commander';
import { RESUMABLE_SETTINGS } from '../../config/config.js';
import type { PresetName } from '../../config/presets.js';
import { GannoError } from '../../errors.js';
import { ganno } from '../../own-command.js';
import type { RunDirectory } from '../../runs/run-directory.js';
import { type Foreground, inForeground } from '../foreground.js';
import { addHelpEnd } from '../help.js';
import { addTrainingOptions, type ConfigOptions, configLayer, newRunConfig } from '../options/config-options.js';
import { pathOption } from '../options/path-option.js';
import { addRunDirectoryOptions, newRunFolder, type RunDirectoryOptions } from '../options/run-options.js';

interface TrainOptions extends ConfigOptions, RunDirectoryOptions {
	readonly resume?: string;
}

const RESUMABLE: ReadonlySet<string> = new Set(RESUMABLE_SETTINGS);

const STOPPING = 'Ctrl-C writes a checkpoint and says how to go on; another one, a second later or more, ends at once.';

export function trainCommand(): Command {
	const command = new Command('train').description(
		'Meta-train agents and write a run directory: config, metrics, checkpoints and the policy.',
	);
	addTrainingOptions(command, defaultPreset({}));
	addRunDirectoryOptions(command).addOption(
		pathOption('--resume <run>', 'go on from the newest checkpoint of this run directory, to the same bits'),
	);
	return addHelpEnd(
		command,
		[
			'ganno train --preset quick --seed 7',
			'ganno train --config mine.json --iterations 500 --run-dir runs/mine',
			'ganno train --preset quick --granularity network --set tasks.horizon=1000',
			'ganno train --controller adaptive-lr --action three-way',
			'ganno train --resume runs/mine',
		],
		[
			"Settings come from the preset (with --controller adaptive-lr: the preset 'adaptive-lr'), then --config, then the options; " +
				'docs/meta-training.md lists all keys.',
			STOPPING,
		],
	).action((options: TrainOptions) => inForeground((foreground) => train(options, foreground)));
}

async function train(options: TrainOptions, foreground: Foreground): Promise<void> {
	const { trainRun } = await import('../training-session.js');
	using run = await openRun(options, foreground);
	const result = await trainRun(run, foreground);
	process.stdout.write(`Policy:      ${result.policyPath}\n`);
	process.stdout.write(`Run:         ${run.path}\n`);
	process.stdout.write(`Evaluate it: ${ganno`evaluate ${run.path}`}\n`);
}

/** Where none is named: that of the controller, be it said in the file or on the command line. */
function defaultPreset({ controller }: Readonly<Record<string, unknown>>): PresetName {
	return controller === 'adaptive-lr' ? 'adaptive-lr' : 'standard';
}

async function openRun(options: TrainOptions, { progress }: Foreground): Promise<RunDirectory> {
	const { RunDirectory } = await import('../../runs/run-directory.js');
	if (options.resume === undefined) {
		const { config, preset, origin } = newRunConfig(options, defaultPreset);
		const run = RunDirectory.create(newRunFolder(options, preset, config), config);
		progress.finish(origin);
		return run;
	}
	const changes = configLayer(options);
	const forbidden = [
		...Object.keys(changes.values).filter((key) => !RESUMABLE.has(key)),
		...(['preset', 'config', 'runDir', 'output'] as const).filter((key) => options[key] !== undefined),
	];
	if (forbidden.length > 0) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`A resumed run keeps its config: ${forbidden.join(', ')} cannot be changed. Only ${[...RESUMABLE].join(', ')} can; start a new run for anything else.`,
		);
	}
	return RunDirectory.open(options.resume, changes);
}
