import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';
import { useBackend } from '../support/tfjs-models.js';

/** Gradients of other shapes and types than their variables': what tf.train.sgd makes of them, or an error. */

const FULL = process.env.GANNO_TEST_FULL !== undefined;
const RATE = 0.5; // a power of 2: with whole numbers both results are exact

type DType = 'float32' | 'int32' | 'bool';

interface Case {
	readonly variable: readonly number[];
	readonly gradient: readonly number[];
	readonly dtype: DType;
}

const shape = (maxLength: number) => fc.array(fc.integer({ min: 1, max: 3 }), { maxLength });
const cases: fc.Arbitrary<Case> = shape(4).chain((variable) =>
	fc.record({
		variable: fc.constant(variable),
		gradient: fc.oneof(
			shape(5),
			// One that broadcasts, or nearly: axes dropped in front, others made 1.
			fc
				.tuple(fc.nat(variable.length), fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }))
				.map(([dropped, ones]) => variable.slice(dropped).map((size, axis) => (ones[axis]! ? 1 : size))),
		),
		dtype: fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const),
	}),
);

let made = 0;

/** What a step makes of a variable that begins as 1, 2, 3, …; undefined: an error. */
function stepped(optimizer: tf.Optimizer, { variable, gradient, dtype }: Case): { values: number[]; error?: unknown } {
	const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);
	const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
	const w = tf.tidy(() => tf.variable(tf.tensor(numbers(size(variable)), [...variable]), true, `shaped${made++}`));
	const values = numbers(size(gradient)).map((value) => (dtype === 'bool' ? value % 2 : value));
	const g = tf.tensor(values, [...gradient], dtype);
	let error: unknown;
	try {
		optimizer.applyGradients({ [w.name]: g });
	} catch (thrown) {
		error = thrown;
	}
	const result = { values: [...w.dataSync()], error };
	tf.dispose([w, g]);
	return result;
}

describe.each(['cpu', 'wasm'] as const)('A gradient on %s', (backend) => {
	beforeAll(() => useBackend(backend));

	it('of any shape and type does what it does to tf.train.sgd: broadcast, or an error that leaves the variable alone', () => {
		const ours = new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: RATE });
		const theirs = tf.train.sgd(RATE);
		let refused = 0;
		let broadcast = 0;
		fc.assert(
			fc.property(cases, (given) => {
				const expected = stepped(theirs, given);
				const { values, error } = stepped(ours, given);
				expect(values).toEqual(expected.values);
				if (expected.error === undefined) {
					expect(error).toBeUndefined();
					if (!tf.util.arraysEqual([...given.variable], [...given.gradient])) broadcast++;
					return;
				}
				refused++;
				expect(error).toMatchObject({ name: 'GannoError', code: 'INVALID_ARGUMENT' });
				expect((error as Error).message).toContain(`shape [${given.gradient.join(', ')}]`);
				expect((error as Error).message).toContain(`[${given.variable.join(', ')}]`);
			}),
			{ numRuns: FULL ? 5000 : 300 },
		);
		expect(Math.min(refused, broadcast)).toBeGreaterThan(50);
		ours.dispose();
		theirs.dispose();
	});

	it('that broadcasts leaves nothing of the step before, nor a tensor', () => {
		const w = tf.variable(tf.zeros([4]), true, `stale_${backend}`);
		const none = tf.variable(tf.zeros([0, 3]), true, `none_${backend}`);
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: 1 });
		const [first, scalar, row] = [tf.tensor1d([1, 2, 3, 4]), tf.scalar(0.5), tf.ones([1, 3])];
		optimizer.applyGradients({ [w.name]: first });
		const before = tf.memory().numTensors;
		optimizer.applyGradients({ [w.name]: scalar });
		expect([...w.dataSync()]).toEqual([-1.5, -2.5, -3.5, -4.5]);
		optimizer.applyGradients({ [w.name]: scalar, [none.name]: row });
		expect(tf.memory().numTensors).toBe(before);
		optimizer.dispose();
		tf.dispose([w, none, first, scalar, row]);
	});

	it('that is none, or gone, or not of real numbers is refused by its variable’s name', () => {
		const w = tf.variable(tf.zeros([2]), true, `refused_${backend}`);
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd' });
		const disposed = tf.zeros([2]);
		disposed.dispose();
		const text = tf.tensor1d(['a', 'b']);
		const bad: [RegExp, unknown][] = [
			[/Expected a tensor for the gradient of refused_\w+ but received Array\(2\)/, [1, 2]],
			[/Expected a tensor for the gradient of refused_\w+ but received Promise/, Promise.resolve(1)],
			[/gradient of refused_\w+ was disposed/, disposed],
			[/gradient of refused_\w+ is of type string/, text],
		];
		for (const [message, gradient] of bad) {
			expect(() => optimizer.applyGradients({ [w.name]: gradient as tf.Tensor })).toThrow(message);
		}
		expect(() => optimizer.applyGradients(null as never)).toThrow(/variableGradients/);
		expect([...w.dataSync()]).toEqual([0, 0]);
		tf.dispose([w, text]);
	});
});
