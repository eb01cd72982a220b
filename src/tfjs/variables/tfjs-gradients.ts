import * as tf from '@tensorflow/tfjs';
import { checkObject, invalidArgument } from '../../arguments.js';
import { GannoError } from '../../errors.js';
import { withTfjsCopiesAdvice } from '../tfjs-copies.js';
import type { NamedTensor } from './optimizer-weights.js';
import { registeredVariable } from './registered-variables.js';

/** What tfjs's own optimisers take for a gradient: anything that `variable - rate * gradient` makes sense of. */

/** Types that tfjs makes float32 of where they meet it. */
const REAL: readonly string[] = ['float32', 'int32', 'bool'];

/** Whether a tensor of shape `from`, repeated along the axes it lacks or has 1 of, has shape `to`. */
function broadcasts(from: readonly number[], to: readonly number[]): boolean {
	const lacking = to.length - from.length;
	if (lacking < 0) return false;
	for (let axis = 0; axis < from.length; axis++) {
		if (from[axis] !== 1 && from[axis] !== to[lacking + axis]) return false;
	}
	return true;
}

/** What nearly all gradients are, told without a call: this is part of every step. */
function isPlain(gradient: tf.Tensor | undefined, shape: readonly number[]): boolean {
	if (gradient?.dtype !== 'float32' || gradient.isDisposed || gradient.shape.length !== shape.length) return false;
	for (let axis = 0; axis < shape.length; axis++) if (gradient.shape[axis] !== shape[axis]) return false;
	return true;
}

/** @throws GannoError `INVALID_ARGUMENT` naming the variable, and both shapes where they are what is wrong */
function checkGradient(variable: tf.Variable, gradient: unknown): asserts gradient is tf.Tensor {
	if (isPlain(gradient as tf.Tensor | undefined, variable.shape)) return;
	const { name } = variable;
	if (!(gradient instanceof tf.Tensor)) throw invalidArgument('a tensor', `the gradient of ${name}`, gradient);
	if (gradient.isDisposed) {
		throw new GannoError('INVALID_ARGUMENT', `The gradient of ${name} was disposed before it was applied`);
	}
	if (!REAL.includes(gradient.dtype)) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The gradient of ${name} is of type ${gradient.dtype}; it must be one of ${REAL.join(', ')}`,
		);
	}
	if (!broadcasts(gradient.shape, variable.shape)) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The gradient of ${name} has shape [${gradient.shape.join(', ')}], which does not broadcast to the variable's, ` +
				`[${variable.shape.join(', ')}]`,
		);
	}
}

/**
 * What `applyGradients` is given, by the variables themselves; gradients that are null or undefined are none.
 * @throws GannoError `INVALID_ARGUMENT` naming the variable that does not exist or whose gradient is no such thing
 */
export function gradientsByVariable(given: tf.NamedTensorMap | NamedTensor[]): Map<tf.Variable, tf.Tensor> {
	checkObject(given, 'variableGradients');
	const named = Array.isArray(given) ? given : Object.entries(given).map(([name, tensor]) => ({ name, tensor }));
	const gradients = new Map<tf.Variable, tf.Tensor>();
	for (const { name, tensor } of named) {
		if (tensor == null) continue;
		const variable = registeredVariable(name);
		if (variable === undefined) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				withTfjsCopiesAdvice(`There is a gradient for '${name}', but tfjs knows no variable of that name (any more)`),
			);
		}
		checkGradient(variable, tensor);
		gradients.set(variable, tensor);
	}
	return gradients;
}

/** A gradient that `checkGradient` lets pass, in its variable's shape; inside a tidy. */
export function expandGradient(gradient: tf.Tensor, { shape, size }: tf.Variable): tf.Tensor {
	if (gradient.size === size) return gradient;
	if (size === 0) return tf.zeros(shape);
	return tf.broadcastTo(gradient.toFloat(), shape);
}
