import { inferShapes } from '../networks/shapes.js';
import type { NetworkSpec } from '../networks/spec.js';

/** Passes of a training step, in units of the forward pass: one forward, and one backward for the inputs and one for the weights. */
const TRAINING_PASSES = 3;

/** Multiply–adds of one image's forward pass. */
export function forwardCost(spec: NetworkSpec): number {
	const { operations, layers } = inferShapes(spec);
	let cost = 0;
	let trainable = 0;
	for (const { layer, to } of operations) {
		if (layer.type !== 'dense' && layer.type !== 'conv') continue;
		const [height, width] = to;
		cost += layers[trainable++]!.weightShape.reduce((product, edge) => product * edge, height * width);
	}
	return cost;
}

/** Cost of a network's episode in forward passes: its training, and a validation at every decision. */
export function episodePasses(batchSize: number, horizon: number, decisions: number, validationSize: number): number {
	return TRAINING_PASSES * batchSize * horizon + validationSize * decisions;
}
