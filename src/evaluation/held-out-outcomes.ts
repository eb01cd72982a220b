import { checkKeys, checkObject, checkSignal, keysOf } from '../arguments.js';
import type { Config } from '../config/config.js';
import type { Dataset } from '../datasets/dataset.js';
import { measuredAccuracy } from '../environment/final-scores.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { ControllerSpec } from '../rollouts/controller-spec.js';
import { networkOutcome } from '../rollouts/episodes/outcomes.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { heldOutTasks } from '../runs/sample-tasks.js';

/** How one network fares on each held-out task under one controller, in the order of the tasks. */
export interface HeldOutOutcomes {
	/** Of the networks as they are at the end; 1 / classes where the loss is not finite. */
	readonly testAccuracy: readonly number[];
	/** Under `log-improvement`: ln V₀ − ln V of the validation loss, and −ln 4 − 1 where it diverged. */
	readonly returns: readonly number[];
	readonly diverged: readonly boolean[];
}

export interface HeldOutOptions {
	readonly config: Config;
	readonly dataset: Dataset;
	/** Of a config whose reward is `log-improvement` (see `withoutBaseline`). */
	readonly executor: RolloutExecutor;
	readonly controller: PolicySnapshot | ControllerSpec;
	/** How many, of one network each. */
	readonly tasks: number;
	readonly signal?: AbortSignal;
}

const OPTION_NAMES = keysOf<HeldOutOptions>({
	config: true,
	dataset: true,
	executor: true,
	controller: true,
	tasks: true,
	signal: true,
});

/**
 * A greedy policy, or a schedule, on tasks of the config's own distribution that no training reaches. They follow from `evaluation.seed`
 * alone, so that whatever is evaluated under one config meets the same networks: compare task by task.
 */
export async function evaluateOnHeldOutTasks(options: HeldOutOptions): Promise<HeldOutOutcomes> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSignal(options.signal);
	checkObject(options.controller, 'controller');
	const { config, dataset, executor, signal } = options;
	const controller: ControllerSpec =
		'type' in options.controller ? options.controller : { type: 'policy', policy: options.controller };
	const episodes = heldOutTasks(config, dataset, options.tasks).map((task) => ({ task, method: controller }));
	const testAccuracy: number[] = [];
	const returns: number[] = [];
	const diverged: boolean[] = [];
	for await (const result of executor.evaluate(episodes, signal === undefined ? {} : { signal })) {
		const { testLoss, testAccuracy: accuracy } = networkOutcome(result.outcomes, 0);
		testAccuracy.push(measuredAccuracy(testLoss, accuracy, dataset.classes));
		returns.push(result.returns[0] as number);
		diverged.push(result.diverged[0] === 1);
	}
	return { testAccuracy, returns, diverged };
}
