import { Command, Option } from 'commander';
import { GannoError } from '../../errors.js';
import { ALGORITHMS } from '../../optimizer/algorithms.js';
import { sameCommand } from '../../own-command.js';
import type { PlainEvaluationOptions } from '../evaluation-request.js';
import { inForeground } from '../foreground.js';
import { addHelpEnd } from '../help.js';
import { addConfigOptions } from '../options/config-options.js';
import { parsePath, pathOption } from '../options/path-option.js';
import { collect } from '../options/setting-options.js';
import type { SuiteOptions } from '../suite-session.js';

interface EvaluateOptions extends PlainEvaluationOptions, SuiteOptions {
	readonly output?: string;
}

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
		.option(
			'--kinds <n>',
			"network families × optimisers of the policy's training that are tested beside the table's own (default: until each family and each optimiser is there once, 6 at most)",
		)
		.addOption(
			new Option('--optimizer <name>', 'the optimiser of the tasks (default: those of the training)').choices(
				ALGORITHMS,
			),
		)
		.option(
			'--schedule <name=module>',
			'a schedule of your own, a JavaScript module (docs/schedules.md), beside the others (repeatable)',
			collect,
		)
		.option('--policy <name=policy>', 'another policy beside the others (repeatable)', collect)
		.optionsGroup('Suite:')
		.option('--suite [name]', "a whole evaluation suite: 'held-out' (default), 'quick', or a JSON file")
		.option('--quick', "the suite 'quick': synthetic images, seconds; a trial, which judges nothing")
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
		.addOption(pathOption('--charts <dir>', "the suite's charts as SVG files"))
		.option('--download', "fetch the suite's data sets that are not on this machine; else their tasks are left out");
	return addHelpEnd(
		addConfigOptions(command),
		[
			'ganno evaluate default',
			'ganno evaluate runs/mine',
			'ganno evaluate policy.safetensors --dataset mnist --seeds 32 --output results',
			'ganno evaluate runs/mine --schedule mine=./mine.mjs --policy other=runs/other',
			'ganno evaluate runs/mine --optimizer sgd',
			'ganno evaluate runs/mine --suite --one-action runs/one',
			'ganno evaluate runs/mine --quick --out quick.json',
			`ganno evaluate runs/mine --set tasks.horizon=2000 --set evaluation.network='{"type":"mlp","hidden":[256]}'`,
		],
		['The settings are those that the policy was trained with; --preset, --config and the options change them.'],
	).action(async (path: string, options: EvaluateOptions) => {
		if (options.suite !== undefined || options.quick === true) {
			refuse(options, PLAIN_OPTIONS, 'goes without --suite (and --quick)');
			const { evaluateSuiteCommand } = await import('../suite-session.js');
			await inForeground((foreground) => evaluateSuiteCommand(path, options, foreground));
			return;
		}
		refuse(options, SUITE_OPTIONS, 'goes with --suite (or --quick)');
		const { loadPolicy } = await import('../../policy/policy-file.js');
		const { policyPath, runFolder } = await import('../../runs/policy-path.js');
		const { checkEvaluation } = await import('../../evaluation/evaluate-policy.js');
		const { withSession } = await import('../training-session.js');
		const { evaluationRequest } = await import('../evaluation-request.js');
		const { evaluateWithProgress, openResults } = await import('../evaluation-session.js');
		await inForeground(async (foreground) => {
			const policy = loadPolicy(policyPath(path));
			const run = runFolder(path);
			const request = evaluationRequest(run, policy, options);
			await checkEvaluation(request);
			const output = options.output ?? run;
			using _lock = output === undefined ? undefined : openResults(output);
			const again = sameCommand();
			const written = await withSession(request.config, foreground, `Evaluate again with: ${again}`, (session) =>
				evaluateWithProgress(session, policy, again, output, request),
			);
			for (const file of written) process.stdout.write(`${file.name.padEnd(12)} ${file.path}\n`);
		});
	});
}

const PLAIN_OPTIONS = ['kinds', 'optimizer', 'output'] as const;
const SUITE_OPTIONS = ['out', 'resume', 'keepCells', 'oneAction', 'charts', 'download'] as const;

/** Options that would be ignored are a mistake. */
function refuse(options: EvaluateOptions, names: readonly string[], why: string): void {
	for (const name of names) {
		if (options[name] === undefined) continue;
		const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
		throw new GannoError('INVALID_ARGUMENT', `--${flag} ${why}`);
	}
}
