import { type AgentSpaceOptions, resolveAgentSpaces } from '../environment/agent-spaces.js';
import { agentCount } from '../environment/observations/observer.js';
import type { Trajectory } from '../learner/trajectory.js';
import { inferShapes } from '../networks/shapes.js';
import { isContinuous } from '../policy/choose-actions.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { TrainingTask } from '../tasks/task.js';
import { OUTCOME_SIZE } from './episodes/outcomes.js';

/** The size of one rollout's result; equal shapes share buffers. */
export interface TrajectoryShape {
	readonly decisions: number;
	readonly networks: number;
	readonly agents: number;
	readonly observationSize: number;
	/** Actions are real numbers; absent: categories. */
	readonly continuous?: boolean;
}

/** Of the trajectory of a task under a policy. */
export function trajectoryShape(
	task: TrainingTask,
	policy: PolicySnapshot,
	environment: AgentSpaceOptions,
): TrajectoryShape {
	return {
		decisions: task.horizon / task.interval,
		networks: task.networks.length,
		agents: agentCount(resolveAgentSpaces(environment).granularity, inferShapes(task.spec).layers.length),
		observationSize: policy.spec.observationSize,
		...(isContinuous(policy.spec) ? { continuous: true } : {}),
	};
}

/** One SharedArrayBuffer that holds a whole trajectory. Made once, then written by whichever worker runs the rollout. */
export interface TrajectoryBuffer
	extends Omit<Trajectory, 'task' | 'decisions' | 'networks' | 'agents' | 'milliseconds'> {
	readonly shape: TrajectoryShape;
	readonly memory: SharedArrayBuffer;
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

/** Bytes of the buffer of a shape. */
export function trajectoryBytes(shape: TrajectoryShape): number {
	return offsets(shape).at(-1) as number;
}

/**
 * The arrays of a buffer.
 * @param memory at least {@link trajectoryBytes} long; absent: a new one
 */
export function openTrajectoryBuffer(
	shape: TrajectoryShape,
	memory: SharedArrayBuffer = new SharedArrayBuffer(trajectoryBytes(shape)),
): TrajectoryBuffer {
	const at = offsets(shape);
	const entries = shape.decisions * shape.networks * shape.agents;
	return {
		shape,
		memory,
		observations: new Float32Array(memory, at[0], entries * shape.observationSize),
		actions:
			shape.continuous === true ? new Float32Array(memory, at[1], entries) : new Uint8Array(memory, at[1], entries),
		logProbabilities: new Float32Array(memory, at[2], entries),
		rewards: new Float32Array(memory, at[3], entries),
		active: new Uint8Array(memory, at[4], shape.decisions * shape.networks),
		outcomes: new Float32Array(memory, at[5], shape.networks * OUTCOME_SIZE),
		diverged: new Uint8Array(memory, at[6], shape.networks),
		milliseconds: new Float64Array(memory, at[7], 2),
	};
}

/** A filled buffer as what the learner reads: no copy. */
export function bufferTrajectory(task: TrainingTask, buffer: TrajectoryBuffer): Trajectory {
	const { shape, memory: _, milliseconds, ...arrays } = buffer;
	const { decisions, networks, agents } = shape;
	const [total = 0, native = 0] = milliseconds;
	return { task, decisions, networks, agents, ...arrays, milliseconds: { total, native } };
}

/** Buffers by position in the run's task list, reused from one run to the next while the shape stays the same. */
export class TrajectoryBuffers {
	readonly #buffers: TrajectoryBuffer[] = [];

	take(position: number, shape: TrajectoryShape): TrajectoryBuffer {
		const kept = this.#buffers[position];
		if (kept !== undefined && kept.memory.byteLength >= trajectoryBytes(shape)) {
			const buffer = sameShape(kept.shape, shape) ? kept : openTrajectoryBuffer(shape, kept.memory);
			this.#buffers[position] = buffer;
			return buffer;
		}
		const buffer = openTrajectoryBuffer(shape);
		this.#buffers[position] = buffer;
		return buffer;
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
