import { types } from 'node:util';
import { checkFloat32Array, invalidArgument } from '../arguments.js';
import type { Actions } from '../environment/actions/actions.js';
import { actionArray, isContinuous } from '../policy/choose-actions.js';
import { normalizeRow } from '../policy/normalizer.js';
import type { PolicySnapshot, PolicySpec } from '../policy/policy.js';
import type { Trajectory } from './trajectory.js';

/**
 * The trajectories of one iteration, one after another: rows in the order (trajectory, decision, network, agent). A row is one
 * decision of one agent.
 */
export interface Batch {
	readonly rows: number;
	/** `[rows × observationSize]`, normalised */
	readonly observations: Float32Array;
	/** The critic's input, normalised: the same array, or `[rows × criticObservationSize]`, followed by what a {@link CriticView} adds. */
	readonly criticObservations: Float32Array;
	readonly actions: Actions;
	readonly logProbabilities: Float32Array;
	readonly rewards: Float32Array;
	/** `[rows]`: 0 where the network had already ended */
	readonly active: Uint8Array;
	/** `[rows]`: decision / decisions of the episode, from 0 to below 1 */
	readonly progress: Float32Array;
	/** One per (trajectory, network, agent) with an active row. */
	readonly sequences: readonly Sequence[];
	/** One per (trajectory, decision). */
	readonly decisions: readonly DecisionRows[];
}

/** One agent of one network over an episode: the rows `first + t · stride`, t = 0 … length − 1, of a batch. */
export interface Sequence {
	readonly first: number;
	readonly stride: number;
	/** Decisions up to the last active one. */
	readonly length: number;
}

/** The rows of all networks of a task at one decision: `networks × agents` from `first` on. */
export interface DecisionRows {
	readonly first: number;
	readonly networks: number;
	readonly agents: number;
}

/** What the critic gets besides an agent's observation: it is used in training only, so it may observe more than the agents. */
export interface CriticView {
	/** The mean observation over the agents of the network (MAPPO). */
	readonly mean: boolean;
	/** 2 · progress − 1. Without it the value of a state depends on a time that is not observed. */
	readonly progress: boolean;
}

/** Features of the critic's input, where agents observe `observationSize`. */
export function criticObservationSize(observationSize: number, { mean, progress }: CriticView): number {
	return (mean ? 2 : 1) * observationSize + (progress ? 1 : 0);
}

function checkTrajectory(trajectory: Trajectory, name: string, spec: PolicySpec): void {
	const { observationSize } = spec;
	const { decisions, networks, agents, active } = trajectory;
	const rows = decisions * networks * agents;
	checkFloat32Array(trajectory.observations, `${name}.observations`, rows * observationSize);
	checkFloat32Array(trajectory.logProbabilities, `${name}.logProbabilities`, rows);
	checkFloat32Array(trajectory.rewards, `${name}.rewards`, rows);
	const continuous = isContinuous(spec);
	if (continuous !== types.isFloat32Array(trajectory.actions) || trajectory.actions.length !== rows) {
		const type = continuous ? 'Float32Array' : 'Uint8Array';
		throw invalidArgument(`a ${type} of length ${rows}`, `${name}.actions`, trajectory.actions);
	}
	if (active.length !== decisions * networks) {
		throw invalidArgument(`a Uint8Array of length ${decisions * networks}`, `${name}.active`, active);
	}
	for (let row = 0; row < rows; row++) {
		if (active[Math.floor(row / agents)] !== 1) continue;
		if (!Number.isFinite(trajectory.rewards[row])) {
			throw invalidArgument('a finite number', `${name}.rewards[${row}]`, trajectory.rewards[row]);
		}
		if (!Number.isFinite(trajectory.logProbabilities[row])) {
			throw invalidArgument('a finite number', `${name}.logProbabilities[${row}]`, trajectory.logProbabilities[row]);
		}
		for (let i = row * observationSize; i < (row + 1) * observationSize; i++) {
			// It would stay in the normaliser's moments.
			if (!Number.isFinite(trajectory.observations[i])) {
				throw invalidArgument('a finite number', `${name}.observations[${i}]`, trajectory.observations[i]);
			}
		}
		const action = trajectory.actions[row] as number;
		if (continuous ? !Number.isFinite(action) : action >= spec.actions) {
			const expected = continuous ? 'a finite number' : `an action below ${spec.actions}`;
			throw invalidArgument(expected, `${name}.actions[${row}]`, action);
		}
	}
}

/** @throws GannoError `INVALID_ARGUMENT` for arrays that do not fit and for numbers that are not finite */
export function assembleBatch(trajectories: readonly Trajectory[], policy: PolicySnapshot, critic: CriticView): Batch {
	const size = policy.spec.observationSize;
	trajectories.forEach((trajectory, index) => {
		checkTrajectory(trajectory, `trajectories[${index}]`, policy.spec);
	});
	const rows = trajectories.reduce((sum, { decisions, networks, agents }) => sum + decisions * networks * agents, 0);
	const observations = new Float32Array(rows * size);
	const actions = actionArray(policy.spec, rows);
	const logProbabilities = new Float32Array(rows);
	const rewards = new Float32Array(rows);
	const active = new Uint8Array(rows);
	const progress = new Float32Array(rows);
	const sequences: Sequence[] = [];
	const starts: DecisionRows[] = [];
	let base = 0;
	for (const trajectory of trajectories) {
		const { decisions, networks, agents } = trajectory;
		const count = decisions * networks * agents;
		actions.set(trajectory.actions, base);
		logProbabilities.set(trajectory.logProbabilities, base);
		rewards.set(trajectory.rewards, base);
		for (let row = 0; row < count; row++) {
			active[base + row] = trajectory.active[Math.floor(row / agents)] as number;
			progress[base + row] = Math.floor(row / (networks * agents)) / decisions;
			normalizeRow(
				trajectory.observations,
				row * size,
				observations,
				(base + row) * size,
				policy.normalizerMean,
				policy.normalizerStandardDeviation,
			);
		}
		for (let network = 0; network < networks; network++) {
			let length = decisions;
			while (length > 0 && trajectory.active[(length - 1) * networks + network] !== 1) length--;
			if (length === 0) continue;
			for (let agent = 0; agent < agents; agent++) {
				sequences.push({ first: base + network * agents + agent, stride: networks * agents, length });
			}
		}
		for (let decision = 0; decision < decisions; decision++) {
			starts.push({ first: base + decision * networks * agents, networks, agents });
		}
		base += count;
	}
	return {
		rows,
		observations,
		criticObservations: criticRows(starts, size, observations, progress, critic),
		actions,
		logProbabilities,
		rewards,
		active,
		progress,
		sequences,
		decisions: starts,
	};
}

/** The agent's own observation, then what the critic gets besides it. */
function criticRows(
	decisions: readonly DecisionRows[],
	size: number,
	observations: Float32Array,
	progress: Float32Array,
	critic: CriticView,
): Float32Array {
	if (!critic.mean && !critic.progress) return observations;
	const rows = progress.length;
	const width = criticObservationSize(size, critic);
	const out = new Float32Array(rows * width);
	for (let row = 0; row < rows; row++) {
		out.set(observations.subarray(row * size, (row + 1) * size), row * width);
		if (critic.progress) out[(row + 1) * width - 1] = 2 * (progress[row] as number) - 1;
	}
	if (!critic.mean) return out;
	for (const { first, networks, agents } of decisions) {
		const end = first + networks * agents;
		for (let row = first; row < end; row += agents) appendMean(observations, size, out, width, row, agents);
	}
	return out;
}

/** The mean over the agents of one network at one decision, behind the own observation of each. */
function appendMean(
	observations: Float32Array,
	size: number,
	out: Float32Array,
	width: number,
	first: number,
	agents: number,
): void {
	for (let i = 0; i < size; i++) {
		let sum = 0;
		for (let row = first; row < first + agents; row++) sum += observations[row * size + i] as number;
		for (let row = first; row < first + agents; row++) out[row * width + size + i] = sum / agents;
	}
}

/** Rows of a batch laid out for a network: time-major, `[steps × sequences]`, padded where a sequence is shorter. */
export interface MiniBatch {
	readonly steps: number;
	readonly sequences: number;
	/** `[steps × sequences]`: the batch's row, or −1 for padding and inactive rows, which carry no loss */
	readonly rows: Int32Array;
	readonly observations: Float32Array;
	readonly criticObservations: Float32Array;
}

function gather(batch: Batch, steps: number, sequences: number, rows: Int32Array, source: Int32Array): MiniBatch {
	const copy = (from: Float32Array): Float32Array => {
		const width = from.length / batch.rows;
		const to = new Float32Array(source.length * width);
		for (let i = 0; i < source.length; i++) {
			const row = source[i] as number;
			if (row >= 0) to.set(from.subarray(row * width, (row + 1) * width), i * width);
		}
		return to;
	};
	const observations = copy(batch.observations);
	const same = batch.criticObservations === batch.observations;
	return {
		steps,
		sequences,
		rows,
		observations,
		criticObservations: same ? observations : copy(batch.criticObservations),
	};
}

/** Single rows, in the order given: what a feed-forward network trains on. */
export function gatherRows(batch: Batch, rows: Int32Array): MiniBatch {
	return gather(batch, 1, rows.length, rows, rows);
}

/** Whole sequences side by side, padded to the longest: what a recurrent network trains on. */
export function gatherSequences(batch: Batch, indices: ArrayLike<number>): MiniBatch {
	const chosen = Array.from(indices, (index) => batch.sequences[index] as Sequence);
	const steps = chosen.reduce((longest, { length }) => Math.max(longest, length), 0);
	const rows = new Int32Array(steps * chosen.length).fill(-1);
	const source = rows.slice();
	chosen.forEach(({ first, stride, length }, s) => {
		for (let t = 0; t < length; t++) {
			const row = first + t * stride;
			source[t * chosen.length + s] = row;
			if (batch.active[row] === 1) rows[t * chosen.length + s] = row;
		}
	});
	return gather(batch, steps, chosen.length, rows, source);
}

/** The active rows of a batch, in order. */
export function activeRows(batch: Batch): Int32Array {
	const rows: number[] = [];
	for (let row = 0; row < batch.rows; row++) if (batch.active[row] === 1) rows.push(row);
	return Int32Array.from(rows);
}
