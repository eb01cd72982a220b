import { checkFiniteElements, checkFloat32Array } from '../arguments.js';
import { POPULATION_STATISTICS } from '../optimizer/statistics.js';
import type { TrainingTask } from '../tasks/task.js';
import { NEUTRAL_ACTION } from './actions/actions.js';
import type { DecisionContext } from './controller.js';
import { OBSERVATION_SIZE, type ObservationInput } from './observations/layer-observation.js';
import type { PopulationOutput } from './populations/population-interface.js';
import type { RewardRule } from './rewards/reward.js';
import type { StepResult } from './step-result.js';

/** @throws GannoError `INVALID_ARGUMENT` @param shape what the length is */
export function checkBaseSchedule(schedule: Float32Array | undefined, length: number, shape: string): void {
	if (schedule === undefined) return;
	checkFloat32Array(schedule, 'baseSchedule', length, shape);
	checkFiniteElements(schedule, 'baseSchedule', 0);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Arrays for `steps` steps. */
export function populationOutput(networks: number, layers: number, steps: number): Required<PopulationOutput> {
	return {
		statistics: new Float32Array(networks * layers * POPULATION_STATISTICS.length),
		trainingLoss: new Float32Array(networks * steps),
		validation: new Float32Array(networks * 3),
	};
}

/** Every array of an environment, allocated once per task shape, and the plain moves between them. */
export class EnvironmentBuffers {
	readonly networks: number;
	readonly layers: number;
	readonly agents: number;
	/** What a native call writes: the probe's and an interval's (they share statistics and validation). */
	readonly probe: Required<PopulationOutput>;
	readonly interval: Required<PopulationOutput>;
	/** `[networks × layers]` */
	readonly initialLearningRates: Float32Array;
	readonly learningRates: Float32Array;
	/** `[networks × layers]`: what the population gets; 0 where a network has ended */
	readonly appliedRates: Float32Array;
	/** `[networks × layers]` */
	readonly meanRates: Float32Array;
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
	/** Networks still running. */
	running: number;
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
		this.running = networks;
		this.interval = populationOutput(networks, layers, interval);
		this.probe = { ...this.interval, trainingLoss: new Float32Array(networks * probeBatches) };
		this.initialLearningRates = new Float32Array(networks * layers);
		this.learningRates = new Float32Array(networks * layers);
		this.appliedRates = new Float32Array(networks * layers);
		this.meanRates = new Float32Array(networks * layers);
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
			learningRates: this.meanRates,
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
			task: undefined as unknown as TrainingTask, // start() sets it before anybody sees it
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

	/** A new episode, from the initial learning rates. */
	start(task: TrainingTask): void {
		this.learningRates.set(this.initialLearningRates);
		this.meanRates.set(this.initialLearningRates);
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
	 * What the population gets for the next interval.
	 * @returns the mean of the base schedule
	 */
	applyRates(baseSchedule: Float32Array | undefined): number {
		let factor = 1;
		if (baseSchedule !== undefined) {
			factor = 0;
			for (let k = 0; k < baseSchedule.length; k++) factor += baseSchedule[k]!;
			factor /= baseSchedule.length;
		}
		for (let n = 0; n < this.networks; n++) {
			const runs = this.active[n]!;
			for (let i = n * this.layers; i < (n + 1) * this.layers; i++) {
				this.appliedRates[i] = this.learningRates[i]! * runs;
			}
		}
		return factor;
	}

	/** The next interval's part of a schedule over the whole horizon. */
	partOf(baseSchedule: Float32Array | undefined, decision: number): Float32Array | undefined {
		if (baseSchedule === undefined) return undefined;
		const { length } = this.baseSchedule;
		for (let k = 0; k < length; k++) this.baseSchedule[k] = baseSchedule[decision * length + k]!;
		return this.baseSchedule;
	}

	/** The losses of a native call's output; networks that have ended keep their last ones. */
	read(out: Required<PopulationOutput>, steps: number): void {
		for (let n = 0; n < this.networks; n++) {
			if (this.active[n] === 0) continue;
			let sum = 0;
			for (let k = n * steps; k < (n + 1) * steps; k++) sum += out.trainingLoss[k]!;
			this.trainingLoss[n] = sum / steps;
			this.validationLoss[n] = out.validation[n * 3]!;
			this.validationAccuracy[n] = out.validation[n * 3 + 1]!;
		}
	}

	/** Takes the networks that have diverged out of the game. */
	deactivate(): void {
		let running = 0;
		for (let n = 0; n < this.networks; n++) {
			if (this.diverged[n] === 1) this.active[n] = 0;
			running += this.active[n]!;
		}
		this.running = running;
	}

	/** Pays every agent what its network earned. */
	pay(rule: RewardRule, last: boolean): void {
		const { validationLoss, validationAccuracy, active, diverged, networkRewards } = this;
		const { rewards } = this.result;
		rule.update(validationLoss, validationAccuracy, active, diverged, last, networkRewards);
		for (let i = 0; i < rewards.length; i++) rewards[i] = networkRewards[Math.floor(i / this.agents)]!;
	}

	/** Brings what the caller sees up to date. */
	publish(decision: number, last: boolean, done: boolean, baseFactor = 1): void {
		const { rewards, truncations } = this.result;
		for (let n = 0; n < this.networks; n++) {
			truncations[n] = last && this.diverged[n] === 0 ? 1 : 0;
		}
		if (decision > 0) {
			for (let i = 0; i < this.meanRates.length; i++) this.meanRates[i] = this.appliedRates[i]! * baseFactor;
		} else {
			rewards.fill(0);
		}
		this.result.done = done;
		this.context.decision = decision;
		this.#infos.decision = decision;
	}
}
