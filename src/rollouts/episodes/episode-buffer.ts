import { OUTCOME_SIZE } from './outcomes.js';

/** What decides the size of an episode's results. */
export interface EpisodeShape {
	readonly networks: number;
	readonly decisions: number;
	readonly layers: number;
	/** Parameters of a network, where they are wanted; absent: 0. */
	readonly parameters?: number;
}

/** The history of an episode, network by network. */
export interface EpisodeHistory {
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
export interface EpisodeBuffer {
	readonly memory: SharedArrayBuffer;
	/** `[networks]` */
	readonly returns: Float32Array;
	/** `[networks × OUTCOME_SIZE]` */
	readonly outcomes: Float32Array;
	readonly history: EpisodeHistory;
	/** `[networks × parameters]` */
	readonly parameters: Float32Array;
	/** `[networks]` */
	readonly diverged: Uint8Array;
	/** `[2]`: wall milliseconds of the whole episode and of its native calls */
	readonly milliseconds: Float64Array;
}

export function openEpisodeBuffer(shape: EpisodeShape, given?: SharedArrayBuffer): EpisodeBuffer {
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
	const memory = given ?? new SharedArrayBuffer(16 + floats * 4 + networks);
	let offset = 16;
	const take = (size: number) => {
		const array = new Float32Array(memory, offset, size);
		offset += array.byteLength;
		return array;
	};
	const [returns, outcomes, validationLoss, validationAccuracy, learningRates, bestTestAccuracy, parameters] =
		sizes.map(take) as { [key in keyof typeof sizes]: Float32Array } & Float32Array[];
	return {
		memory,
		milliseconds: new Float64Array(memory, 0, 2),
		returns,
		outcomes,
		parameters,
		history: { validationLoss, validationAccuracy, learningRates, bestTestAccuracy },
		diverged: new Uint8Array(memory, offset, networks),
	};
}
