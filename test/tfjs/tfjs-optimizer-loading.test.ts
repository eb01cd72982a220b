import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';
import { useBackend } from '../support/tfjs-models.js';
import { checkpoint, firstMoments, savedModel, stepCounts } from '../support/tfjs-states.js';

/** Whose the states of a checkpoint are, when the variables are not quite those that were saved. */

const momentum = () => new LayerwiseTfOptimizer({ algorithm: 'momentum', learningRate: 0 });
const variable = (name: string | undefined, size = 2) => tf.variable(tf.zeros([size]), true, name);

/** A step of each variable on its own number; with learning rate 0 and a fresh state its velocity is that number. */
function push(optimizer: LayerwiseTfOptimizer, ...steps: (readonly [tf.Variable, number])[]): void {
	tf.tidy(() =>
		optimizer.applyGradients(steps.map(([{ name, shape }, g]) => ({ name, tensor: tf.fill([...shape], g) }))),
	);
}

/** A new optimiser with the state of one that pushed variables of these names. */
async function loadedWith(...saved: (readonly [string, number])[]): Promise<LayerwiseTfOptimizer> {
	const [trained, optimizer] = [momentum(), momentum()];
	const variables = saved.map(([name, g]) => [variable(name), g] as const);
	push(trained, ...variables);
	await optimizer.setWeights(await checkpoint(trained));
	tf.dispose(variables.map(([v]) => v));
	return optimizer;
}

async function velocities(optimizer: LayerwiseTfOptimizer): Promise<Record<string, number | undefined>> {
	const moments = firstMoments(await optimizer.getWeights());
	return Object.fromEntries([...moments].map(([name, [first]]) => [name, first && Math.round(first * 1e5) / 1e5]));
}

beforeAll(() => useBackend('cpu'));

const warnings: string[] = [];
beforeEach(() => {
	warnings.length = 0;
	vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(`${warning}`));
});
afterEach(() => {
	vi.restoreAllMocks();
	tf.disposeVariables();
});

describe('A model saved with its LayerwiseTfOptimizer', () => {
	const dense = (name?: string, units = 3) =>
		tf.layers.dense({
			...(name === undefined ? {} : { name }),
			units,
			inputShape: [3],
			kernelInitializer: 'glorotUniform',
		});
	const data = () =>
		[tf.randomNormal([8, 3], 0, 1, 'float32', 1), tf.randomNormal([8, 3], 0, 1, 'float32', 2)] as const;
	const compiled = (model: tf.Sequential, optimizer: LayerwiseTfOptimizer) => {
		model.compile({ optimizer, loss: 'meanSquaredError' });
		return model;
	};
	const train = async (model: tf.LayersModel, steps: number) => {
		const [xs, ys] = data();
		for (let t = 0; t < steps; t++) await model.trainOnBatch(xs, ys);
	};
	const values = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
	const adam = () => new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 1e-2 });

	it('is loaded beside the original, its first layer frozen: each layer goes on with its own moments', async () => {
		const names = ['a', 'b', 'c'];
		const model = compiled(tf.sequential({ layers: names.map((name) => dense(name)) }), adam());
		await train(model, 20);
		const before = firstMoments(await checkpoint(model.optimizer as LayerwiseTfOptimizer));
		const loaded = (await tf.loadLayersModel(tf.io.fromMemory(await savedModel(model)))) as tf.Sequential;
		(loaded.layers[0] as tf.layers.Layer).trainable = false;
		compiled(loaded, loaded.optimizer as LayerwiseTfOptimizer);
		const [xs, ys] = data();
		const { grads } = tf.variableGrads(() => tf.losses.meanSquaredError(ys, loaded.predict(xs) as tf.Tensor));
		await train(loaded, 1);
		const after = firstMoments(await checkpoint(loaded.optimizer as LayerwiseTfOptimizer));
		for (const own of ['b/kernel', 'b/bias', 'c/kernel', 'c/bias']) {
			const now = [...after].find(([name]) => name.startsWith(own))!;
			const gradient = grads[now[0]]!.dataSync();
			for (const [i, value] of now[1].entries()) {
				expect(value, own).toBeCloseTo(0.9 * before.get(own)![i]! + 0.1 * gradient[i]!, 6);
			}
		}
		// The frozen layer's are kept for the day it is thawed.
		expect(after.get('a/kernel')).toEqual(before.get('a/kernel'));
		(loaded.layers[0] as tf.layers.Layer).trainable = true;
		compiled(loaded, loaded.optimizer as LayerwiseTfOptimizer);
		await train(loaded, 1);
		const steps = stepCounts(await checkpoint(loaded.optimizer as LayerwiseTfOptimizer));
		expect(new Set(steps.keys())).toEqual(new Set(loaded.trainableWeights.map(({ name }) => name)));
		expect(warnings).toEqual([]);
	});

	it('is loaded and saved again before it is trained: nothing is lost', async () => {
		const model = compiled(tf.sequential({ layers: [dense('p'), dense('q')] }), adam());
		await train(model, 3);
		const saved = await savedModel(model);
		const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved));
		const again = await savedModel(loaded);
		expect(again.weightSpecs).toEqual(saved.weightSpecs);
		expect(new Uint8Array(again.weightData as ArrayBuffer)).toEqual(new Uint8Array(saved.weightData as ArrayBuffer));
		const third = await tf.loadLayersModel(tf.io.fromMemory(again));
		await train(model, 3);
		await train(third, 3);
		expect(values(third)).toEqual(values(model));
	});

	it('is built again under other automatic names: takes the moments by position', async () => {
		const build = () => compiled(tf.sequential({ layers: [dense(), dense(), dense()] }), adam());
		const model = build();
		await train(model, 5);
		const twin = build();
		expect(twin.trainableWeights[0]!.name).not.toBe(model.trainableWeights[0]!.name);
		twin.setWeights(model.getWeights());
		await twin.optimizer.setWeights(await checkpoint(model.optimizer as LayerwiseTfOptimizer));
		await train(model, 3);
		await train(twin, 3);
		expect(values(twin)).toEqual(values(model));
		expect(warnings).toEqual([]);
	});

	it('gets a new head of the same shape: the body goes on, the head starts anew, and a warning says so', async () => {
		const model = compiled(tf.sequential({ layers: [dense('body'), dense()] }), adam());
		await train(model, 5);
		const loaded = await tf.loadLayersModel(tf.io.fromMemory(await savedModel(model)));
		const body = (loaded as tf.Sequential).layers[0] as tf.layers.Layer;
		const tuned = compiled(tf.sequential({ layers: [body, dense()] }), loaded.optimizer as LayerwiseTfOptimizer);
		await train(tuned, 1);
		const steps = stepCounts(await checkpoint(tuned.optimizer as LayerwiseTfOptimizer));
		expect(tuned.trainableWeights.map(({ name }) => steps.get(name))).toEqual([6, 6, 1, 1]);
		expect(warnings).toHaveLength(1);
		expect(warnings[0]).toMatch(/nothing that is certainly that of dense_Dense\d+\/kernel \[3, 3\].* anew/);
	});

	it.each(['sgd', 'momentum', 'rmsprop', 'adam', 'lamb'] as const)(
		'goes on with %s when variables are grouped in another way',
		async (algorithm) => {
			const layerOf = (name: string) => (name.includes('bias') ? 'biases' : 'kernels');
			const optimizer = new LayerwiseTfOptimizer({ algorithm, learningRate: 1e-2, layerOf });
			const model = compiled(tf.sequential({ layers: ['u', 'v'].map((name) => dense(name)) }), optimizer);
			await train(model, 5);
			const loaded = await tf.loadLayersModel(tf.io.fromMemory(await savedModel(model)));
			const one = new LayerwiseTfOptimizer({ algorithm, learningRate: 1e-2, layerOf });
			await one.setWeights(await checkpoint(loaded.optimizer as LayerwiseTfOptimizer));
			compiled(loaded as tf.Sequential, one);
			await train(model, 2);
			await train(loaded, 2);
			expect(values(loaded)).toEqual(values(model));
		},
	);
});

describe('A loaded state finds its variable', () => {
	it('by the very name first, then by the name without the suffix that tfjs adds', async () => {
		const optimizer = await loadedWith(['a/w', 1], ['b/w_4', 2], ['c/w', 3]);
		const [a, b, c] = [variable('a/w_1'), variable('b/w'), variable('c/w')];
		push(optimizer, [c, 0], [b, 0], [a, 0]);
		expect(await velocities(optimizer)).toEqual({ 'c/w': 2.7, 'b/w': 1.8, 'a/w_1': 0.9 });
		expect(warnings).toEqual([]);
	});

	it('at whatever step it joins', async () => {
		const optimizer = await loadedWith(['a', 1], ['b', 2], ['c', 3]);
		const [a, b, c] = [variable('a'), variable('b'), variable('c')];
		push(optimizer, [b, 0]);
		push(optimizer, [b, 0], [c, 0]);
		push(optimizer, [a, 0]);
		expect(await velocities(optimizer)).toEqual({ b: 1.62, c: 2.7, a: 0.9 });
	});

	it('in the order of tfjs’s numbers where several have one name, as many as were saved', async () => {
		const optimizer = await loadedWith(['cells/w', 1], ['cells/w_1', 2], ['other/w', 3]);
		const [two, three] = [variable('cells/w_2'), variable('cells/w_3')];
		push(optimizer, [three, 0], [two, 0]);
		expect(await velocities(optimizer)).toEqual({ 'cells/w_3': 1.8, 'cells/w_2': 0.9, 'other/w': 3 });
	});

	it.each([
		['one variable for two states', ['w/k', 'w/k_1'], ['w/k_2']],
		['two variables for one state', ['w/k'], ['w/k_1', 'w/k_2']],
		['names of one’s own that share a stem', ['v1'], ['v2']],
		['names that share nothing', ['x'], ['y']],
		['as many states as variables, names of one’s own', ['x', 'y'], ['p', 'q']],
	])('or nobody, where it is not certain whose it is: %s', async (_, saved, own) => {
		const optimizer = await loadedWith(...saved.map((name) => [name, 1] as const));
		const variables = own.map((name) => variable(name));
		push(optimizer, ...variables.map((v) => [v, 0] as const));
		const now = await velocities(optimizer);
		for (const name of own) expect(now[name]).toBe(0);
		for (const name of saved) expect(now[name]).toBe(1); // kept, not lost
		expect(warnings).toHaveLength(1);
		push(optimizer, [variable('late'), 0]);
		expect(warnings).toHaveLength(1);
	});

	it('and is left to the living variable of the very name, which may join later', async () => {
		const trained = momentum();
		const [early, late] = [variable('v_1'), variable('v_2')];
		push(trained, [early, 1]);
		const optimizer = momentum();
		await optimizer.setWeights(await checkpoint(trained));
		push(optimizer, [late, 0]);
		push(optimizer, [early, 0]);
		expect(await velocities(optimizer)).toEqual({ v_2: 0, v_1: 0.9 });
	});

	it('and is left to a frozen variable of the very name, though the other one has its automatic name', async () => {
		const trained = momentum();
		const [frozen, head] = [variable('dense_Dense1/kernel'), variable('dense_Dense1/kernel_1')];
		push(trained, [frozen, 1]);
		frozen.trainable = false;
		const optimizer = momentum();
		await optimizer.setWeights(await checkpoint(trained));
		push(optimizer, [head, 0]);
		push(optimizer, [frozen, 0]);
		expect(await velocities(optimizer)).toEqual({ [head.name]: 0, [frozen.name]: 0.9 });
	});

	it('by position among variables that tfjs numbered', async () => {
		const trained = momentum();
		push(trained, [variable(undefined), 1], [variable(undefined), 2]);
		const optimizer = momentum();
		await optimizer.setWeights(await checkpoint(trained));
		const [one, two] = [variable(undefined), variable(undefined)];
		push(optimizer, [one, 0], [two, 0]);
		expect(await velocities(optimizer)).toEqual({ [one.name]: 0.9, [two.name]: 1.8 });
	});

	it('only in its own shape: a variable of another shape starts anew', async () => {
		const optimizer = await loadedWith(['head', 1], ['body', 2]);
		const [head, body] = [variable('head', 5), variable('body')];
		push(optimizer, [head, 3], [body, 0]);
		push(optimizer, [head, 0], [body, 0]);
		expect(await velocities(optimizer)).toEqual({ head: 2.7, body: 1.62 });
		expect(warnings).toHaveLength(1);
		expect(warnings[0]).toMatch(/nothing that is certainly that of head \[5\]: it starts anew/);
	});
});

describe('setWeights', () => {
	it('replaces the state of every variable, those that sit out too', async () => {
		const optimizer = momentum();
		const [a, b, c] = [variable('a'), variable('b'), variable('c')];
		push(optimizer, [a, 1], [b, 2]);
		const early = await checkpoint(optimizer);
		push(optimizer, [a, 10]);
		push(optimizer, [c, 5]);
		await optimizer.setWeights(early);
		expect(await velocities(optimizer)).toEqual({ a: 1, b: 2 });
		expect(optimizer.iterations).toBe(1);
		push(optimizer, [a, 0]);
		push(optimizer, [c, 0]);
		push(optimizer, [a, 0], [b, 0]);
		expect(await velocities(optimizer)).toEqual({ a: 0.81, b: 1.8, c: 0 });
		expect(stepCounts(await optimizer.getWeights())).toEqual(
			new Map([
				['a', 3],
				['b', 2],
				['c', 1],
			]),
		);
	});

	it('refuses what is not such a state, and changes nothing then', async () => {
		const optimizer = momentum();
		const a = variable('a');
		push(optimizer, [a, 1]);
		const sound = await checkpoint(optimizer);
		const scalar = (value: number) => tf.scalar(value, 'int32');
		const [iter, steps, moment] = sound as [(typeof sound)[0], (typeof sound)[0], (typeof sound)[0]];
		const bad: [RegExp, unknown][] = [
			[/not an array/, undefined],
			[/first is not 'iter'/, []],
			[/'iter' is -1/, [{ name: 'iter', tensor: scalar(-1) }]],
			[/second is not 'steps'/, [iter, moment]],
			[/0 moments for 1 variable, not 1 each/, [iter, steps]],
			[/not a count of steps/, [iter, { name: 'steps', tensor: tf.tensor1d([-2], 'int32') }, moment]],
			[/where 'b\/moment1' is due, there is 'b'/, [iter, steps, { ...moment, name: 'b' }]],
			[/is of type int32/, [iter, steps, { ...moment, tensor: tf.tensor1d([1, 2], 'int32') }]],
			[
				/two variables have the same name/,
				[iter, { name: 'steps', tensor: tf.tensor1d([1, 1], 'int32') }, moment, moment],
			],
		];
		for (const [message, weights] of bad) {
			await expect(optimizer.setWeights(weights as never)).rejects.toThrow(message);
			await expect(optimizer.setWeights(weights as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		}
		expect(await velocities(optimizer)).toEqual({ a: 1 });
		optimizer.dispose();
		await expect(optimizer.setWeights(sound)).rejects.toMatchObject({ code: 'DISPOSED' });
		await expect(optimizer.getWeights()).rejects.toMatchObject({ code: 'DISPOSED' });
	});
});
