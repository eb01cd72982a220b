import { inferShapes } from '../networks/shapes.js';
import type { NetworkSpec } from '../networks/spec.js';

/** Passes of a training step, in units of the forward pass: one forward, and one backward for the inputs and one for the weights. */
const PASSES = 3;

/** Multiply–adds of one image in training, forward and backward: what decides how long a step of a network takes, roughly. */
export function trainingCost(spec: NetworkSpec): number {
	const { outputs, layers } = inferShapes(spec);
	let forward = 0;
	let trainable = 0;
	for (const [i, { type }] of spec.layers.entries()) {
		if (type !== 'dense' && type !== 'conv') continue;
		const [height, width] = outputs[i]!;
		const weights = layers[trainable++]!.weightShape.reduce((product, edge) => product * edge, 1);
		forward += weights * height * width;
	}
	return PASSES * forward;
}
