import { Command } from 'commander';
import type { Policy } from '../agents/policy.js';
import type { Config } from '../experiments/config.js';
import { addConfigOptions, type ConfigOptions, configFromOptions } from './config-options.js';

interface EvaluateOptions extends ConfigOptions {
	readonly output?: string;
	readonly seeds?: string;
}

export function evaluateCommand(): Command {
	const command = new Command('evaluate')
		.description(
			'A learned policy, greedy, against constant, step, cosine and one-cycle schedules, and against a tuned cosine, on held-out seeds.',
		)
		.argument('<policy>', 'a policy file or a run directory')
		.option('--seeds <n>', 'held-out seeds of each cell')
		.option('--output <dir>', 'where evaluation.json and report.html go (default: the run directory, if one is given)');
	return addConfigOptions(command)
		.addHelpText(
			'after',
			`
The settings are those the policy was trained with; --preset, --config and the options change them.

Examples:
  $ ganno evaluate runs/mine
  $ ganno evaluate policy.safetensors --dataset mnist --seeds 32 --output results
  $ ganno evaluate runs/mine --set tasks.horizon=2000 --set evaluation.network='{"type":"mlp","hidden":[256]}'`,
		)
		.action(async (path: string, options: EvaluateOptions) => {
			const { loadPolicy } = await import('../agents/policy-file.js');
			const { isFolder, policyPath } = await import('../experiments/policy-path.js');
			const { withSession } = await import('./training-session.js');
			const { evaluateWithProgress, writeResults } = await import('./evaluation-session.js');
			const policy = loadPolicy(policyPath(path));
			const config = evaluationConfig(policy, options);
			const output = options.output ?? (isFolder(path) ? path : undefined);
			const table = await withSession(config, (session) => evaluateWithProgress(session, policy, path));
			if (output === undefined) return;
			for (const { name, path: file } of writeResults(output, table))
				process.stdout.write(`${name.padEnd(12)} ${file}\n`);
		});
}

/** What the policy was trained with, then the user's changes; the policy itself says what its agents and actions are. */
function evaluationConfig(policy: Policy, options: EvaluateOptions): Config {
	const { config } = policy.training;
	const base = typeof config === 'object' && config !== null ? (config as Record<string, unknown>) : {};
	const seeds = options.seeds === undefined ? [] : [`evaluation.seeds=${options.seeds}`];
	const { agents, action } = policy.spec;
	return configFromOptions(
		{
			...options,
			set: [
				...(options.set ?? []),
				...seeds,
				`environment.agents=${agents}`,
				`environment.action=${action}`,
				// The reward plays no part in a test accuracy, and a baseline would cost a run of its own.
				'environment.reward=log-improvement',
			],
		},
		{ base: { source: 'the policy file', values: base } },
	);
}
