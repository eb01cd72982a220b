import type * as tf from '@tensorflow/tfjs';
import { invalidArgument } from '../../arguments.js';
import { GannoError } from '../../errors.js';

/** A layer of tfjs variables, which share one learning rate. */
export interface VariableLayer {
	readonly name: string;
	readonly variables: readonly tf.Variable[];
	/** `conv` where a variable has a window: rank 3 or more. */
	readonly type: 'dense' | 'conv';
}

/**
 * Groups variables into layers, in the order in which layers first appear.
 * @throws GannoError `INVALID_ARGUMENT` for a variable that is not float32 or a layer name that is not a string
 */
export function groupVariables(variables: readonly tf.Variable[], layerOf: (name: string) => string): VariableLayer[] {
	const groups = new Map<string, tf.Variable[]>();
	for (const variable of variables) {
		if (variable.dtype !== 'float32') {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The variable ${variable.name} is of type ${variable.dtype}; only float32 variables can be trained`,
			);
		}
		const layer: unknown = layerOf(variable.name);
		if (typeof layer !== 'string') throw invalidArgument('a string', `layerOf('${variable.name}')`, layer);
		groups.set(layer, [...(groups.get(layer) ?? []), variable]);
	}
	return [...groups].map(([name, members]) => ({
		name,
		variables: members,
		type: members.some(({ shape }) => shape.length >= 3) ? 'conv' : 'dense',
	}));
}
