import * as tf from '@tensorflow/tfjs';
import { checkObject, invalidArgument } from '../../arguments.js';
import { GannoError } from '../../errors.js';
import { withTfjsCopiesAdvice } from '../tfjs-copies.js';
import type { NamedTensor } from './optimizer-weights.js';
import { registeredVariable } from './registered-variables.js';

/** Gradients as tfjs's own optimisers accept them: anything that `variable - rate * gradient` is defined for. */

/** Types that tfjs converts to float32. */
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

/** The common case, checked without a call to tfjs, because it is part of every step. */
function isPlain(gradient: tf.Tensor | undefined, shape: readonly number[]): boolean {
	if (gradient?.dtype !== 'float32' || gradient.isDisposed || gradient.shape.length !== shape.length) return false;
	for (let axis = 0; axis < shape.length; axis++) if (gradient.shape[axis] !== shape[axis]) return false;
	return true;
}

/** @throws GannoError `INVALID_ARGUMENT` naming the variable, and both shapes where they do not fit */
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
 * The arguments of `applyGradients`, by variable; gradients that are null or undefined are left out.
 * @throws GannoError `INVALID_ARGUMENT` naming the variable that does not exist or has no valid gradient
 */
export function gradientsByVariable(variableGradients: tf.NamedTensorMap | NamedTensor[]): Map<tf.Variable, tf.Tensor> {
	checkObject(variableGradients, 'variableGradients');
	const named = Array.isArray(variableGradients)
		? variableGradients
		: Object.entries(variableGradients).map(([name, tensor]) => ({ name, tensor }));
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

/** A gradient that `checkGradient` accepts, broadcast to its variable's shape; inside a tidy. */
export function expandGradient(gradient: tf.Tensor, { shape, size }: tf.Variable): tf.Tensor {
	if (gradient.size === size) return gradient;
	if (size === 0) return tf.zeros(shape);
	return tf.broadcastTo(gradient.toFloat(), shape);
}
