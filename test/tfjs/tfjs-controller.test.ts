import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DecisionReport } from '../../src/control/controller-options.js';
import { LayerwiseController } from '../../src/index.js';
import { DIVERGED_LOSS } from '../../src/networks/population.js';
import { heldOutLoss, LayerwiseTfOptimizer } from '../../src/tfjs/index.js';
import { useBackend } from '../support/tfjs-models.js';
import { savedModel } from '../support/tfjs-states.js';

/** The controller of an optimizer: put in place and taken away, warned of where it is missing, told of validation by tfjs. */

beforeAll(() => useBackend('cpu'));

const warnings: { message: string; code: string | undefined }[] = [];
beforeEach(() => {
	warnings.length = 0;
	vi.spyOn(process, 'emitWarning').mockImplementation((warning, options) => {
		warnings.push({ message: `${warning}`, code: (options as { code?: string } | undefined)?.code });
	});
});
afterEach(() => {
	vi.restoreAllMocks();
	tf.disposeVariables();
});

const constant = (learningRate: number, horizon?: number) =>
	LayerwiseController.fromSchedule('constant', { learningRate, ...(horizon === undefined ? {} : { horizon }) });

/** Two layers of one number each, under SGD, and a gradient of 1 for both. */
function pair(controller?: LayerwiseController) {
	tf.disposeVariables();
	const [a, b] = ['a/w', 'b/w'].map((name) => tf.variable(tf.tensor1d([0]), true, name)) as [tf.Variable, tf.Variable];
	const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', ...(controller === undefined ? {} : { controller }) });
	const step = () => tf.tidy(() => optimizer.applyGradients({ [a.name]: tf.ones([1]), [b.name]: tf.ones([1]) }));
	/** What the last step took off both. */
	const taken = (take: () => void = step) => {
		const before = [a, b].map((v) => v.dataSync()[0] as number);
		take();
		return [a, b].map((v, i) => Math.round(((before[i] as number) - (v.dataSync()[0] as number)) * 1e6) / 1e6);
	};
	return { optimizer, step, taken };
}

describe('The controller of a LayerwiseTfOptimizer', () => {
	it('is set before the first step, and after steps without one, moments kept', () => {
		const { optimizer, taken } = pair();
		expect(optimizer.controller).toBeUndefined();
		optimizer.controller = constant(0.25);
		expect(optimizer.learningRates).toHaveLength(0);
		expect(taken()).toEqual([0.25, 0.25]);
		expect(() => (optimizer.learningRate = 1)).toThrow(/The controller 'constant' sets the learning rates/);

		const later = pair();
		later.optimizer.learningRate = 0.5;
		expect(later.taken()).toEqual([0.5, 0.5]);
		const controller = constant(0.125);
		later.optimizer.controller = controller;
		expect(later.taken()).toEqual([0.125, 0.125]);
		expect([later.optimizer.controller, controller.step, later.optimizer.iterations]).toEqual([controller, 1, 2]);
	});

	it('is not replaced in the middle of a training, except by way of none', () => {
		const first = constant(0.25, 3);
		const { optimizer, step, taken } = pair(first);
		optimizer.controller = constant(1); // nothing has begun
		optimizer.controller = first;
		step();
		const second = constant(0.5);
		expect(() => (optimizer.controller = second)).toThrow(/'constant' is in the middle of this training, at step 1/);
		expect(optimizer.controller).toBe(first);
		optimizer.controller = first;
		expect(taken()).toEqual([0.25, 0.25]);
		optimizer.controller = undefined;
		optimizer.controller = second;
		expect(taken()).toEqual([0.5, 0.5]);
		expect([first.step, second.step]).toEqual([2, 1]);
	});

	it('is replaced when it has reached its horizon', () => {
		const { optimizer, step, taken } = pair(constant(0.25, 2));
		step();
		step();
		optimizer.controller = constant(0.5);
		expect(taken()).toEqual([0.5, 0.5]);
	});

	it('leaves every layer its last learning rate, until others are set', () => {
		const controller = LayerwiseController.fromFunction(() => Float32Array.of(0.25, 0.75), {
			learningRate: 1,
			interval: 1,
		});
		const { optimizer, taken } = pair();
		optimizer.setLayerLearningRates({ a: 8 });
		optimizer.controller = controller;
		const loss = () => optimizer.reportLoss(1);
		loss();
		expect(taken()).toEqual([0.25, 0.75]);
		optimizer.controller = undefined;
		expect([...optimizer.learningRates]).toEqual([0.25, 0.75]);
		expect(taken()).toEqual([0.25, 0.75]);
		optimizer.setLayerLearningRates({ a: 0.5 });
		expect(taken()).toEqual([0.5, 0.001]);

		optimizer.controller = constant(0.125);
		expect(taken()).toEqual([0.125, 0.125]);
		optimizer.controller = undefined;
		optimizer.learningRate = 0.0625;
		expect(taken()).toEqual([0.0625, 0.0625]);
	});

	it('may take itself away while it decides', () => {
		const controller = LayerwiseController.fromFunction(() => 0.5, {
			learningRate: 0.5,
			interval: 1,
			onDecision: ({ step }) => {
				if (step === 2) optimizer.controller = undefined;
			},
		});
		const { optimizer, taken } = pair(controller);
		for (let t = 0; t < 4; t++) {
			optimizer.reportLoss(1);
			expect(taken()).toEqual([0.5, 0.5]);
		}
		expect([controller.step, optimizer.controller]).toEqual([2, undefined]);
	});

	it('controls one set of variables, also where the optimizer knows others from before', () => {
		const { optimizer, step } = pair();
		const c = tf.variable(tf.tensor1d([0]), true, 'c/w');
		const other = () => tf.tidy(() => optimizer.applyGradients({ [c.name]: tf.ones([1]) }));
		step();
		other();
		optimizer.controller = constant(0.25);
		step();
		expect(other).toThrow(/controls the layers a, b, all variables in every step/);
		expect(() => optimizer.applyGradients({})).toThrow(/no gradients/);
		optimizer.controller = undefined;
		other();
		expect(c.dataSync()[0]).toBeCloseTo(-0.002, 7);
	});

	it('must be one that is free, of an optimizer that lives', () => {
		const used = constant(0.25);
		pair(used).step();
		const { optimizer } = pair();
		expect(() => (optimizer.controller = used)).toThrow(/controls a training already; make another one/);
		for (const wrong of [null, {}, 'default', 1e-3]) {
			expect(() => (optimizer.controller = wrong as never)).toThrow(/^Expected a LayerwiseController for controller/);
		}
		expect(optimizer.controller).toBeUndefined();
		optimizer.dispose();
		expect(() => (optimizer.controller = constant(1))).toThrow(/disposed/);
	});
});

describe('A model that was trained under a controller and saved', () => {
	const data = () => [tf.randomNormal([16, 3], 0, 1, 'float32', 1), tf.ones([16, 1])] as const;
	const trained = async (controller: LayerwiseController | undefined, name?: string) => {
		const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3], name: name ?? 'only' })] });
		const optimizer = new LayerwiseTfOptimizer({
			algorithm: 'momentum',
			...(controller === undefined ? {} : { controller }),
		});
		model.compile({ optimizer, loss: 'meanSquaredError' });
		const [xs, ys] = data();
		for (let t = 0; t < 3; t++) await model.trainOnBatch(xs, ys);
		return model;
	};
	const reload = async (model: tf.LayersModel) => {
		const loaded = await tf.loadLayersModel(tf.io.fromMemory(await savedModel(model)));
		return { loaded, optimizer: loaded.optimizer as LayerwiseTfOptimizer };
	};
	const step = async (model: tf.LayersModel) => await model.trainOnBatch(...data());

	it('warns once, at its first step without one, of the learning rate and of what to do', async () => {
		const { loaded, optimizer } = await reload(await trained(constant(0.25)));
		expect(warnings).toEqual([]); // it may be there to predict
		await step(loaded);
		await step(loaded);
		expect(warnings).toHaveLength(1);
		expect(warnings[0]!.code).toBe('GANNO_NO_CONTROLLER');
		expect(warnings[0]!.message).toMatch(
			/controller 'constant'.* learning rate is 0.001.*set model.optimizer.controller/,
		);
		expect(optimizer.learningRates[0]).toBeCloseTo(0.001, 9);
	});

	it('goes on to the same bits when its controller is set back', async () => {
		const controller = LayerwiseController.fromSchedule('cosine', { learningRate: 0.1, horizon: 10, interval: 2 });
		const model = await trained(controller);
		const state = JSON.parse(JSON.stringify(controller.state())) as ReturnType<typeof controller.state>;
		const { loaded, optimizer } = await reload(model);
		const again = LayerwiseController.fromSchedule('cosine', { learningRate: 0.1, horizon: 10, interval: 2 });
		again.restore(state);
		optimizer.controller = again;
		for (let t = 0; t < 4; t++) for (const each of [model, loaded]) await step(each);
		expect(again.step).toBe(7);
		expect(loaded.getWeights().map((w) => [...w.dataSync()])).toEqual(model.getWeights().map((w) => [...w.dataSync()]));
		expect(warnings).toEqual([]);
	});

	it.each([
		['learningRate', (optimizer: LayerwiseTfOptimizer) => (optimizer.learningRate = 0.5)],
		['a layer’s learning rate', (optimizer: LayerwiseTfOptimizer) => optimizer.setLayerLearningRates({ only: 0.5 })],
	])('does not warn whoever sets %s', async (_, set) => {
		const { loaded, optimizer } = await reload(await trained(constant(0.25)));
		set(optimizer);
		await step(loaded);
		expect(optimizer.learningRates[0]).toBe(0.5);
		expect(warnings).toEqual([]);
		expect(optimizer.getConfig()).not.toHaveProperty('controlledBy');
	});

	it('still says so after another save; one that had none says nothing', async () => {
		const { loaded } = await reload(await trained(constant(0.25)));
		const twice = await reload(loaded);
		expect(twice.optimizer.getConfig()).toMatchObject({ controlledBy: 'constant', learningRate: 0.001 });
		await step(twice.loaded);
		expect(warnings).toHaveLength(1);
		const { loaded: free, optimizer } = await reload(await trained(undefined, 'free'));
		expect(Object.keys(optimizer.getConfig())).toEqual(['algorithm', 'learningRate', 'hyperparameters']); // as ever
		await step(free);
		expect(warnings).toHaveLength(1);
	});
});

describe('Validation in tfjs', () => {
	const xs = () => tf.randomNormal([40, 4], 0, 1, 'float32', 1);
	const policy = (options: { validationLoss?: () => number; reports: DecisionReport[] }) =>
		LayerwiseController.fromFunction(({ learningRates }) => learningRates.slice(), {
			learningRate: 0.01,
			interval: 2,
			...(options.validationLoss === undefined ? {} : { validationLoss: options.validationLoss }),
			onDecision: (report) => options.reports.push({ ...report }),
		});
	const build = (controller: LayerwiseController, metrics: string[] = []) => {
		const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
		model.compile({
			optimizer: new LayerwiseTfOptimizer({ algorithm: 'sgd', controller }),
			loss: 'meanSquaredError',
			metrics,
		});
		return model;
	};
	/** Of every decision after the first step. */
	const seen = (reports: DecisionReport[]) => reports.filter(({ step }) => step > 0).map((r) => r.validationLoss);
	const train = async (model: tf.Sequential, args: tf.ModelFitArgs) => {
		const inputs = xs();
		const outputs = inputs.sum(1, true);
		const { history } = await model.fit(inputs, outputs, {
			batchSize: 8,
			shuffle: false,
			verbose: 0,
			...args,
		});
		tf.dispose([inputs, outputs]);
		return (history.val_loss ?? []) as number[];
	};

	it.each([
		['validationSplit', [] as string[], (): tf.ModelFitArgs => ({ validationSplit: 0.2 })],
		[
			'validationData, metrics compiled,',
			['mae'],
			(): tf.ModelFitArgs => ({ validationData: [xs(), xs().sum(1, true)] }),
		],
	])('%s reaches the controller, and counts at every decision until the next epoch ends', async (_, metrics, args) => {
		const reports: DecisionReport[] = [];
		const model = build(policy({ reports }), metrics);
		const steps = args().validationSplit === undefined ? 5 : 4; // an epoch
		const losses = await train(model, { epochs: 3, ...args() });
		expect(losses).toHaveLength(3);
		const training = reports.filter(({ step }) => step > 0);
		for (const { step, validationLoss, trainingLoss } of training) {
			const epoch = Math.floor((step - 1) / steps); // the step that ended the interval was of this one
			expect(validationLoss, `at step ${step}`).toBe(
				epoch === 0 ? trainingLoss : Math.fround(losses[epoch - 1] as number),
			);
		}
		expect(training.length).toBeGreaterThanOrEqual(5);
	});

	it('costs no tensor', async () => {
		const model = build(policy({ reports: [] }));
		await train(model, { validationSplit: 0.2 });
		const before = tf.memory().numTensors;
		await train(model, { validationSplit: 0.2, epochs: 3 });
		expect(tf.memory().numTensors).toBe(before);
	});

	it('of fitDataset reaches it too', async () => {
		const reports: DecisionReport[] = [];
		const model = build(policy({ reports }));
		const dataset = () =>
			tf.data
				.zip({
					xs: tf.data.array([
						[1, 2, 3, 4],
						[4, 3, 2, 1],
					]),
					ys: tf.data.array([[1], [2]]),
				})
				.batch(1);
		const { history } = await model.fitDataset(dataset() as never, {
			epochs: 3,
			validationData: dataset() as never,
			verbose: 0,
		});
		expect(seen(reports)).toEqual([
			expect.any(Number),
			...history.val_loss!.slice(0, 2).map((loss) => Math.fround(loss as number)),
		]);
	});

	it('of one fit holds in the next, and ends with an epoch that has none', async () => {
		const reports: DecisionReport[] = [];
		const model = build(policy({ reports }));
		const [loss] = await train(model, { validationSplit: 0.2 }); // 4 steps
		await train(model, { epochs: 2 }); // 5 steps each
		const held = Math.fround(loss as number);
		const later = reports.filter(({ step }) => step > 4);
		expect(
			later.map(({ step, validationLoss, trainingLoss }) => [
				step,
				validationLoss === held ? 'held' : validationLoss === trainingLoss,
			]),
		).toEqual([
			[6, 'held'],
			[8, 'held'],
			[10, true],
			[12, true],
			[14, true],
		]);
	});

	it('is left alone where the controller measures for itself, or looks at nothing', async () => {
		const reports: DecisionReport[] = [];
		const measured = build(policy({ reports, validationLoss: () => 7 }));
		await train(measured, { validationSplit: 0.2, epochs: 3 });
		expect(new Set(seen(reports))).toEqual(new Set([7]));
		await train(build(constant(0.01)), { validationSplit: 0.2, epochs: 2 });
		const plain = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
		plain.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' });
		expect(await train(plain, { validationSplit: 0.2, epochs: 2 })).toHaveLength(2);
	});

	it('of a loss below 0 is as good as any', async () => {
		const reports: DecisionReport[] = [];
		const model = build(policy({ reports }));
		model.compile({
			optimizer: model.optimizer,
			loss: (_y, prediction) => prediction.square().mean().sub(100).asScalar(),
		});
		const losses = await train(model, { validationSplit: 0.2, epochs: 2 });
		expect(losses.every((loss) => loss < 0)).toBe(true);
		expect(reports.at(-1)!.validationLoss).toBeLessThan(0);
		expect(reports.at(-1)!.validationLoss).not.toBe(reports.at(-1)!.trainingLoss);
	});

	it('may be reported by hand', () => {
		const reports: DecisionReport[] = [];
		const { optimizer, step } = pair(policy({ reports }));
		const steps = (count: number) => {
			for (let t = 0; t < count; t++) {
				optimizer.reportLoss(2);
				step();
			}
		};
		steps(2);
		optimizer.reportValidationLoss(3);
		steps(4);
		optimizer.reportValidationLoss(undefined);
		steps(2);
		optimizer.reportValidationLoss(Number.NaN);
		steps(2);
		expect(seen(reports)).toEqual([2, 3, 3, 2, DIVERGED_LOSS]);
		for (const wrong of ['1', null, Promise.resolve(1)]) {
			expect(() => optimizer.reportValidationLoss(wrong as never)).toThrow(/^Expected a number or undefined/);
		}
	});

	it('before a rollback counts no more after it', () => {
		const reports: DecisionReport[] = [];
		const controller = LayerwiseController.fromFunction(() => 0.1, {
			learningRate: 0.1,
			interval: 1,
			rollback: { limit: 1 },
			onDecision: (report) => reports.push({ ...report }),
		});
		const { optimizer, step } = pair(controller);
		const stepAt = (loss: number) => {
			optimizer.reportLoss(loss);
			step();
		};
		optimizer.reportValidationLoss(1);
		for (let t = 0; t < 2; t++) stepAt(1);
		optimizer.reportValidationLoss(50); // above four times the first one, at three decisions in a row
		for (let t = 0; t < 3; t++) stepAt(1);
		expect(controller.rollbacks).toBe(1);
		for (let t = 0; t < 5; t++) stepAt(1); // a second rollback would be one too many
		expect(reports.at(-1)!.validationLoss).toBe(1);
	});
});

describe('heldOutLoss', () => {
	it.each([
		['no metrics', undefined],
		['one metric', ['mae']],
		['two metrics', ['mae', 'mse']],
	])('is what model.evaluate says first, with %s, and leaves no tensor', (_, metrics) => {
		const model = tf.sequential({
			layers: [tf.layers.dense({ units: 1, inputShape: [4], kernelInitializer: 'ones' })],
		});
		model.compile({
			optimizer: tf.train.sgd(0.01),
			loss: 'meanSquaredError',
			...(metrics === undefined ? {} : { metrics }),
		});
		const [xs, ys] = [tf.ones([8, 4]), tf.ones([8, 1])];
		const measure = heldOutLoss(model, xs, ys, { batchSize: 3 });
		measure();
		const before = tf.memory().numTensors;
		expect(measure()).toBe(9); // (4 − 1)²
		expect(tf.memory().numTensors).toBe(before);
	});

	it('refuses what is no model', () => {
		for (const wrong of [undefined, null, {}, tf.layers.dense({ units: 1 })]) {
			expect(() => heldOutLoss(wrong as never, tf.ones([1]), tf.ones([1]))).toThrow(
				/^Expected a tf.LayersModel for model/,
			);
		}
	});
});

describe('Variables without a name', () => {
	const make = (shape: number[], name?: string) => tf.variable(tf.zeros(shape), true, name);
	const step = (variables: tf.Variable[], options: object = {}) => {
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd', ...options });
		for (let t = 0; t < 2; t++) {
			tf.tidy(() => optimizer.applyGradients(variables.map(({ name, shape }) => ({ name, tensor: tf.ones(shape) }))));
		}
		return optimizer;
	};

	it('are named in one warning that says how to make layers of them', () => {
		const [kernel, bias] = [make([8, 1]), make([1])];
		const optimizer = step([kernel, bias]);
		expect(optimizer.layerNames).toEqual([kernel.name, bias.name]);
		step([kernel, bias]); // another optimizer, another warning
		expect(warnings.map(({ code }) => code)).toEqual(['GANNO_UNNAMED_VARIABLES', 'GANNO_UNNAMED_VARIABLES']);
		expect(warnings[0]!.message).toContain(`'${kernel.name}' [8, 1], '${bias.name}' [1]. `);
		expect(warnings[0]!.message).toMatch(/'layer\/kernel' and 'layer\/bias'.*layerOf/);
	});

	it.each([
		['layers have names', () => [make([8, 1], 'out/kernel'), make([1], 'out/bias')], {}],
		['they are named, without a layer', () => [make([8, 1], 'w1'), make([1], 'b1')], {}],
		['layerOf says whose they are', () => [make([8, 1]), make([1])], { layerOf: () => 'all' }],
		['there is one only', () => [make([8])], {}],
		['none is a bias', () => [make([8, 4]), make([4, 1])], {}],
	])('are none of the user’s troubles where %s', (_, variables, options) => {
		step(variables(), options);
		expect(warnings).toEqual([]);
	});
});
