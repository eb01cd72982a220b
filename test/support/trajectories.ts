import type { Trajectory } from '../../src/learner/trajectory.js';
import { PhiloxGenerator } from '../../src/philox.js';
import type { TrainingTask } from '../../src/tasks/task.js';

export interface TrajectoryShape {
	readonly decisions: number;
	readonly networks: number;
	readonly agents: number;
	readonly observationSize: number;
	readonly actions: number;
	readonly seed?: number;
}

/** A task of so many networks; the agents' tests look at nothing else of it. */
export function taskOf(decisions: number, networks: number, layers: number): TrainingTask {
	return {
		index: 0,
		spec: { input: [1, 1, 1], layers: Array.from({ length: layers }, () => ({ type: 'dense', units: 2 }) as const) },
		optimizer: { algorithm: 'adam' },
		batchSize: 1,
		horizon: decisions,
		interval: 1,
		networks: Array.from({ length: networks }, (_, seed) => ({ seed, learningRate: 0.001 })),
	};
}

/** A trajectory of random numbers, all of it active. */
export function trajectoryOf(shape: TrajectoryShape): Trajectory {
	const { decisions, networks, agents, observationSize, actions } = shape;
	const generator = new PhiloxGenerator(shape.seed ?? 1, 'environment');
	const rows = decisions * networks * agents;
	const floats = (length: number, scale: number): Float32Array =>
		Float32Array.from({ length }, () => generator.uniform(-scale, scale));
	return {
		task: taskOf(decisions, networks, agents),
		decisions,
		networks,
		agents,
		observations: floats(rows * observationSize, 3),
		actions: Uint8Array.from({ length: rows }, () => generator.nextInteger(actions)),
		logProbabilities: floats(rows, 0.1).map((x) => x - Math.log(actions)),
		rewards: floats(rows, 1),
		active: new Uint8Array(decisions * networks).fill(1),
		outcomes: new Float32Array(networks * 5),
		diverged: new Uint8Array(networks),
		milliseconds: { total: 0, native: 0 },
	};
}
