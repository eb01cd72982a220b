import { types } from 'node:util';
import { counted } from '../counted.js';
import { NEUTRAL_ACTION } from '../environment/actions/actions.js';
import type { ControlledTraining, Controller, DecisionContext } from '../environment/controller.js';
import { OBSERVATION_SIZE, ObservationEncoder } from '../environment/observations/layer-observation.js';
import { GannoError } from '../errors.js';
import { DIVERGED_LOSS } from '../networks/population.js';
import { IntervalStatistics } from '../optimizer/interval-statistics.js';
import { POPULATION_STATISTICS } from '../optimizer/statistics.js';
import type {
	ControlledLayer,
	DecisionSource,
	ResolvedControllerOptions,
	RollbackOptions,
} from './controller-options.js';
import type { ControllerStateShape, LayerwiseControllerState } from './controller-state.js';
import { LossMonitor, storedLoss } from './loss-monitor.js';
import { checkDecision } from './source.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * One training under a controller: as a population of one network in the environment, with statistics that arrive step by step. Decisions
 * are made at multiples of the interval. Nothing is allocated per step.
 */
export class ControlledRun {
	readonly layers: readonly Required<ControlledLayer>[];
	/** `[layers]`, for the next step */
	readonly rates: Float32Array;
	readonly shape: ControllerStateShape;
	/** Optimiser steps. */
	step = 0;
	rollbacks = 0;
	readonly #controller: Controller;
	readonly #options: ResolvedControllerOptions;
	readonly #training: ControlledTraining;
	readonly #rollback: Required<RollbackOptions> | undefined;
	readonly #encoder: ObservationEncoder;
	readonly #lossMonitor: LossMonitor;
	readonly #interval: IntervalStatistics;
	readonly #losses: Float64Array; // of the interval, from the front; finite
	readonly #zeros: Float32Array; // stand in for a step without statistics
	readonly #context: Writable<DecisionContext>;
	readonly #learningRates: Float32Array; // [layers] decided, base schedule apart
	readonly #initialLearningRates: Float32Array;
	readonly #actions: Uint8Array;
	readonly #baseBuffer: Float32Array; // [interval]
	#baseSchedule: Float32Array | undefined;
	#probed = 0;
	#snapshot: LayerwiseControllerState | undefined;

	constructor(
		{ controller, granularity }: DecisionSource,
		options: ResolvedControllerOptions,
		layers: readonly Required<ControlledLayer>[],
		optimizer: ControlledTraining['optimizer'],
		guard: Required<RollbackOptions> | undefined,
	) {
		this.layers = layers;
		this.#controller = controller;
		this.#options = options;
		this.#rollback = guard;
		this.#lossMonitor = new LossMonitor(options.validationLoss, options.leastScale);
		const count = layers.length;
		const { learningRate, interval, horizon, probeBatches } = options;
		if (typeof learningRate !== 'number' && learningRate.length !== count) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`options.learningRate has ${counted(learningRate.length, 'learning rate')}, but there ${count === 1 ? 'is' : 'are'} ${counted(count, 'layer')}: ${layers.map(({ name }) => name).join(', ')}`,
			);
		}
		this.#training = { optimizer, horizon, interval };
		this.#encoder = new ObservationEncoder(layers, 1, granularity);
		this.#interval = new IntervalStatistics(count);
		const capacity = Math.max(interval, probeBatches);
		this.#losses = new Float64Array(capacity);
		this.#zeros = new Float32Array(count * 14);
		this.#learningRates = new Float32Array(count);
		this.#initialLearningRates = new Float32Array(count);
		this.rates = new Float32Array(count);
		this.#actions = new Uint8Array(this.#encoder.agents);
		this.#baseBuffer = new Float32Array(interval);
		const names = layers.map(({ name }) => name);
		this.shape = { controller: controller.name, layers: names, agents: this.#encoder.agents, capacity, interval };
		this.#context = {
			task: this.#training,
			decision: 0,
			decisions: horizon / interval,
			networks: 1,
			layers: count,
			agents: this.#encoder.agents,
			observations: new Float32Array(this.#encoder.agents * OBSERVATION_SIZE),
			statistics: new Float32Array(count * POPULATION_STATISTICS.length),
			learningRates: this.#learningRates,
			initialLearningRates: this.#initialLearningRates,
			trainingLoss: this.#lossMonitor.trainingLoss,
			validationLoss: this.#lossMonitor.validationLoss,
			active: new Uint8Array([1]),
		};
	}

	/** Sets the held-out loss of every decision until the next call. */
	reportValidationLoss(loss: number | undefined): void {
		this.#lossMonitor.reportedValidationLoss = loss;
	}

	get diverged(): boolean {
		return this.#lossMonitor.diverged;
	}

	/** Mini-batches observed, probing ones included. */
	get batches(): number {
		return this.#probed + this.step;
	}

	/** Whether the horizon has been reached. */
	get finished(): boolean {
		return this.step >= this.#training.horizon;
	}

	/** Whether the next mini-batch is a probing one. */
	get probing(): boolean {
		return this.#probed < this.#options.probeBatches;
	}

	/** A new training, from the initial learning rates. */
	begin(): void {
		const { learningRate } = this.#options;
		for (let l = 0; l < this.layers.length; l++) {
			this.#initialLearningRates[l] = this.#clamp(typeof learningRate === 'number' ? learningRate : learningRate[l]!);
		}
		this.#learningRates.set(this.#initialLearningRates);
		this.#actions.fill(NEUTRAL_ACTION);
		this.#controller.reset(this.#training);
		this.#applyRates();
		if (!this.probing) this.#decide(0); // without statistics yet: zeros
	}

	observe(statistics: Float32Array | undefined, reported: number, heldOut: number | undefined): void {
		const broken = [reported, heldOut ?? 0, this.#lossMonitor.reportedValidationLoss ?? 0].some(
			(loss) => !Number.isFinite(loss),
		);
		// As populations report losses that are not finite: observations and states never hold NaN.
		const loss = Number.isFinite(reported) ? storedLoss(reported) : DIVERGED_LOSS;
		if (heldOut !== undefined)
			this.#lossMonitor.intervalValidationLoss = Number.isFinite(heldOut) ? heldOut : DIVERGED_LOSS;
		const probing = this.probing;
		if (probing) this.#probed++;
		else this.step++;
		if (this.step > this.#training.horizon) return; // past the horizon: learning rates stay
		this.#losses[this.#interval.steps] = loss;
		this.#interval.add(statistics ?? this.#zeros, this.rates);
		if (!probing) this.#lossMonitor.start(loss);
		if (broken) {
			this.#lossMonitor.diverged = true;
			if (this.#rollback !== undefined) this.#rollBack(this.#rollback);
		}
		if (probing) {
			if (!this.probing) this.#decide(this.#options.probeBatches);
			return;
		}
		if (!broken && this.#snapshot === undefined) this.#saveSnapshot();
		if (this.step % this.#training.interval === 0 && this.step < this.#training.horizon && this.#interval.steps > 0) {
			this.#decide(this.#interval.steps);
		}
		this.#applyRates();
	}

	/** The end of an interval of `steps` mini-batches (0: before the first), and the beginning of the next. */
	#decide(steps: number): void {
		try {
			this.#decideOn(steps);
		} catch (error) {
			this.#interval.clear(); // the interval ends here too: a caller that continues does so with the current learning rates
			throw error;
		}
	}

	#decideOn(steps: number): void {
		const { horizon, interval } = this.#training;
		const context = this.#context;
		this.#interval.write(context.statistics);
		context.decision = Math.floor(this.step / interval);
		if (steps > 0) {
			this.#lossMonitor.update(this.#losses, steps);
			if (this.diverged && this.#rollback !== undefined) {
				this.#rollBack(this.#rollback);
				return;
			}
			let factor = 0; // of a shortened interval, the last steps
			for (let k = 0; k < steps; k++) factor += this.step === 0 ? 1 : (this.#baseSchedule?.[interval - steps + k] ?? 1);
			this.#encoder.encode(
				{
					statistics: context.statistics,
					learningRates: this.#learningRates,
					baseFactor: factor / steps,
					trainingLoss: this.#losses,
					steps,
					validation: this.#lossMonitor.validationLoss,
					validationStride: 1,
					progress: horizon === Number.POSITIVE_INFINITY ? undefined : this.step / horizon,
					previousActions: this.#actions,
				},
				context.observations,
			);
		}
		const { learningRates, baseSchedule, actions } = checkDecision(this.#controller.decide(context));
		for (let l = 0; l < this.layers.length; l++) this.#learningRates[l] = this.#clamp(learningRates[l]!);
		this.#setBaseSchedule(baseSchedule);
		if (actions === undefined) this.#actions.fill(NEUTRAL_ACTION);
		else this.#actions.set(actions);
		this.#interval.clear();
		this.#lossMonitor.intervalValidationLoss = undefined;
		this.#applyRates();
		this.#report(types.isUint8Array(actions) ? actions : undefined, false);
		if (this.step > 0 && this.#lossMonitor.isSafeSnapshot) this.#saveSnapshot();
	}

	#saveSnapshot(): void {
		if (this.#rollback === undefined) return;
		this.#rollback.save();
		this.#snapshot = this.state();
	}

	/** Restores the snapshot, with smaller learning rates. The step counter continues. */
	#rollBack({ restore, factor, limit }: Required<RollbackOptions>): void {
		const { step, rollbacks } = this;
		if (this.#snapshot === undefined || rollbacks >= limit) {
			throw new GannoError(
				'DIVERGED',
				this.#snapshot === undefined
					? `The training diverged at step ${this.batches}, before the first snapshot; start with a smaller learning rate`
					: `The training diverged again at step ${this.batches}, after ${counted(rollbacks, 'rollback')}; start with a smaller learning rate or a lower bounds.high`,
			);
		}
		restore();
		const base = this.#baseSchedule?.slice();
		this.restore(this.#snapshot);
		this.#lossMonitor.reportedValidationLoss = undefined; // it was measured at the discarded parameters
		this.#carryBaseSchedule(base, step);
		for (let l = 0; l < this.layers.length; l++) {
			this.#initialLearningRates[l]! *= factor;
			this.#learningRates[l] = this.#clamp(this.#learningRates[l]! * factor);
		}
		this.step = step;
		this.rollbacks = rollbacks + 1;
		this.#interval.clear();
		this.#snapshot = this.state(); // the same parameters: the next rollback starts from these smaller learning rates
		this.#applyRates();
		this.#report(undefined, true);
	}

	/** The base schedule continues after a rollback; at the end of an interval, where no decision follows, its last factor is kept. */
	#carryBaseSchedule(base: Float32Array | undefined, step: number): void {
		const { interval } = this.#training;
		this.#baseSchedule = base === undefined ? undefined : this.#baseBuffer;
		if (base === undefined) return;
		if (step % interval === 0) this.#baseBuffer.fill(base[interval - 1]!);
		else this.#baseBuffer.set(base);
	}

	state(): LayerwiseControllerState {
		return {
			version: 2,
			controller: this.#controller.name,
			layers: this.shape.layers,
			step: this.step,
			probed: this.#probed,
			rollbacks: this.rollbacks,
			diverged: this.diverged,
			learningRates: [...this.#learningRates],
			initialLearningRates: [...this.#initialLearningRates],
			baseSchedule: this.#baseSchedule === undefined ? [] : [...this.#baseSchedule],
			actions: [...this.#actions],
			intervalStatistics: this.#interval.state(),
			losses: [...this.#losses.subarray(0, this.#interval.steps)],
			validationLoss: this.#lossMonitor.intervalValidationLoss ?? null,
			reportedValidationLoss: Number.isFinite(this.#lossMonitor.reportedValidationLoss)
				? (this.#lossMonitor.reportedValidationLoss as number)
				: null,
			encoder: this.#encoder.state(),
			divergence: this.#lossMonitor.state(),
			memory: [...(this.#controller.state?.() ?? [])],
		};
	}

	restore(state: LayerwiseControllerState): void {
		this.#controller.reset(this.#training);
		this.#controller.restore?.(Float32Array.from(state.memory));
		this.step = state.step;
		this.#probed = state.probed;
		this.rollbacks = state.rollbacks;
		this.#learningRates.set(state.learningRates);
		this.#initialLearningRates.set(state.initialLearningRates);
		this.#setBaseSchedule(state.baseSchedule.length > 0 ? state.baseSchedule : undefined);
		this.#actions.set(state.actions);
		this.#interval.restore(state.intervalStatistics);
		this.#losses.set(state.losses);
		this.#encoder.restore(state.encoder);
		this.#lossMonitor.restore(state.divergence, state.diverged, state.step > 0 || (state.probed > 0 && !this.probing));
		this.#lossMonitor.intervalValidationLoss = state.validationLoss ?? undefined;
		this.#lossMonitor.reportedValidationLoss = state.reportedValidationLoss ?? undefined;
		this.#applyRates();
	}

	#setBaseSchedule(schedule: ArrayLike<number> | undefined): void {
		if (schedule !== undefined) this.#baseBuffer.set(schedule);
		this.#baseSchedule = schedule === undefined ? undefined : this.#baseBuffer;
	}

	/** Learning rates of the next step: those decided, times the base schedule's factor there. */
	#applyRates(): void {
		const { interval, horizon } = this.#training;
		const last = Math.min(this.step, horizon - 1);
		const factor = this.#baseSchedule === undefined ? 1 : this.#baseSchedule[last % interval]!;
		for (let l = 0; l < this.layers.length; l++) {
			this.rates[l] = this.#clamp(Math.fround(this.#learningRates[l]! * factor));
		}
	}

	#clamp(rate: number): number {
		const { low, high } = this.#options;
		return rate < low ? low : Math.min(rate, high);
	}

	#report(actions: Uint8Array | undefined, rolledBack: boolean): void {
		const { statistics, observations, trainingLoss, validationLoss } = this.#context;
		this.#options.onDecision?.({
			step: this.batches,
			layerNames: this.shape.layers,
			learningRates: this.#learningRates,
			statistics,
			observations,
			trainingLoss: trainingLoss[0]!,
			validationLoss: validationLoss[0]!,
			actions,
			rolledBack,
		});
	}
}
