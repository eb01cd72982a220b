import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecisionReport } from '../../src/control/controller-options.js';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { STATISTICS } from '../../src/optimizer/statistics.js';
import { layerCallback } from '../../src/tfjs/layer-callback.js';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';
import { registerWasmTrainingKernels } from '../../src/tfjs/wasm-kernels/register-wasm-kernels.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { deepModel, examples, mnistModel, trainingLosses, useBackend } from '../support/tfjs-models.js';

const FULL = process.env.GANNO_TEST_FULL !== undefined;

describe.each(['cpu', 'wasm'] as const)('LayerwiseTfOptimizer on %s', (backend) => {
	beforeAll(async () => {
		await useBackend(backend);
		registerWasmTrainingKernels();
	});

	const quick = backend === 'cpu' && !FULL;
	const models: [string, () => tf.Sequential, number[], number][] = [
		// The cpu back end convolves in plain loops: smaller images there, unless there is time.
		['MNIST-style convolutional', () => mnistModel(quick ? 16 : 28), [], quick ? 4 : 8],
		['30-layer', () => deepModel(), [36], 16],
	];

	it.each(models)('trains as tf.train.adam, 50 steps, 1e-5: the %s model', async (_, open, shape, batch) => {
		const model = open();
		const twin = open();
		const data = examples(64, shape.length > 0 ? shape : (model.inputs[0]!.shape.slice(1) as number[]));
		const expected = await trainingLosses(model, tf.train.adam(1e-3), data, 50, batch);
		const controller = LayerwiseController.fromSchedule('constant', { learningRate: 1e-3 });
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', controller });
		const losses = await trainingLosses(twin, optimizer, data, 50, batch);
		for (const [step, loss] of losses.entries())
			expect(Math.abs(loss - expected[step]!), `step ${step}`).toBeLessThan(1e-5);
		expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.05);
		expect(optimizer.layerNames).toHaveLength(
			model.layers.filter(({ trainableWeights }) => trainableWeights.length > 0).length,
		);
		optimizer.dispose();
	});

	it('steps with minimize and with applyGradients, with a learning rate of each layer, and gives statistics', () => {
		const kernel = tf.variable(
			tf.tensor2d([
				[1, -2],
				[3, 4],
			]),
			true,
			`own_${backend}/kernel`,
		);
		const bias = tf.variable(tf.tensor1d([5, 6]), true, `own_${backend}/bias`);
		const scale = tf.variable(tf.scalar(7), true, `scale_${backend}`);
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: 0.5 });
		optimizer.setLayerLearningRates({ [`scale_${backend}`]: 0.25 });
		const loss = () => tf.addN([kernel.square().sum(), bias.square().sum(), scale.square()]).mul(0.5) as tf.Scalar;
		const cost = optimizer.minimize(loss, true, [kernel, bias, scale])!;
		expect(cost.dataSync()[0]).toBeCloseTo((1 + 4 + 9 + 16 + 25 + 36 + 49) / 2, 4);
		expect(optimizer.layerNames).toEqual([`own_${backend}`, `scale_${backend}`]);
		expect([...optimizer.learningRates]).toEqual([0.5, 0.25]);
		expect([...kernel.dataSync()]).toEqual([0.5, -1, 1.5, 2]);
		expect([...bias.dataSync()]).toEqual([2.5, 3]);
		expect([...scale.dataSync()]).toEqual([5.25]);
		const statistic = (layer: number, name: (typeof STATISTICS)[number]) =>
			optimizer.statistics[layer * STATISTICS.length + STATISTICS.indexOf(name)];
		expect(statistic(0, 'gradientNorm')).toBeCloseTo(Math.sqrt(91), 5);
		expect(statistic(0, 'gradientUpdateCosine')).toBeCloseTo(-1, 6);
		expect(statistic(1, 'updateNorm')).toBeCloseTo(1.75, 6);
		const gradient = tf.scalar(1);
		optimizer.setLayerLearningRates({});
		optimizer.applyGradients({ [scale.name]: gradient });
		optimizer.learningRate = 0.125;
		optimizer.applyGradients([{ name: scale.name, tensor: gradient }]);
		expect(scale.dataSync()[0]).toBe(5.25 - 0.5 - 0.125);
		expect([...bias.dataSync()]).toEqual([2.5, 3]);
		expect(optimizer.iterations).toBe(3);
		expect(() => optimizer.setLayerLearningRates({ nobody: 1 })).toThrow(/one of the layers scale_/);
		optimizer.dispose();
		expect(() => optimizer.applyGradients({ [scale.name]: gradient })).toThrow(/disposed/);
		tf.dispose([kernel, bias, scale, gradient, cost]);
	});

	it('notices values that somebody else assigned, and leaves clones of the old ones alone', () => {
		const w = tf.variable(tf.tensor1d([1, 2, 3]), true, `assigned_${backend}/w`);
		const before = w.clone();
		const read = w.dataSync();
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: 1 });
		const gradient = tf.tensor1d([1, 1, 1]);
		optimizer.applyGradients({ [w.name]: gradient });
		expect([...w.dataSync()]).toEqual([0, 1, 2]);
		expect([...before.dataSync()]).toEqual([1, 2, 3]);
		expect([...read]).toEqual([1, 2, 3]);
		w.assign(tf.tensor1d([10, 20, 30]));
		optimizer.applyGradients({ [w.name]: gradient });
		expect([...w.dataSync()]).toEqual([9, 19, 29]);
		optimizer.dispose();
		tf.dispose([w, before, gradient]);
	});

	it('keeps the moments of variables that sit out some steps', () => {
		const names = ['a', 'b'].map((name) => `${name}_${backend}`);
		const own = names.map((name) => tf.variable(tf.tensor1d([1, 2]), true, name));
		const theirs = names.map((name) => tf.variable(tf.tensor1d([1, 2]), true, `${name}_twin`));
		const mine = new LayerwiseTfOptimizer({ algorithm: 'momentum', learningRate: 0.1 });
		const plain = theirs.map(() => tf.train.momentum(0.1, 0.9));
		const gradient = tf.tensor1d([1, -1]);
		for (const who of [[0, 1], [0], [1], [0, 1], [1, 0]]) {
			mine.applyGradients(who.map((i) => ({ name: own[i]!.name, tensor: gradient })));
			for (const i of who) plain[i]!.applyGradients([{ name: theirs[i]!.name, tensor: gradient }]);
		}
		for (const i of [0, 1]) {
			for (const [k, value] of own[i]!.dataSync().entries()) expect(value).toBeCloseTo(theirs[i]!.dataSync()[k]!, 6);
		}
		mine.dispose();
		tf.dispose([...own, ...theirs, gradient]);
		for (const optimizer of plain) optimizer.dispose();
	});

	it('takes tensors of a heap that has grown', async () => {
		const model = deepModel(8, 4);
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 1e-3 });
		const data = examples(16, [8]);
		const first = await trainingLosses(model, optimizer, data, 3, 16);
		const large = Array.from({ length: 5 }, () => tf.zeros([4 << 20])); // 80 MB: more than the heap starts with
		const later = await trainingLosses(model, optimizer, data, 3, 16);
		expect(later.at(-1)).toBeLessThan(first[0]!);
		tf.dispose([large, data.xs, data.ys]);
		optimizer.dispose();
		model.dispose();
	});

	it('leaves nothing in tfjs behind: steps, saving, loading and disposal', async () => {
		const data = examples(16, [8]);
		const session = async () => {
			const model = deepModel(8, 4);
			const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 1e-3 });
			await trainingLosses(model, optimizer, data, 1, 16);
			const start = tf.memory();
			await trainingLosses(model, optimizer, data, 5, 16);
			expect(tf.memory().numTensors).toBe(start.numTensors);
			expect(tf.memory().numBytes).toBe(start.numBytes);
			await model.save(
				tf.io.withSaveHandler(() => Promise.resolve({ modelArtifactsInfo: info })),
				{ includeOptimizer: true },
			);
			const saved = tf.memory();
			for (let i = 0; i < 3; i++) {
				await model.save(
					tf.io.withSaveHandler(() => Promise.resolve({ modelArtifactsInfo: info })),
					{ includeOptimizer: true },
				);
				await optimizer.setWeights(await optimizer.getWeights());
			}
			expect(tf.memory().numTensors).toBe(saved.numTensors);
			model.dispose();
			optimizer.dispose();
			optimizer.dispose();
		};
		await session();
		const before = tf.memory().numTensors;
		await session();
		expect(tf.memory().numTensors).toBe(before);
		tf.dispose(data);
	});

	it('is saved and loaded with its model, which then goes on as if nothing had happened', async () => {
		const data = examples(16, [8]);
		const model = deepModel(8, 4);
		const options = {
			algorithm: 'adamw',
			learningRate: 3e-3,
			nonFinite: 'skip-layer',
			clip: { layerNorm: 1 },
		} as const;
		const optimizer = new LayerwiseTfOptimizer({ ...options, hyperparameters: { weightDecay: 0.1, beta2: 0.99 } });
		await trainingLosses(model, optimizer, data, 7, 16);
		let artifacts: tf.io.ModelArtifacts | undefined;
		const handler = tf.io.withSaveHandler((all) => {
			artifacts = structuredClone(all);
			return Promise.resolve({ modelArtifactsInfo: info });
		});
		await model.save(handler, { includeOptimizer: true });
		const loaded = (await tf.loadLayersModel(tf.io.fromMemory(artifacts!))) as tf.Sequential;
		const other = loaded.optimizer as LayerwiseTfOptimizer;
		expect(other).toBeInstanceOf(LayerwiseTfOptimizer);
		expect(other.getConfig()).toEqual(optimizer.getConfig());
		expect(other.getClassName()).toBe('LayerwiseTfOptimizer');
		const step = async (target: tf.LayersModel) => (await target.trainOnBatch(data.xs, data.ys)) as number;
		for (let t = 0; t < 5; t++) expect(await step(loaded)).toBe(await step(model));
		expect(other.iterations).toBe(12);
		tf.dispose(data);
	});
});

const info: tf.io.ModelArtifactsInfo = { dateSaved: new Date(0), modelTopologyType: 'JSON' };

describe('LayerwiseTfOptimizer under a controller', () => {
	const spec = policySpec({ hiddenUnits: 8 });
	beforeAll(() => useBackend('wasm'));

	it('looks at four batches before the first step, and shows the policy what the losses were', async () => {
		const data = examples(16, [8]);
		const model = deepModel(8, 4);
		const reports: DecisionReport[] = [];
		const controller = LayerwiseController.fromPolicy(randomSnapshot(spec, 3), {
			learningRate: 1e-3,
			interval: 2,
			validationLoss: () => tf.tidy(() => (model.evaluate(data.xs, data.ys) as tf.Scalar).dataSync()[0]!),
			onDecision: (report) => reports.push({ ...report, learningRates: report.learningRates.slice() }),
		});
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', controller });
		const losses = await trainingLosses(model, optimizer, data, 4, 16);
		expect(new Set(losses).size).toBe(1);
		expect(reports).toHaveLength(1);
		expect(reports[0]!.trainingLoss).toBeCloseTo(losses[0]!, 6);
		expect(reports[0]!.validationLoss).toBeCloseTo(losses[0]!, 5);
		expect(optimizer.iterations).toBe(0);
		const more = await trainingLosses(model, optimizer, data, 6, 16);
		expect(new Set(more).size).toBe(6);
		expect(reports.map(({ step }) => step)).toEqual([4, 6, 8, 10]);
		expect(optimizer.learningRates).toEqual(reports.at(-1)!.learningRates);
		expect(new Set(optimizer.learningRates).size).toBeGreaterThan(1);
		expect(() => (optimizer.learningRate = 1)).toThrow(/controller 'learned' sets/);
		optimizer.dispose();
		tf.dispose(data);
	});

	it('keeps the controlled learning rates when optimiser weights are restored', async () => {
		const data = examples(16, [8]);
		const model = deepModel(8, 4);
		const controller = LayerwiseController.fromSchedule('cosine', { learningRate: 1e-2, horizon: 10 });
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', controller });
		await trainingLosses(model, optimizer, data, 1, 16);
		const weights = (await optimizer.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }));
		await trainingLosses(model, optimizer, data, 5, 16);
		const rates = optimizer.learningRates.slice();
		await optimizer.setWeights(weights);
		expect(optimizer.learningRates).toEqual(rates);
		expect(optimizer.iterations).toBe(1);
		tf.dispose([data.xs, data.ys, ...weights.map(({ tensor }) => tensor)]);
		optimizer.dispose();
	});

	it('rolls the variables back', () => {
		const w = tf.variable(tf.tensor1d([1, 2]), true, 'rolled/w');
		const controller = LayerwiseController.fromSchedule('constant', { learningRate: 0.1, interval: 2, rollback: true });
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', controller });
		const gradient = tf.tensor1d([1, 1]);
		const step = (loss: number) => {
			optimizer.reportLoss(loss);
			optimizer.applyGradients({ [w.name]: gradient });
		};
		for (let t = 0; t < 3; t++) step(1);
		step(Number.NaN);
		expect(controller.rollbacks).toBe(1);
		expect(w.dataSync()[0]).toBeCloseTo(0.8, 6); // as after two steps
		step(1);
		expect(w.dataSync()[0]).toBeCloseTo(0.79, 6);
		expect(() => optimizer.applyGradients({ [w.name]: gradient })).toThrow(/reportLoss/);
		optimizer.dispose();
		tf.dispose([w, gradient]);
	});
});

describe('layerCallback', () => {
	const directory = mkdtempSync(join(tmpdir(), 'ganno-callback-'));
	afterAll(() => rmSync(directory, { recursive: true, force: true }));

	it('reports every layer to the logs of later callbacks, an event file and a table', async () => {
		await useBackend('wasm');
		const data = examples(32, [8]);
		const model = deepModel(8, 4);
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 0.01 });
		model.compile({ optimizer, loss: 'categoricalCrossentropy' });
		const seen: tf.Logs[] = [];
		const printed: string[] = [];
		const callback = layerCallback(optimizer, {
			tensorBoard: directory,
			table: { write: (text) => printed.push(text) },
			every: 2,
		});
		const before = tf.memory().numTensors;
		await model.fit(data.xs, data.ys, {
			batchSize: 8,
			epochs: 1,
			verbose: 0,
			callbacks: [callback, { onBatchEnd: (_batch: number, logs?: tf.Logs) => void seen.push({ ...logs }) }],
		});
		expect(tf.memory().numTensors).toBe(before);
		expect(seen).toHaveLength(4);
		const [layer] = optimizer.layerNames;
		for (const logs of seen) {
			expect(logs[`learningRate/${layer}`]).toBeCloseTo(0.01, 7);
			expect(logs[`gradientNorm/${layer}`]).toBeGreaterThan(0);
		}
		const files = readdirSync(directory);
		expect(files).toHaveLength(1);
		expect(readFileSync(join(directory, files[0]!), 'latin1').split(`updateRatio/${layer}`)).toHaveLength(3);
		expect(printed.map((text) => /^step \d+/.exec(text)?.[0])).toEqual(['step 2', 'step 4']);
		expect(printed[0]!.split('\n')).toHaveLength(33);
		expect(() => layerCallback({} as never)).toThrow(/LayerwiseTfOptimizer/);
		optimizer.dispose();
		tf.dispose(data);
	});

	it('reports steps, and no probing batches of a policy', async () => {
		await useBackend('cpu');
		const data = examples(48, [8]);
		const model = deepModel(8, 4);
		const controller = LayerwiseController.fromPolicy('default', { learningRate: 1e-3, horizon: 12 });
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', controller });
		model.compile({ optimizer, loss: 'categoricalCrossentropy' });
		const steps: number[] = [];
		const callback = layerCallback(optimizer, { onReport: ({ step }) => steps.push(step) });
		for (let epoch = 0; epoch < 2; epoch++) {
			await model.fit(data.xs, data.ys, { batchSize: 8, epochs: 1, verbose: 0, callbacks: callback });
		}
		expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
		optimizer.dispose();
		tf.dispose(data);
	});
});

describe('LayerwiseTfOptimizer refuses', () => {
	beforeAll(() => useBackend('cpu'));

	it('what does not fit, in a sentence', () => {
		const controller = LayerwiseController.fromSchedule('constant', { learningRate: 1 });
		expect(() => new LayerwiseTfOptimizer({ algorithm: 'adma' as never })).toThrow(/algorithm/);
		expect(() => new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: -1 })).toThrow(/learningRate/);
		expect(() => new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: 1, controller })).toThrow(
			/to the controller/,
		);
		expect(() => new LayerwiseTfOptimizer({ algorithm: 'sgd', controller: {} as never })).toThrow(
			/LayerwiseController/,
		);
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', controller });
		expect(() => optimizer.applyGradients({})).toThrow(/no gradients/);
		const one = tf.scalar(1);
		expect(() => optimizer.applyGradients({ nobody: one })).toThrow(/no variable of that name/);
		const [a, b] = ['c1', 'c2'].map((name) => tf.variable(tf.scalar(1), true, name));
		optimizer.applyGradients({ c1: one });
		expect(() => optimizer.applyGradients({ c1: one, c2: one })).toThrow(/controls the layers c1/);
		tf.dispose([a!, b!, one]);
	});

	it('weights of another algorithm or model', async () => {
		const w = tf.variable(tf.tensor1d([1, 2]), true, 'refused/w');
		const gradient = tf.tensor1d([1, 1]);
		const adam = new LayerwiseTfOptimizer({ algorithm: 'adam' });
		adam.applyGradients({ [w.name]: gradient });
		const weights = await adam.getWeights();
		await expect(new LayerwiseTfOptimizer({ algorithm: 'sgd' }).setWeights(weights)).rejects.toThrow(/not the weights/);
		await expect(adam.setWeights([])).rejects.toThrow(/first is not 'iter'/);
		tf.dispose([w, gradient]);
	});

	it('options that are none, and values of the wrong kind', () => {
		const bad: [object, RegExp][] = [
			[
				{ learningrate: 1 },
				/^Unknown option learningrate; known ones are algorithm, learningRate.*Did you mean learningRate/,
			],
			[{ weightDecay: 0.1 }, /^Unknown option weightDecay; known ones are/],
			[{ learningRate: '0.1' }, /learningRate .*"0.1"/],
			[{ learningRate: Number.NaN }, /learningRate/],
			[{ hyperparameters: { beta3: 1 } }, /hyperparameters.beta3 does not apply to 'adam'/],
			[{ hyperparameters: null }, /an object for hyperparameters/],
			[{ hyperparameters: { beta1: '0.9' } }, /hyperparameters.beta1/],
			[{ nonFinite: 'skip' }, /nonFinite/],
			[{ clip: { norm: 1 } }, /Unknown option clip.norm/],
			[{ clip: 1 }, /clip/],
			[{ layerOf: 'dense' }, /a function for layerOf/],
			[{ threads: 0.5 }, /threads/],
		];
		for (const [options, message] of bad) {
			const open = () => new LayerwiseTfOptimizer({ algorithm: 'adam', ...options } as never);
			expect(open, JSON.stringify(options)).toThrow(message);
		}
		for (const value of [undefined, null, [], new Map(), Promise.resolve({ algorithm: 'adam' })]) {
			expect(() => new LayerwiseTfOptimizer(value as never)).toThrow(/Expected an object for options/);
		}
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', hyperparameters: { epsilon: undefined } as never });
		expect(optimizer.getConfig().hyperparameters).toEqual({ epsilon: 1e-7 }); // undefined is not given
		for (const loss of [undefined, '1', Promise.resolve(1)]) {
			expect(() => optimizer.reportLoss(loss as never)).toThrow(/Expected a number for loss/);
		}
		for (const rates of [null, [0.1], new Map([['dense', 0.1]]), { dense: '0.1' }, { dense: -1 }]) {
			expect(() => optimizer.setLayerLearningRates(rates as never)).toThrow(/Expected .* for rates/);
		}
		const callbacks: [object, RegExp][] = [
			[{ tensorboard: 'x' }, /^Unknown option tensorboard; known ones are logs, tensorBoard.*Did you mean tensorBoard/],
			[{ logs: 1 }, /true or false for logs/],
			[{ tensorBoard: 3 }, /tensorBoard/],
			[{ table: 'yes' }, /true, false or a stream for table/],
			[{ figures: 'learningRate' }, /figures/],
			[{ every: 0 }, /every/],
			[{ onReport: {} }, /a function for onReport/],
		];
		for (const [options, message] of callbacks) expect(() => layerCallback(optimizer, options)).toThrow(message);
	});

	it('nothing for its name: variables and layers may be called as the properties of every object are', () => {
		for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__', '__defineGetter__']) {
			const w = tf.variable(tf.tensor1d([4]), true, `${name}/kernel`);
			const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', learningRate: 0.5 });
			const step = () => optimizer.minimize(() => w.square().sum(), false, [w]);
			step();
			expect(w.dataSync()[0], name).toBe(0);
			w.assign(tf.tensor1d([4]));
			optimizer.setLayerLearningRates(JSON.parse(`{ "${name}": 0.25 }`) as Record<string, number>);
			step();
			expect(w.dataSync()[0], name).toBe(2);
			const one = tf.tensor1d([1]);
			expect(() => optimizer.applyGradients([{ name, tensor: one }]), name).toThrow(/no variable of that name/);
			optimizer.dispose();
			tf.dispose([w, one]);
		}
	});
});
