import { checkKeys, checkSignal, keysOf } from '../arguments.js';
import type { Config } from '../config/config.js';
import type { Dataset } from '../datasets/dataset.js';
import { type ConfidenceInterval, pairedDifference } from '../paired-difference.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { ControllerSpec } from '../rollouts/controller-spec.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { heldOutTasks } from '../runs/sample-tasks.js';

export interface LearningCheckOptions {
	readonly config: Config;
	readonly dataset: Dataset;
	/** The policy before the first update. */
	readonly initial: PolicySnapshot;
	readonly final: PolicySnapshot;
	readonly executor: RolloutExecutor;
	/** Held-out tasks of one network each (default 64). */
	readonly tasks?: number;
	readonly signal?: AbortSignal;
}

const OPTION_NAMES = keysOf<LearningCheckOptions>({
	config: true,
	dataset: true,
	initial: true,
	final: true,
	executor: true,
	tasks: true,
	signal: true,
});

/** Whether meta-training taught anything: undiscounted returns of whole episodes, greedy, task by task. */
export interface LearningCheck {
	readonly tasks: number;
	readonly returns: {
		readonly final: readonly number[];
		readonly initial: readonly number[];
		/** No change of any learning rate. */
		readonly nothing: readonly number[];
	};
	readonly finalMinusInitial: ConfidenceInterval;
	readonly finalMinusNothing: ConfidenceInterval;
}

/** Measures the return of the final policy against the initial one and against doing nothing, paired over fixed held-out tasks. */
export async function learningCheck(options: LearningCheckOptions): Promise<LearningCheck> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSignal(options.signal);
	const { config, dataset, executor, signal } = options;
	const tasks = heldOutTasks(config, dataset, options.tasks ?? 64);
	const contenders: readonly ControllerSpec[] = [
		{ type: 'policy', policy: options.final },
		{ type: 'policy', policy: options.initial },
		{ type: 'schedule', name: 'constant' },
	];
	const episodes = tasks.flatMap((task) => contenders.map((method) => ({ task, method })));
	const returns: [number[], number[], number[]] = [[], [], []];
	let done = 0;
	const results = executor.evaluate(episodes, { test: false, ...(signal === undefined ? {} : { signal }) });
	for await (const result of results) {
		returns[done % contenders.length]?.push(result.returns[0] as number);
		done++;
	}
	const [final, initial, nothing] = returns;
	return {
		tasks: tasks.length,
		returns: { final, initial, nothing },
		finalMinusInitial: pairedDifference(final, initial),
		finalMinusNothing: pairedDifference(final, nothing),
	};
}
