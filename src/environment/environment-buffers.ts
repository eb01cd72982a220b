import type { TrainingTask } from '../tasks/task.js';
import { NEUTRAL_ACTION } from './actions/actions.js';
import type { DecisionContext } from './controller.js';
import { OBSERVATION_SIZE } from './observations/layer-observation.js';
import type { ObservationInput } from './observations/observer.js';
import { type PopulationOutput, populationOutput } from './populations/population-interface.js';
import type { RewardRule } from './rewards/reward.js';
import type { StepResult } from './step-result.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Every array of an environment, allocated once per task shape, and the copies between them. */
export class EnvironmentBuffers {
	readonly networks: number;
	readonly layers: number;
	readonly agents: number;
	/** Outputs of native calls: of the probe, and of an interval; they share statistics and validation. */
	readonly probe: Required<PopulationOutput>;
	readonly interval: Required<PopulationOutput>;
	/** `[networks × layers]` */
	readonly initialLearningRates: Float32Array;
	readonly learningRates: Float32Array;
	/** `[networks × layers]`: passed to the population; 0 where a network has ended */
	readonly appliedLearningRates: Float32Array;
	/** `[networks × layers]` */
	readonly meanLearningRates: Float32Array;
	/** `[interval]` */
	readonly baseSchedule: Float32Array;
	/** `[networks × agents]` */
	readonly previousActions: Uint8Array;
	/** `[networks]` each */
	readonly trainingLoss: Float32Array;
	readonly validationLoss: Float32Array;
	readonly validationAccuracy: Float32Array;
	readonly networkRewards: Float32Array;
	readonly active: Uint8Array;
	readonly diverged: Uint8Array;
	/** `[networks × agents × observationSize]` */
	readonly observations: Float32Array;
	readonly input: Writable<ObservationInput>;
	readonly context: Writable<DecisionContext>;
	readonly result: Writable<StepResult>;
	/** Networks that have not ended. */
	activeCount: number;
	readonly #infos: Writable<StepResult['infos']>;

	constructor(
		networks: number,
		layers: number,
		agents: number,
		interval: number,
		probeBatches: number,
		observationSize: number = OBSERVATION_SIZE,
	) {
		this.networks = networks;
		this.layers = layers;
		this.agents = agents;
		this.activeCount = networks;
		this.interval = populationOutput(networks, layers, interval);
		this.probe = { ...this.interval, trainingLoss: new Float32Array(networks * probeBatches) };
		this.initialLearningRates = new Float32Array(networks * layers);
		this.learningRates = new Float32Array(networks * layers);
		this.appliedLearningRates = new Float32Array(networks * layers);
		this.meanLearningRates = new Float32Array(networks * layers);
		this.baseSchedule = new Float32Array(interval);
		this.previousActions = new Uint8Array(networks * agents);
		this.trainingLoss = new Float32Array(networks);
		this.validationLoss = new Float32Array(networks);
		this.validationAccuracy = new Float32Array(networks);
		this.networkRewards = new Float32Array(networks);
		this.active = new Uint8Array(networks);
		this.diverged = new Uint8Array(networks);
		this.observations = new Float32Array(networks * agents * observationSize);
		this.input = {
			statistics: this.interval.statistics,
			learningRates: this.learningRates,
			baseFactor: 1,
			trainingLoss: this.interval.trainingLoss,
			steps: interval,
			validation: this.interval.validation,
			validationStride: 3,
			progress: 0,
			previousActions: this.previousActions,
			active: this.active,
		};
		this.#infos = {
			decision: 0,
			decisions: 0,
			active: this.active,
			diverged: this.diverged,
			trainingLoss: this.trainingLoss,
			validationLoss: this.validationLoss,
			validationAccuracy: this.validationAccuracy,
			learningRates: this.meanLearningRates,
		};
		this.result = {
			observations: this.observations,
			rewards: new Float32Array(networks * agents),
			terminations: this.diverged,
			truncations: new Uint8Array(networks),
			done: false,
			infos: this.#infos,
		};
		this.context = {
			task: undefined as unknown as TrainingTask, // set by startEpisode() before it is read
			decision: 0,
			decisions: 0,
			networks,
			layers,
			agents,
			observations: this.observations,
			statistics: this.interval.statistics,
			learningRates: this.learningRates,
			initialLearningRates: this.initialLearningRates,
			trainingLoss: this.trainingLoss,
			validationLoss: this.validationLoss,
			active: this.active,
		};
	}

	/** Starts an episode from the initial learning rates. */
	startEpisode(task: TrainingTask): void {
		this.learningRates.set(this.initialLearningRates);
		this.meanLearningRates.set(this.initialLearningRates);
		this.previousActions.fill(NEUTRAL_ACTION);
		this.active.fill(1);
		this.result.rewards.fill(0);
		this.result.truncations.fill(0);
		const decisions = task.horizon / task.interval;
		this.context.task = task;
		this.context.decisions = decisions;
		this.#infos.decisions = decisions;
	}

	/**
	 * Writes the learning rates that the population gets for the next interval.
	 * @returns the mean of the base schedule
	 */
	applyLearningRates(baseSchedule: Float32Array | undefined): number {
		let factor = 1;
		if (baseSchedule !== undefined) {
			factor = 0;
			for (let k = 0; k < baseSchedule.length; k++) factor += baseSchedule[k]!;
			factor /= baseSchedule.length;
		}
		for (let n = 0; n < this.networks; n++) {
			const runs = this.active[n]!;
			for (let i = n * this.layers; i < (n + 1) * this.layers; i++) {
				this.appliedLearningRates[i] = this.learningRates[i]! * runs;
			}
		}
		return factor;
	}

	/** The next interval of a schedule over the whole horizon. */
	intervalSchedule(baseSchedule: Float32Array | undefined, decision: number): Float32Array | undefined {
		if (baseSchedule === undefined) return undefined;
		const { length } = this.baseSchedule;
		for (let k = 0; k < length; k++) this.baseSchedule[k] = baseSchedule[decision * length + k]!;
		return this.baseSchedule;
	}

	/** Copies the losses of a native call's output; networks that have ended keep their last ones. */
	readLosses(out: Required<PopulationOutput>, steps: number): void {
		for (let n = 0; n < this.networks; n++) {
			if (this.active[n] === 0) continue;
			let sum = 0;
			for (let k = n * steps; k < (n + 1) * steps; k++) sum += out.trainingLoss[k]!;
			this.trainingLoss[n] = sum / steps;
			this.validationLoss[n] = out.validation[n * 3]!;
			this.validationAccuracy[n] = out.validation[n * 3 + 1]!;
		}
	}

	/** Marks diverged networks as ended. */
	deactivateDiverged(): void {
		let running = 0;
		for (let n = 0; n < this.networks; n++) {
			if (this.diverged[n] === 1) this.active[n] = 0;
			running += this.active[n]!;
		}
		this.activeCount = running;
	}

	/** Writes the rewards: every agent gets its network's. */
	assignRewards(rule: RewardRule, last: boolean): void {
		const { validationLoss, validationAccuracy, active, diverged, networkRewards } = this;
		const { rewards } = this.result;
		rule.update(validationLoss, validationAccuracy, active, diverged, last, networkRewards);
		for (let i = 0; i < rewards.length; i++) rewards[i] = networkRewards[Math.floor(i / this.agents)]!;
	}

	/** Updates the step result and the context. */
	updateResult(decision: number, last: boolean, done: boolean, baseFactor = 1): void {
		const { rewards, truncations } = this.result;
		for (let n = 0; n < this.networks; n++) {
			truncations[n] = last && this.diverged[n] === 0 ? 1 : 0;
		}
		if (decision > 0) {
			for (let i = 0; i < this.meanLearningRates.length; i++)
				this.meanLearningRates[i] = this.appliedLearningRates[i]! * baseFactor;
		} else {
			rewards.fill(0);
		}
		this.result.done = done;
		this.context.decision = decision;
		this.#infos.decision = decision;
	}
}
