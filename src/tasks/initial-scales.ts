import { PhiloxGenerator } from '../philox.js';

/** Sub-sequence of Philox stream `task`, of the network's own seed, so that other choices stay the same. */
const SEQUENCE = 2 ** 46;

/**
 * Factors of a network's initial weights: 10^U(−decades, decades) a layer, over their geometric mean. Their product is 1: a ReLU network
 * without biases computes the same function, from layers that are out of balance.
 * @returns `[layers]`; undefined for networks that keep their initialiser's weights
 */
export function drawInitialScales(seed: number, layers: number, decades: number, share: number): number[] | undefined {
	const generator = new PhiloxGenerator(seed, 'task', SEQUENCE);
	if (generator.nextFloat() >= share || decades === 0) return undefined;
	const drawn = Array.from({ length: layers }, () => generator.uniform(-decades, decades));
	const mean = drawn.reduce((sum, value) => sum + value, 0) / layers;
	return drawn.map((value) => 10 ** (value - mean));
}
