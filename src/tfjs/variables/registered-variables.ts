import * as tf from '@tensorflow/tfjs';

/** tfjs's registry of existing variables: an object, so inherited keys such as `constructor` must not count as names. */

type Registered = Readonly<Record<string, tf.Variable>>;

function registered(): Registered {
	return tf.engine().registeredVariables as Registered;
}

/** The existing variable of this name. */
export function registeredVariable(name: string): tf.Variable | undefined {
	const variables = registered();
	return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

/**
 * Whether a variable still exists. `isDisposed` alone is not enough: `tf.disposeVariables()` leaves it false. A new variable under the
 * name of a disposed one is another variable.
 */
export function isRegistered(variable: tf.Variable): boolean {
	return !variable.isDisposed && registeredVariable(variable.name) === variable;
}

export function registeredVariables(): readonly tf.Variable[] {
	return Object.values(registered());
}
