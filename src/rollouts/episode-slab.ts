import { OUTCOME_SIZE } from './trajectory-slab.js';

/** Results of one episode under a controller, in one SharedArrayBuffer. */
export interface EpisodeSlab {
	readonly buffer: SharedArrayBuffer;
	/** `[networks]` */
	readonly returns: Float32Array;
	/** `[networks × OUTCOME_SIZE]` */
	readonly outcomes: Float32Array;
	/** `[networks]` */
	readonly diverged: Uint8Array;
	/** `[2]`: wall milliseconds of the whole episode and of its native calls */
	readonly milliseconds: Float64Array;
}

export function openEpisodeSlab(
	networks: number,
	buffer: SharedArrayBuffer = new SharedArrayBuffer(16 + networks * (4 + OUTCOME_SIZE * 4 + 1)),
): EpisodeSlab {
	const outcomesAt = 16 + networks * 4;
	return {
		buffer,
		milliseconds: new Float64Array(buffer, 0, 2),
		returns: new Float32Array(buffer, 16, networks),
		outcomes: new Float32Array(buffer, outcomesAt, networks * OUTCOME_SIZE),
		diverged: new Uint8Array(buffer, outcomesAt + networks * OUTCOME_SIZE * 4, networks),
	};
}
