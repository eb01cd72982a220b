import type { Actions } from '../environment/actions/actions.js';
import type { TrainingTask } from '../tasks/task.js';
import type { Trajectory } from './executor.js';

/** The size of one rollout's result; equal shapes share slabs. */
export interface TrajectoryShape {
	readonly decisions: number;
	readonly networks: number;
	readonly agents: number;
	readonly observationSize: number;
	/** Actions are real numbers; absent: categories. */
	readonly continuous?: boolean;
}

/** Figures per network in `Trajectory.outcomes`. */
export const OUTCOME_SIZE = 5;

/** One SharedArrayBuffer that holds a whole trajectory. Made once, then written by whichever worker runs the rollout. */
export interface TrajectorySlab {
	readonly shape: TrajectoryShape;
	readonly buffer: SharedArrayBuffer;
	readonly observations: Float32Array;
	readonly actions: Actions;
	readonly logProbabilities: Float32Array;
	readonly rewards: Float32Array;
	readonly active: Uint8Array;
	readonly outcomes: Float32Array;
	readonly diverged: Uint8Array;
	/** `[2]`: wall milliseconds of the whole rollout and of its native calls. */
	readonly milliseconds: Float64Array;
}

/** Arrays start on cache lines of their own, so that two of them never share one. */
const ALIGNMENT = 64;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function offsets(shape: TrajectoryShape): readonly number[] {
	const entries = shape.decisions * shape.networks * shape.agents;
	const sizes = [
		entries * shape.observationSize * 4, // observations
		entries * (shape.continuous === true ? 4 : 1), // actions
		entries * 4, // logProbabilities
		entries * 4, // rewards
		shape.decisions * shape.networks, // active
		shape.networks * OUTCOME_SIZE * 4, // outcomes
		shape.networks, // diverged
		2 * 8, // milliseconds
	];
	const starts = [0];
	for (const size of sizes) starts.push(align((starts.at(-1) as number) + size));
	return starts;
}

/** Bytes of the slab of a shape. */
export function trajectoryBytes(shape: TrajectoryShape): number {
	return offsets(shape).at(-1) as number;
}

/**
 * The arrays of a slab.
 * @param buffer at least {@link trajectoryBytes} long; absent: a new one
 */
export function openTrajectorySlab(
	shape: TrajectoryShape,
	buffer: SharedArrayBuffer = new SharedArrayBuffer(trajectoryBytes(shape)),
): TrajectorySlab {
	const at = offsets(shape);
	const entries = shape.decisions * shape.networks * shape.agents;
	return {
		shape,
		buffer,
		observations: new Float32Array(buffer, at[0], entries * shape.observationSize),
		actions:
			shape.continuous === true ? new Float32Array(buffer, at[1], entries) : new Uint8Array(buffer, at[1], entries),
		logProbabilities: new Float32Array(buffer, at[2], entries),
		rewards: new Float32Array(buffer, at[3], entries),
		active: new Uint8Array(buffer, at[4], shape.decisions * shape.networks),
		outcomes: new Float32Array(buffer, at[5], shape.networks * OUTCOME_SIZE),
		diverged: new Uint8Array(buffer, at[6], shape.networks),
		milliseconds: new Float64Array(buffer, at[7], 2),
	};
}

/** A filled slab as what the learner reads: no copy. */
export function slabTrajectory(task: TrainingTask, slab: TrajectorySlab): Trajectory {
	const { shape } = slab;
	return {
		task,
		decisions: shape.decisions,
		networks: shape.networks,
		agents: shape.agents,
		observations: slab.observations,
		actions: slab.actions,
		logProbabilities: slab.logProbabilities,
		rewards: slab.rewards,
		active: slab.active,
		outcomes: slab.outcomes,
		diverged: slab.diverged,
		milliseconds: { total: slab.milliseconds[0] as number, native: slab.milliseconds[1] as number },
	};
}

/** Slabs by position in the run's task list, reused from one run to the next while the shape stays the same. */
export class TrajectorySlabs {
	readonly #slabs: TrajectorySlab[] = [];

	take(position: number, shape: TrajectoryShape): TrajectorySlab {
		const kept = this.#slabs[position];
		if (kept !== undefined && kept.buffer.byteLength >= trajectoryBytes(shape)) {
			const slab = sameShape(kept.shape, shape) ? kept : openTrajectorySlab(shape, kept.buffer);
			this.#slabs[position] = slab;
			return slab;
		}
		const slab = openTrajectorySlab(shape);
		this.#slabs[position] = slab;
		return slab;
	}
}

function sameShape(a: TrajectoryShape, b: TrajectoryShape): boolean {
	return (
		a.decisions === b.decisions &&
		a.networks === b.networks &&
		a.agents === b.agents &&
		a.observationSize === b.observationSize &&
		a.continuous === b.continuous
	);
}
