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
import { LossWatch, storedLoss } from './loss-watch.js';
import { checkDecision } from './source.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * One training under a controller: a population of one network as the environment has many, with the statistics of single steps
 * coming in one by one. Decisions fall on the multiples of the interval. Nothing is allocated per step.
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
	readonly #guard: Required<RollbackOptions> | undefined;
	readonly #encoder: ObservationEncoder;
	readonly #watch: LossWatch;
	readonly #interval: IntervalStatistics;
	readonly #losses: Float64Array; // of the interval, from the front; finite
	readonly #zeros: Float32Array; // statistics of a step that came without
	readonly #context: Writable<DecisionContext>;
	readonly #learningRates: Float32Array; // [layers] decided, base schedule apart
	readonly #initialLearningRates: Float32Array;
	readonly #actions: Uint8Array;
	readonly #baseBuffer: Float32Array; // [interval]
	#base: Float32Array | undefined;
	#probed = 0;
	#snapshot: LayerwiseControllerState | undefined;

	constructor(
		{ controller, agents }: DecisionSource,
		options: ResolvedControllerOptions,
		layers: readonly Required<ControlledLayer>[],
		optimizer: ControlledTraining['optimizer'],
		guard: Required<RollbackOptions> | undefined,
	) {
		this.layers = layers;
		this.#controller = controller;
		this.#options = options;
		this.#guard = guard;
		this.#watch = new LossWatch(options.validationLoss, options.leastScale);
		const count = layers.length;
		const { learningRate, interval, horizon, probeBatches } = options;
		if (typeof learningRate !== 'number' && learningRate.length !== count) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`options.learningRate has ${counted(learningRate.length, 'learning rate')}, but there ${count === 1 ? 'is' : 'are'} ${counted(count, 'layer')}: ${layers.map(({ name }) => name).join(', ')}`,
			);
		}
		this.#training = { optimizer, horizon, interval };
		this.#encoder = new ObservationEncoder(layers, 1, agents);
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
			trainingLoss: this.#watch.trainingLoss,
			validationLoss: this.#watch.validationLoss,
			active: new Uint8Array([1]),
		};
	}

	/** A held-out loss for every decision until the next call. */
	reportValidationLoss(loss: number | undefined): void {
		this.#watch.reported = loss;
	}

	get diverged(): boolean {
		return this.#watch.diverged;
	}

	/** Mini-batches taken in. */
	get batches(): number {
		return this.#probed + this.step;
	}

	/** Whether the horizon has been reached. */
	get finished(): boolean {
		return this.step >= this.#training.horizon;
	}

	/** Whether the next mini-batch is only looked at. */
	get probing(): boolean {
		return this.#probed < this.#options.probeBatches;
	}

	/** A new training, from the initial learning rates. */
	begin(): void {
		const { learningRate } = this.#options;
		for (let l = 0; l < this.layers.length; l++) {
			this.#initialLearningRates[l] = this.#within(typeof learningRate === 'number' ? learningRate : learningRate[l]!);
		}
		this.#learningRates.set(this.#initialLearningRates);
		this.#actions.fill(NEUTRAL_ACTION);
		this.#controller.reset(this.#training);
		this.#applyRates();
		if (!this.probing) this.#decide(0); // nothing to look at yet: statistics are zeros
	}

	observe(statistics: Float32Array | undefined, reported: number, heldOut: number | undefined): void {
		const broken = [reported, heldOut ?? 0, this.#watch.reported ?? 0].some((loss) => !Number.isFinite(loss));
		// As populations report what is not finite: observations and states never hold NaN.
		const loss = Number.isFinite(reported) ? storedLoss(reported) : DIVERGED_LOSS;
		if (heldOut !== undefined) this.#watch.given = Number.isFinite(heldOut) ? heldOut : DIVERGED_LOSS;
		const probing = this.probing;
		if (probing) this.#probed++;
		else this.step++;
		if (this.step > this.#training.horizon) return; // over: learning rates stay
		this.#losses[this.#interval.steps] = loss;
		this.#interval.add(statistics ?? this.#zeros, this.rates);
		if (!probing) this.#watch.start(loss);
		if (broken) {
			this.#watch.diverged = true;
			if (this.#guard !== undefined) this.#rollBack(this.#guard);
		}
		if (probing) {
			if (!this.probing) this.#decide(this.#options.probeBatches);
			return;
		}
		if (!broken && this.#snapshot === undefined) this.#keep();
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
			this.#interval.clear(); // it is over all the same: a caller who goes on does so with the learning rates at hand
			throw error;
		}
	}

	#decideOn(steps: number): void {
		const { horizon, interval } = this.#training;
		const context = this.#context;
		this.#interval.write(context.statistics);
		context.decision = Math.floor(this.step / interval);
		if (steps > 0) {
			this.#watch.measure(this.#losses, steps);
			if (this.diverged && this.#guard !== undefined) {
				this.#rollBack(this.#guard);
				return;
			}
			let factor = 0; // of an interval that was cut short, the last steps
			for (let k = 0; k < steps; k++) factor += this.step === 0 ? 1 : (this.#base?.[interval - steps + k] ?? 1);
			this.#encoder.encode(
				{
					statistics: context.statistics,
					learningRates: this.#learningRates,
					baseFactor: factor / steps,
					trainingLoss: this.#losses,
					steps,
					validation: this.#watch.validationLoss,
					validationStride: 1,
					progress: horizon === Number.POSITIVE_INFINITY ? undefined : this.step / horizon,
					previousActions: this.#actions,
				},
				context.observations,
			);
		}
		const { learningRates, baseSchedule, actions } = checkDecision(this.#controller.decide(context));
		for (let l = 0; l < this.layers.length; l++) this.#learningRates[l] = this.#within(learningRates[l]!);
		this.#setBase(baseSchedule);
		if (actions === undefined) this.#actions.fill(NEUTRAL_ACTION);
		else this.#actions.set(actions);
		this.#interval.clear();
		this.#watch.given = undefined;
		this.#applyRates();
		this.#report(types.isUint8Array(actions) ? actions : undefined, false);
		if (this.step > 0 && this.#watch.sound) this.#keep();
	}

	#keep(): void {
		if (this.#guard === undefined) return;
		this.#guard.save();
		this.#snapshot = this.state();
	}

	/** Back to the snapshot, with smaller learning rates from there on. Time is not given back: the step counter goes on. */
	#rollBack({ restore, factor, limit }: Required<RollbackOptions>): void {
		const { step, rollbacks } = this;
		if (this.#snapshot === undefined || rollbacks >= limit) {
			throw new GannoError(
				'DIVERGED',
				this.#snapshot === undefined
					? `The training diverged at step ${this.batches}, before there was anything to go back to; start with a smaller learning rate`
					: `The training diverged again at step ${this.batches}, after ${counted(rollbacks, 'rollback')}; start with a smaller learning rate or a lower bounds.high`,
			);
		}
		restore();
		const base = this.#base?.slice();
		this.restore(this.#snapshot);
		this.#watch.reported = undefined; // it was of the parameters that are gone
		this.#holdBase(base, step);
		for (let l = 0; l < this.layers.length; l++) {
			this.#initialLearningRates[l]! *= factor;
			this.#learningRates[l] = this.#within(this.#learningRates[l]! * factor);
		}
		this.step = step;
		this.rollbacks = rollbacks + 1;
		this.#interval.clear();
		this.#snapshot = this.state(); // the same parameters; further rollbacks make learning rates smaller still
		this.#applyRates();
		this.#report(undefined, true);
	}

	/** The schedule goes on as if nothing had happened; where an interval is over and nobody decides, it stands still. */
	#holdBase(base: Float32Array | undefined, step: number): void {
		const { interval } = this.#training;
		this.#base = base === undefined ? undefined : this.#baseBuffer;
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
			baseSchedule: this.#base === undefined ? [] : [...this.#base],
			actions: [...this.#actions],
			intervalStatistics: this.#interval.state(),
			losses: [...this.#losses.subarray(0, this.#interval.steps)],
			validationLoss: this.#watch.given ?? null,
			reportedValidationLoss: Number.isFinite(this.#watch.reported) ? (this.#watch.reported as number) : null,
			encoder: this.#encoder.state(),
			divergence: this.#watch.state(),
			memory: [...(this.#controller.memory?.() ?? [])],
		};
	}

	restore(state: LayerwiseControllerState): void {
		this.#controller.reset(this.#training);
		this.#controller.remember?.(Float32Array.from(state.memory));
		this.step = state.step;
		this.#probed = state.probed;
		this.rollbacks = state.rollbacks;
		this.#learningRates.set(state.learningRates);
		this.#initialLearningRates.set(state.initialLearningRates);
		this.#setBase(state.baseSchedule.length > 0 ? state.baseSchedule : undefined);
		this.#actions.set(state.actions);
		this.#interval.restore(state.intervalStatistics);
		this.#losses.set(state.losses);
		this.#encoder.restore(state.encoder);
		this.#watch.restore(state.divergence, state.diverged, state.step > 0 || (state.probed > 0 && !this.probing));
		this.#watch.given = state.validationLoss ?? undefined;
		this.#watch.reported = state.reportedValidationLoss ?? undefined;
		this.#applyRates();
	}

	#setBase(schedule: ArrayLike<number> | undefined): void {
		if (schedule !== undefined) this.#baseBuffer.set(schedule);
		this.#base = schedule === undefined ? undefined : this.#baseBuffer;
	}

	/** Learning rates of the next step: those decided, times the base schedule's factor there. */
	#applyRates(): void {
		const { interval, horizon } = this.#training;
		const last = Math.min(this.step, horizon - 1);
		const factor = this.#base === undefined ? 1 : this.#base[last % interval]!;
		for (let l = 0; l < this.layers.length; l++) {
			this.rates[l] = this.#within(Math.fround(this.#learningRates[l]! * factor));
		}
	}

	#within(rate: number): number {
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
