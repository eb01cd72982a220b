import * as tf from '@tensorflow/tfjs';
import { invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';

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
export function checkGradient(variable: tf.Variable, gradient: unknown): asserts gradient is tf.Tensor {
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

/** A gradient that `checkGradient` lets pass, in its variable's shape; inside a tidy. */
export function expandGradient(gradient: tf.Tensor, { shape, size }: tf.Variable): tf.Tensor {
	if (gradient.size === size) return gradient;
	if (size === 0) return tf.zeros(shape);
	return tf.broadcastTo(gradient.toFloat(), shape);
}
