import { types } from 'node:util';
import { checkFloat32Array, checkKeys, checkOneOf, keysOf } from '../arguments.js';
import type { SplitName } from '../datasets/dataset.js';
import { GannoError } from '../errors.js';
import { DIVERGED_LOSS } from '../networks/population.js';
import type { PopulationControls } from '../networks/population-arguments.js';
import { checkTask, episodeSeeds, initialLearningRates, type TrainingTask } from '../tasks/task.js';
import { type Actions, checkActions, type LearningRateRule, NEUTRAL_ACTION } from './actions/actions.js';
import { decodeActions, JointActionDecoder } from './actions/joint-action.js';
import type { RewardSettings } from './agent-settings.js';
import {
	AGENT_SPACE_KEYS,
	type AgentSpaceOptions,
	type AgentSpaces,
	openObserver,
	resolveAgentSpaces,
} from './agent-spaces.js';
import type { DecisionContext } from './controller.js';
import { EnvironmentBuffers } from './environment-buffers.js';
import { checkBaseSchedule, checkControls, populationControls } from './environment-controls.js';
import { agentCount, type Granularity, type Observer } from './observations/observer.js';
import { POPULATION_SOURCE_KEYS, type PopulationSource, populationFactory } from './populations/open-population.js';
import type { Population } from './populations/population-interface.js';
import { TaskPopulation } from './populations/task-population.js';
import { DivergenceDetector } from './rewards/divergence.js';
import { checkReward, type RewardName, RewardRule } from './rewards/reward.js';
import type { ResetResult, StepResult } from './step-result.js';

/** Mini-batches of the statistics-only pass before the first action. */
export const PROBE_BATCHES = 4;

export interface TrainingEnvironmentOptions extends PopulationSource, AgentSpaceOptions, RewardSettings {
	/** The first task; `reset` may bring others. */
	readonly task: TrainingTask;
	/** Multiplies the learning rates of `step`, optimiser step by optimiser step. Absent: 1. `[horizon]` */
	readonly baseSchedule?: Float32Array;
}

const OPTION_NAMES = [
	...POPULATION_SOURCE_KEYS,
	...AGENT_SPACE_KEYS,
	...keysOf<Pick<TrainingEnvironmentOptions, 'task' | 'reward' | 'baselineLearningRate' | 'baseSchedule'>>({
		task: true,
		reward: true,
		baselineLearningRate: true,
		baseSchedule: true,
	}),
];

/**
 * N networks of one task as a decentralised partially observable decision process, in the style of PettingZoo's parallel
 * environments: one agent per layer (or one for all) picks a category, the action rule turns it into a learning rate, one native
 * call trains every network for an interval, and the statistics come back as observations. All arrays are allocated when a task's
 * shape first appears, and reused.
 *
 * A network that diverged keeps its place: learning rate 0, reward 0, observations 0, `terminations` 1, until the next reset.
 */
export class TrainingEnvironment {
	readonly action: LearningRateRule;
	/** Observation and action spaces. */
	readonly spaces: AgentSpaces;
	readonly granularity: Granularity;
	readonly reward: RewardName;
	readonly #taskPopulation: TaskPopulation;
	readonly #baseSchedule: Float32Array | undefined;
	readonly #trainOptions: { baseSchedule: Float32Array | undefined } = { baseSchedule: undefined };
	readonly #decoder: JointActionDecoder | undefined;
	#task: TrainingTask;
	#population: Population | undefined;
	#buffers: EnvironmentBuffers | undefined;
	#observer: Observer | undefined;
	#detector: DivergenceDetector | undefined;
	#rewardRule: RewardRule | undefined;
	#decision = -1; // before the first reset
	#done = true;
	#disposed = false;
	#nativeMilliseconds = 0;

	constructor(options: TrainingEnvironmentOptions) {
		checkKeys(options, 'options', OPTION_NAMES);
		const { spaces, rule, granularity, secondControl } = resolveAgentSpaces(options);
		this.spaces = spaces;
		this.action = rule;
		this.granularity = granularity;
		this.#decoder = secondControl === undefined ? undefined : new JointActionDecoder();
		this.reward = checkReward(options.reward ?? 'log-improvement', options.baselineLearningRate);
		this.#taskPopulation = new TaskPopulation(populationFactory(options), options);
		this.#baseSchedule = options.baseSchedule;
		this.#task = checkTask(options.task);
	}

	get task(): TrainingTask {
		return this.#task;
	}

	/** Networks trained side by side. */
	get networks(): number {
		return this.#task.networks.length;
	}

	/** Trainable layers of a network; known after the first reset. */
	get layers(): number {
		return this.#openBuffers().layers;
	}

	/** Agents of a network: its layers, or 1. */
	get agents(): number {
		return this.#openBuffers().agents;
	}

	/** Decisions of an episode. */
	get decisions(): number {
		return this.#task.horizon / this.#task.interval;
	}

	/** Wall time inside native calls since the last reset began, that reset included. */
	get nativeMilliseconds(): number {
		return this.#nativeMilliseconds;
	}

	/** The input of the next decision. The same object at every decision. */
	get context(): DecisionContext {
		return this.#openBuffers().context;
	}

	/**
	 * Starts an episode: new networks, then a statistics-only pass, so the first action comes before the first optimiser step.
	 * @param task absent: the last one again
	 * @param seeds `[networks]`, in place of the task's own
	 */
	reset(task: TrainingTask = this.#task, seeds?: Uint32Array): ResetResult {
		this.#checkOpen();
		checkTask(task);
		const chosen = episodeSeeds(task, seeds);
		checkBaseSchedule(this.#baseSchedule, task.horizon, 'horizon of the task');
		this.#decision = -1;
		this.#done = true;
		this.#nativeMilliseconds = 0;
		const population = this.#open(task, chosen);
		const buffers = this.#openBuffers();
		initialLearningRates(task, buffers.layers, buffers.initialLearningRates);
		buffers.startEpisode(task);

		const started = performance.now();
		const baselineLoss = this.#taskPopulation.baselineLoss(task, chosen, buffers.interval);
		population.probe(PROBE_BATCHES, buffers.learningRates, buffers.probe);
		this.#nativeMilliseconds += performance.now() - started;
		buffers.readLosses(buffers.probe, PROBE_BATCHES);
		this.#detector!.reset(buffers.validationLoss, buffers.diverged);
		buffers.deactivateDiverged();
		this.#rewardRule!.reset(buffers.validationLoss, buffers.validationAccuracy, baselineLoss, this.decisions);
		this.#observer!.reset();
		this.#decision = 0;
		this.#done = buffers.activeCount === 0;
		this.#encode(buffers.probe.trainingLoss, PROBE_BATCHES, 1);
		buffers.updateResult(0, false, this.#done);
		return buffers.result;
	}

	/**
	 * One decision: actions become learning rates, and every network trains for one interval. One native call.
	 * @param actions `[networks × agents]`, categories 0 to 8 (`three-way`: 0 to 2; `continuous`: real numbers, a Float32Array;
	 * with a second control: 0 to 26, level × 9 + category of the learning rate)
	 */
	step(actions: Actions): StepResult {
		const buffers = this.#activeBuffers();
		const { networks, layers, agents, learningRates } = buffers;
		checkActions(actions, this.action.mode === 'continuous', networks * agents);
		const decoded = decodeActions(this.#decoder, actions, layers, networks * layers);
		this.action.apply(decoded.actions, layers, learningRates);
		buffers.previousActions.set(decoded.actions);
		return this.#advance(buffers.intervalSchedule(this.#baseSchedule, this.#decision), decoded);
	}

	/**
	 * One decision of a controller that sets learning rates itself. One native call.
	 * @param controls learning rates, `[networks × layers]`, finite and not negative; not clipped. Or an object of these and weight decays or
	 * momenta (0 to 1), which apply to this interval; default the optimiser's own
	 * @param baseSchedule `[interval]`, multiplies them step by step
	 * @param actions `[networks × agents]`, for the feature `previousAction`; absent: neutral
	 */
	stepWithLearningRates(
		controls: Float32Array | PopulationControls,
		baseSchedule?: Float32Array,
		actions?: Actions,
	): StepResult {
		const buffers = this.#activeBuffers();
		const { networks, layers, agents } = buffers;
		const checked = checkControls(controls, networks * layers);
		checkBaseSchedule(baseSchedule, this.#task.interval, 'interval of the task');
		if (actions !== undefined) checkActions(actions, types.isFloat32Array(actions), networks * agents);
		buffers.learningRates.set(checked.learningRates);
		if (actions === undefined) buffers.previousActions.fill(NEUTRAL_ACTION);
		else buffers.previousActions.set(actions);
		return this.#advance(buffers.intervalSchedule(baseSchedule, 0), checked);
	}

	/**
	 * Mean loss and accuracy of the networks as they are now.
	 * @param out `[networks × 2]`
	 */
	evaluate(split: SplitName, out: Float32Array): void {
		const { networks } = this.#openBuffers();
		checkOneOf(split, 'split', ['train', 'validation', 'test']);
		checkFloat32Array(out, 'out', networks * 2, 'networks × 2');
		const started = performance.now();
		this.#population!.evaluate(split, out);
		this.#nativeMilliseconds += performance.now() - started;
	}

	/** A copy of a network's parameters; undefined where the population does not offer them. */
	parameters(network: number): Float32Array | undefined {
		return this.#openBuffers() && this.#population!.parameters?.(network);
	}

	/** Frees the population. Idempotent. */
	dispose(): void {
		this.#disposed = true;
		this.#done = true;
		this.#taskPopulation.dispose();
		this.#population = undefined;
	}

	[Symbol.dispose](): void {
		this.dispose();
	}

	#advance(baseSchedule: Float32Array | undefined, others: Omit<PopulationControls, 'learningRates'>): StepResult {
		const buffers = this.#openBuffers();
		const { interval } = this.#task;
		const baseFactor = buffers.applyLearningRates(baseSchedule);
		this.#trainOptions.baseSchedule = baseSchedule;
		this.#done = true; // until the call returns: an episode whose step failed cannot continue
		const controls = populationControls(buffers.appliedLearningRates, others);
		const started = performance.now();
		this.#population!.train(interval, controls, buffers.interval, this.#trainOptions);
		this.#nativeMilliseconds += performance.now() - started;

		this.#decision++;
		const last = this.#decision === this.decisions;
		buffers.readLosses(buffers.interval, interval);
		this.#detector!.update(buffers.validationLoss, buffers.trainingLoss, buffers.diverged);
		buffers.assignRewards(this.#rewardRule!, last);
		buffers.deactivateDiverged();
		this.#encode(buffers.interval.trainingLoss, interval, baseFactor);
		this.#done = last || buffers.activeCount === 0;
		buffers.updateResult(this.#decision, last, this.#done, baseFactor);
		return buffers.result;
	}

	#encode(trainingLoss: Float32Array, steps: number, baseFactor: number): void {
		const buffers = this.#openBuffers();
		const { input } = buffers;
		input.trainingLoss = trainingLoss;
		input.steps = steps;
		input.baseFactor = baseFactor;
		input.progress = this.#decision / this.decisions;
		this.#observer!.encode(input, buffers.observations, this.#population);
	}

	/** Opens the population of a task and arrays of its shape, reusing those of the last task where they fit. */
	#open(task: TrainingTask, seeds: Uint32Array): Population {
		const { networks, interval } = task;
		const started = performance.now();
		if (!this.#taskPopulation.canReuse(task)) {
			this.#buffers = undefined;
			this.#population = undefined;
		}
		const population = this.#taskPopulation.open(task, seeds);
		this.#nativeMilliseconds += performance.now() - started;
		this.#population = population;
		this.#task = task;
		const { layers } = population;
		if (this.#buffers === undefined || this.#buffers.interval.trainingLoss.length !== networks.length * interval) {
			const agents = agentCount(this.granularity, layers.length);
			this.#buffers = new EnvironmentBuffers(
				networks.length,
				layers.length,
				agents,
				interval,
				PROBE_BATCHES,
				this.spaces.observationSize,
			);
			this.#observer = openObserver(this.spaces, layers, networks.length, this.granularity);
			this.#detector = new DivergenceDetector(networks.length, { brokenLoss: DIVERGED_LOSS });
			this.#rewardRule = new RewardRule(this.reward, networks.length);
		}
		return population;
	}

	#checkOpen(): void {
		if (this.#disposed) throw new GannoError('DISPOSED', 'This TrainingEnvironment was disposed; make a new one.');
	}

	#openBuffers(): EnvironmentBuffers {
		this.#checkOpen();
		if (this.#buffers === undefined) {
			throw new GannoError('INVALID_ARGUMENT', 'This TrainingEnvironment has no episode yet; call reset() first.');
		}
		return this.#buffers;
	}

	#activeBuffers(): EnvironmentBuffers {
		const buffers = this.#openBuffers();
		if (this.#done) {
			throw new GannoError('INVALID_ARGUMENT', 'The episode is over (or its last step failed); call reset() first.');
		}
		return buffers;
	}
}
