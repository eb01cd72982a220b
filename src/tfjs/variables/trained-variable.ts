import type * as tf from '@tensorflow/tfjs';
import type { BoundVariables } from './bound-variables.js';
import type { VariableState } from './variable-state.js';

/** A variable as an optimiser keeps it, whatever sets of variables it takes steps in. */
export class TrainedVariable {
	readonly variable: tf.Variable;
	/** Master copy of its values, in host memory. */
	readonly parameters: Float32Array;
	/** Copy of the gradient of the current step. */
	readonly gradients: Float32Array;
	/** The data that the variable had when it was last equal to its master copy. */
	seen: object | undefined;
	/** Its state, or the set that it took its last step in, whose optimiser has it. Undefined: it starts anew. */
	state: BoundVariables | VariableState | undefined;

	constructor(variable: tf.Variable) {
		this.variable = variable;
		this.parameters = new Float32Array(variable.size);
		this.gradients = new Float32Array(variable.size);
	}
}
