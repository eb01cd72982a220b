import { OUTCOME_SIZE } from './trajectory-slab.js';

/** What decides the size of an episode's results. */
export interface EpisodeShape {
	readonly networks: number;
	readonly decisions: number;
	readonly layers: number;
	/** Parameters of a network, where they are wanted; absent: 0. */
	readonly parameters?: number;
}

/** The course of an episode, network by network. */
export interface EpisodeCourse {
	/** `[networks × (decisions + 1)]`: before the first step, then after every decision; a network that has ended keeps its last figure */
	readonly validationLoss: Float32Array;
	/** `[networks × (decisions + 1)]` */
	readonly validationAccuracy: Float32Array;
	/** `[networks × decisions × layers]`: mean of each interval; 0 where the network had ended */
	readonly learningRates: Float32Array;
	/** `[networks]`: highest of the test accuracies that were measured; NaN where none was */
	readonly bestTestAccuracy: Float32Array;
}

/** Results of one episode under a controller, in one SharedArrayBuffer. */
export interface EpisodeSlab {
	readonly buffer: SharedArrayBuffer;
	/** `[networks]` */
	readonly returns: Float32Array;
	/** `[networks × OUTCOME_SIZE]` */
	readonly outcomes: Float32Array;
	readonly course: EpisodeCourse;
	/** `[networks × parameters]` */
	readonly parameters: Float32Array;
	/** `[networks]` */
	readonly diverged: Uint8Array;
	/** `[2]`: wall milliseconds of the whole episode and of its native calls */
	readonly milliseconds: Float64Array;
}

export function openEpisodeSlab(shape: EpisodeShape, memory?: SharedArrayBuffer): EpisodeSlab {
	const { networks, decisions, layers, parameters: parameterCount = 0 } = shape;
	const points = networks * (decisions + 1);
	const sizes = [
		networks,
		networks * OUTCOME_SIZE,
		points,
		points,
		networks * decisions * layers,
		networks,
		networks * parameterCount,
	];
	const floats = sizes.reduce((sum, size) => sum + size, 0);
	const buffer = memory ?? new SharedArrayBuffer(16 + floats * 4 + networks);
	let offset = 16;
	const take = (size: number) => {
		const array = new Float32Array(buffer, offset, size);
		offset += array.byteLength;
		return array;
	};
	const [returns, outcomes, validationLoss, validationAccuracy, learningRates, bestTestAccuracy, parameters] =
		sizes.map(take) as { [key in keyof typeof sizes]: Float32Array } & Float32Array[];
	return {
		buffer,
		milliseconds: new Float64Array(buffer, 0, 2),
		returns,
		outcomes,
		parameters,
		course: { validationLoss, validationAccuracy, learningRates, bestTestAccuracy },
		diverged: new Uint8Array(buffer, offset, networks),
	};
}

/** Enters the state after `decision` decisions. */
export function writeCourse(
	{ course, diverged }: EpisodeSlab,
	decision: number,
	losses: ArrayLike<number>,
	accuracies: ArrayLike<number>,
): void {
	const networks = diverged.length;
	const points = course.validationLoss.length / networks;
	for (let n = 0; n < networks; n++) {
		course.validationLoss[n * points + decision] = losses[n] as number;
		course.validationAccuracy[n * points + decision] = accuracies[n] as number;
	}
}

/** From the last decision on nothing changed any more: every network had ended. */
export function holdCourse({ course, diverged }: EpisodeSlab, decision: number): void {
	const points = course.validationLoss.length / diverged.length;
	for (let n = 0; n < diverged.length; n++) {
		for (const values of [course.validationLoss, course.validationAccuracy]) {
			values.fill(values[n * points + decision] as number, n * points + decision + 1, (n + 1) * points);
		}
	}
}

/** Takes in a measurement on the test split. @param results `[networks × 2]` loss, accuracy */
export function noteTest({ course }: EpisodeSlab, results: Float32Array): void {
	const best = course.bestTestAccuracy;
	for (let n = 0; n < best.length; n++) {
		const accuracy = results[n * 2 + 1] as number;
		if (!((best[n] as number) >= accuracy)) best[n] = accuracy;
	}
}

/** Whether the test split is looked at after decision `decision` when `points` looks are spread evenly over an episode, the last at its end. */
export function isTestPoint(decision: number, decisions: number, points: number): boolean {
	return Math.floor((decision * points) / decisions) > Math.floor(((decision - 1) * points) / decisions);
}
