import { checkBoolean, checkFunction, checkKeys, checkObject, invalidArgument, keysOf } from '../arguments.js';
import type { TrainingTask } from '../tasks/task.js';
import { type Controller, checkController } from './controller.js';
import type { StepResult } from './step-result.js';
import type { TrainingEnvironment } from './training-environment.js';

export interface EpisodeOptions {
	readonly environment: TrainingEnvironment;
	readonly controller: Controller;
	/** Absent: the environment's last task again. */
	readonly task?: TrainingTask;
	/** `[networks]`, in place of the task's own */
	readonly seeds?: Uint32Array;
	/** Multiplies the controller's learning rates step by step, on top of its own base schedule. `[horizon]` */
	readonly baseSchedule?: Float32Array;
	/** Keep the learning rates of every decision (default no). */
	readonly traceLearningRates?: boolean;
	/** Evaluate on the test split at the end (default yes). */
	readonly test?: boolean;
	/** Called after every decision with the decisions done. */
	readonly onDecision?: (decision: number) => void;
}

const OPTION_NAMES = keysOf<EpisodeOptions>({
	environment: true,
	controller: true,
	task: true,
	seeds: true,
	baseSchedule: true,
	traceLearningRates: true,
	test: true,
	onDecision: true,
});

/** Results of an episode; every array belongs to the caller. */
export interface EpisodeOutcome {
	readonly networks: number;
	readonly decisions: number;
	/** `[networks]` each. Figures of a diverged network are those of its last decision; a loss that is not finite is reported as
	 * 1e6, its accuracy as 0. */
	readonly initialValidationLoss: Float32Array;
	readonly initialValidationAccuracy: Float32Array;
	readonly finalValidationLoss: Float32Array;
	readonly finalValidationAccuracy: Float32Array;
	/** Over all decisions, the start included. */
	readonly bestValidationLoss: Float32Array;
	readonly bestValidationAccuracy: Float32Array;
	/** Of the networks as they are at the end; NaN without `test`. */
	readonly testLoss: Float32Array;
	readonly testAccuracy: Float32Array;
	/** 1 where the network diverged */
	readonly diverged: Uint8Array;
	/** Undiscounted sum of a network's rewards (their mean over the agents where these differ). */
	readonly returns: Float32Array;
	/** `[decisions × networks × layers]`: mean of each interval, base schedule included; 0 where the network had ended */
	readonly learningRates: Float32Array | undefined;
	/** Wall milliseconds inside native calls. */
	readonly nativeMilliseconds: number;
}

/** An environment, or an object with the same methods. @throws GannoError `INVALID_ARGUMENT` */
export function checkEnvironment(value: unknown, name: string): void {
	checkObject(value, name);
	if (typeof (value as Partial<TrainingEnvironment>).stepWithLearningRates !== 'function') {
		throw invalidArgument('a TrainingEnvironment', name, value);
	}
}

/**
 * The decisions of an episode that has just been reset: the one loop under every controller. Yields after each; the arrays of what it yields
 * are the environment's own.
 * @param baseSchedule multiplies the controller's learning rates step by step, on top of its own base schedule. `[horizon]`
 */
export function* controlledSteps(
	environment: TrainingEnvironment,
	controller: Controller,
	baseSchedule?: Float32Array,
): Generator<StepResult, void> {
	const { context, task } = environment;
	controller.reset(task);
	const product = new Float32Array(task.interval);
	let done = context.active.every((running) => running === 0);
	for (let decision = 0; !done; decision++) {
		const decided = controller.decide(environment.context);
		const base = multiply(decided.baseSchedule, baseSchedule, decision * task.interval, product);
		const result = environment.stepWithLearningRates(decided, base, decided.actions);
		yield result;
		({ done } = result);
	}
}

/** Drives a controller through one episode. @throws GannoError `INVALID_ARGUMENT` */
export function runEpisode(options: EpisodeOptions): EpisodeOutcome {
	checkKeys(options, 'options', OPTION_NAMES);
	const traces = checkBoolean(options.traceLearningRates, 'traceLearningRates');
	const tests = checkBoolean(options.test, 'test', true);
	checkFunction(options.onDecision, 'onDecision');
	const { environment, controller } = options;
	checkEnvironment(environment, 'environment');
	checkController(controller, 'controller');
	const { infos } = environment.reset(options.task, options.seeds);
	const { networks, layers, decisions } = environment;
	const rates = networks * layers;
	const outcome = {
		networks,
		decisions,
		initialValidationLoss: infos.validationLoss.slice(),
		initialValidationAccuracy: infos.validationAccuracy.slice(),
		bestValidationLoss: infos.validationLoss.slice(),
		bestValidationAccuracy: infos.validationAccuracy.slice(),
		testLoss: new Float32Array(networks).fill(Number.NaN),
		testAccuracy: new Float32Array(networks).fill(Number.NaN),
		returns: new Float32Array(networks),
		learningRates: traces ? new Float32Array(decisions * rates) : undefined,
	};
	let decision = 0;
	for (const { rewards } of controlledSteps(environment, controller, options.baseSchedule)) {
		for (let n = 0; n < networks; n++) {
			outcome.returns[n] = outcome.returns[n]! + rewards[n * environment.agents]!;
			if (infos.validationLoss[n]! < outcome.bestValidationLoss[n]!) {
				outcome.bestValidationLoss[n] = infos.validationLoss[n]!;
			}
			if (infos.validationAccuracy[n]! > outcome.bestValidationAccuracy[n]!) {
				outcome.bestValidationAccuracy[n] = infos.validationAccuracy[n]!;
			}
		}
		outcome.learningRates?.set(infos.learningRates, decision * rates);
		decision++;
		options.onDecision?.(decision);
	}
	if (tests) {
		const evaluation = new Float32Array(networks * 2);
		environment.evaluate('test', evaluation);
		for (let n = 0; n < networks; n++) {
			outcome.testLoss[n] = evaluation[n * 2]!;
			outcome.testAccuracy[n] = evaluation[n * 2 + 1]!;
		}
	}
	return {
		...outcome,
		finalValidationLoss: infos.validationLoss.slice(),
		finalValidationAccuracy: infos.validationAccuracy.slice(),
		diverged: infos.diverged.slice(),
		nativeMilliseconds: environment.nativeMilliseconds,
	};
}

/** The interval's base schedule: the controller's, times the episode's from optimiser step `start` on. */
function multiply(
	own: Float32Array | undefined,
	outer: Float32Array | undefined,
	start: number,
	product: Float32Array,
): Float32Array | undefined {
	if (outer === undefined) return own;
	for (let k = 0; k < product.length; k++) product[k] = outer[start + k]! * (own?.[k] ?? 1);
	return product;
}
