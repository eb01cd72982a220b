import * as tf from '@tensorflow/tfjs';

/** tfjs's own list of the variables that live, which it keeps as an object: `constructor` is a name in it only if a variable has it. */

type Registered = Readonly<Record<string, tf.Variable>>;

function registered(): Registered {
	return tf.engine().registeredVariables as Registered;
}

/** The living variable of this name. */
export function registeredVariable(name: string): tf.Variable | undefined {
	const variables = registered();
	return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

/**
 * Whether a variable still lives. `isDisposed` alone does not tell: `tf.disposeVariables()` leaves it false. A variable made anew under
 * the name of one that was disposed is another variable.
 */
export function isRegistered(variable: tf.Variable): boolean {
	return !variable.isDisposed && registeredVariable(variable.name) === variable;
}

export function registeredVariables(): readonly tf.Variable[] {
	return Object.values(registered());
}
