import type { Config } from '../config/config.js';
import { recordedDataDirectory } from '../config/data-directory.js';
import { controllerKindOf } from '../environment/agent-spaces.js';
import type { EvaluateOptions } from '../evaluation/evaluate-policy.js';
import type { NamedControllers } from '../evaluation/evaluation-contenders.js';
import { namedPolicy } from '../evaluation/policy-contender.js';
import type { Algorithm } from '../optimizer/algorithms.js';
import type { Policy } from '../policy/policy.js';
import { loadPolicy } from '../policy/policy-file.js';
import type { ControllerSpec } from '../rollouts/controller-spec.js';
import { policyPath } from '../runs/policy-path.js';
import { valueAt } from '../settings/setting-values.js';
import { optimizerSpec } from '../tasks/task-settings.js';
import { type ConfigOptions, configFromOptions } from './options/config-options.js';
import { namedPaths } from './options/named-path.js';
import { scalar } from './options/setting-options.js';

/** What `ganno evaluate` without a suite is told beside the settings. */
export interface PlainEvaluationOptions extends ConfigOptions {
	readonly seeds?: string;
	readonly optimizer?: Algorithm;
	readonly kinds?: string;
	readonly schedule?: readonly string[];
	readonly policy?: readonly string[];
}

/** What is to be evaluated. */
export interface EvaluationRequest extends Pick<EvaluateOptions, 'config' | 'controllers' | 'kinds'> {
	/** What must be said of it before it begins. */
	readonly remarks: readonly string[];
}

/**
 * What the policy was trained with, then the user's changes; the policy itself says what its agents and actions are.
 * @param run the run directory that the policy is of, where there is one
 */
export function evaluationRequest(
	run: string | undefined,
	policy: Policy,
	options: PlainEvaluationOptions,
): EvaluationRequest {
	const { config: trained } = policy.training;
	const known = typeof trained === 'object' && trained !== null;
	const seeds = options.seeds === undefined ? [] : [`evaluation.seeds=${options.seeds}`];
	const { observation, granularity, action } = policy.spec;
	const environment = {
		granularity,
		action,
		// An evaluation asks the policy itself; here it would only have to go with the optimisers.
		secondControl: 'none',
		// The reward plays no part in a test accuracy, and a baseline would cost a run of its own.
		reward: 'log-improvement',
	};
	const source = 'the policy file';
	const { config, own } = configFromOptions(
		{ ...options, set: [...(options.set ?? []), ...seeds] },
		known ? [{ source, values: trained as Record<string, unknown> }] : [],
		[{ source, values: { controller: controllerKindOf(observation), environment } }],
	);
	const algorithms = config.tasks.optimizers.map((optimizer) => optimizerSpec(optimizer).algorithm);
	const unknown = !known && options.preset === undefined && valueAt(own, ['tasks']) === undefined;
	const untrained = options.optimizer !== undefined && !algorithms.includes(options.optimizer);
	return {
		// A policy is the same file wherever its data lay; the run knows where.
		config: withData(narrowed(config, own, options.optimizer), run),
		controllers: namedControllers(options),
		...(unknown && options.kinds === undefined ? {} : { kinds: (scalar(options.kinds) ?? 'each') as number | 'each' }),
		remarks: [
			...(unknown
				? ['The policy does not say what it was trained on: the settings of this evaluation are the defaults.']
				: []),
			...(untrained
				? [`${options.optimizer} is not among the optimisers of the settings (${[...new Set(algorithms)].join(', ')}).`]
				: []),
		],
	};
}

function namedControllers({ policy, schedule }: PlainEvaluationOptions): NamedControllers {
	const policies = namedPaths('--policy', policy);
	const schedules = namedPaths(
		'--schedule',
		schedule,
		policies.map(({ name }) => name),
	);
	return Object.fromEntries([
		...policies.map(({ name, path }): [string, ControllerSpec] => {
			const { policy: snapshot, baseSchedule } = namedPolicy(name, loadPolicy(policyPath(path)));
			return [name, { type: 'policy', policy: snapshot, baseSchedule }];
		}),
		...schedules.map(({ name, path }): [string, ControllerSpec] => [name, { type: 'module', module: path }]),
	]);
}

/** A network or an optimiser that is asked for is the only one of the tasks. */
function narrowed(config: Config, own: Readonly<Record<string, unknown>>, optimizer: Algorithm | undefined): Config {
	const { tasks, evaluation } = config;
	const network = valueAt(own, ['evaluation', 'network']) === undefined ? {} : { networks: [evaluation.network] };
	const entry = tasks.optimizers.find((each) => optimizerSpec(each).algorithm === optimizer) ?? optimizer;
	return {
		...config,
		tasks: { ...tasks, ...network, ...(optimizer === undefined ? {} : { optimizers: [entry as Algorithm] }) },
	};
}

function withData(config: Config, run: string | undefined): Config {
	return run === undefined || config.dataDirectory !== ''
		? config
		: { ...config, dataDirectory: recordedDataDirectory(run, config.dataset) };
}
