import { Command } from 'commander';
import type { Policy } from '../agents/policy.js';
import { agentNamed } from '../environment/agent-kinds.js';
import { GannoError } from '../errors.js';
import type { Config } from '../experiments/config.js';
import { sameCommand } from '../own-command.js';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.js';
import { inForeground } from './foreground.js';
import { addHelpEnd } from './help.js';
import { parsePath, pathOption } from './path-option.js';
import type { SuiteOptions } from './suite-session.js';

interface EvaluateOptions extends ConfigOptions, SuiteOptions {
	readonly output?: string;
	readonly seeds?: string;
}

const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

export function evaluateCommand(): Command {
	const command = new Command('evaluate')
		.description(
			'A learned policy, greedy, against constant, step, cosine and one-cycle schedules, and against a tuned cosine, on held-out seeds.',
		)
		.argument('<policy>', "a policy file, a run directory, or 'default' for the policy of the package", parsePath)
		.optionsGroup('Evaluation:')
		.option(
			'--seeds <n>',
			"held-out seeds of each cell (default: the settings'); with --suite: reporting or development",
		)
		.addOption(
			pathOption('--output <dir>', 'where evaluation.json and report.html go').default(
				undefined,
				'the run directory, if one is given',
			),
		)
		.optionsGroup('Suite:')
		.option('--suite [name]', "a whole evaluation suite: 'held-out' (default), 'quick', or a JSON file")
		.option('--quick', "the suite 'quick': synthetic images, seconds, for trying out")
		.addOption(
			pathOption('--out <file>', 'results of the suite').default(
				undefined,
				'evaluation-NAME.json in the run directory, or here',
			),
		)
		.option('--resume', 'go on with a suite that was interrupted, or whose cells were kept')
		.option('--keep-cells', 'keep all cells in FILE.partial: with --resume, other policies cost no rival again')
		.addOption(
			pathOption(
				'--one-action <policy>',
				'a policy with one action for all layers, held against this one on the suite',
			),
		)
		.option('--policy <name=policy>', 'another policy that takes part in the suite (repeatable)', collect)
		.addOption(pathOption('--charts <dir>', "the suite's charts as SVG files"))
		.option('--download', "fetch the suite's data sets that are not on this machine; else their tasks are left out");
	return addHelpEnd(
		addConfigOptions(command),
		[
			'ganno evaluate default',
			'ganno evaluate runs/mine',
			'ganno evaluate policy.safetensors --dataset mnist --seeds 32 --output results',
			'ganno evaluate runs/mine --suite --one-action runs/one',
			'ganno evaluate runs/mine --quick --out quick.json',
			`ganno evaluate runs/mine --set tasks.horizon=2000 --set evaluation.network='{"type":"mlp","hidden":[256]}'`,
		],
		['The settings are those that the policy was trained with; --preset, --config and the options change them.'],
	).action(async (path: string, options: EvaluateOptions) => {
		if (options.suite !== undefined || options.quick === true) {
			const { evaluateSuiteCommand } = await import('./suite-session.js');
			await inForeground((foreground) => evaluateSuiteCommand(path, options, foreground));
			return;
		}
		refuseSuiteOptions(options);
		const { loadPolicy } = await import('../agents/policy-file.js');
		const { policyPath, runFolder } = await import('../experiments/policy-path.js');
		const { withSession } = await import('./training-session.js');
		const { evaluateWithProgress, openResults } = await import('./evaluation-session.js');
		await inForeground(async (foreground) => {
			const policy = loadPolicy(policyPath(path));
			const run = runFolder(path);
			const config = await evaluationConfig(run, policy, options);
			const output = options.output ?? run;
			using _lock = output === undefined ? undefined : openResults(output);
			const again = sameCommand();
			const written = await withSession(config, foreground, `Evaluate again with: ${again}`, (session) =>
				evaluateWithProgress(session, policy, again, output),
			);
			for (const file of written) process.stdout.write(`${file.name.padEnd(12)} ${file.path}\n`);
		});
	});
}

/** Options that would be ignored without a suite are a mistake. */
function refuseSuiteOptions(options: EvaluateOptions): void {
	for (const name of ['out', 'resume', 'keepCells', 'oneAction', 'policy', 'charts', 'download'] as const) {
		if (options[name] === undefined) continue;
		const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
		throw new GannoError('INVALID_ARGUMENT', `--${flag} goes with --suite (or --quick)`);
	}
}

/** What the policy was trained with, then the user's changes; the policy itself says what its agents and actions are. */
async function evaluationConfig(run: string | undefined, policy: Policy, options: EvaluateOptions): Promise<Config> {
	const { recordedDataDirectory } = await import('../experiments/data-directory.js');
	const { config } = policy.training;
	const base = typeof config === 'object' && config !== null ? (config as Record<string, unknown>) : {};
	const seeds = options.seeds === undefined ? [] : [`evaluation.seeds=${options.seeds}`];
	const { observation, agents, action } = policy.spec;
	const resolved = configFromOptions(
		{
			...options,
			set: [
				...(options.set ?? []),
				...seeds,
				`agent=${agentNamed(observation)}`,
				`environment.agents=${agents}`,
				`environment.action=${action}`,
				// An evaluation asks the policy itself; here it would only have to go with the optimisers.
				'environment.secondControl=none',
				// The reward plays no part in a test accuracy, and a baseline would cost a run of its own.
				'environment.reward=log-improvement',
			],
		},
		{ source: 'the policy file', values: base },
	);
	// A policy is the same file wherever its data lay; the run knows where.
	return run === undefined || resolved.dataDirectory !== ''
		? resolved
		: { ...resolved, dataDirectory: recordedDataDirectory(run, resolved.dataset) };
}
