import { describe, expect, it } from 'vitest';
import type { DecisionReport, LayerwiseControllerOptions } from '../../src/control/controller-options.js';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { LayerwiseOptimizer } from '../../src/optimizer/layerwise-optimizer.js';
import { STATISTICS } from '../../src/optimizer/statistics.js';
import { policySpec, randomSnapshot } from '../support/policies.js';

/** Minimise Σ w² of two layers by gradient descent: converges for learning rates below 1, explodes above. */
function descent(
	options: Partial<LayerwiseControllerOptions>,
	schedule: 'constant' | 'cosine' | 'policy' = 'constant',
) {
	const layers = ['a', 'b'].map((name, l) => ({
		name,
		parameters: new Float32Array(3 + l).fill(1),
		gradients: new Float32Array(3 + l),
	}));
	const optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers });
	const all = { learningRate: 0.1, ...options };
	const controller =
		schedule === 'policy'
			? LayerwiseController.fromPolicy(randomSnapshot(policySpec({ network: 'recurrent', hiddenUnits: 8 }), 3), all)
			: LayerwiseController.fromSchedule(schedule, all);
	const controlled = controller.attach(optimizer, { convolutions: ['b'] });
	const loss = () => layers.reduce((sum, { parameters }) => sum + parameters.reduce((a, w) => a + w * w, 0), 0);
	const step = (broken = false): void => {
		for (const { parameters, gradients } of layers) gradients.set(parameters.map((w) => 2 * w));
		controlled.step(broken ? Number.NaN : loss());
	};
	return { layers, optimizer, controller, controlled, loss, step };
}

describe('a controller attached to LayerwiseOptimizer', () => {
	it('sets the learning rates and knows the layers', () => {
		const { controller, controlled, layers, step, optimizer } = descent({ horizon: 10 }, 'cosine');
		expect(controller.layers).toEqual([
			{ name: 'a', size: 3, type: 'dense' },
			{ name: 'b', size: 4, type: 'conv' },
		]);
		const twin = layers.map(({ name, parameters, gradients }) => ({ name, parameters: parameters.slice(), gradients }));
		using plain = new LayerwiseOptimizer({ algorithm: 'adam', layers: twin });
		for (let t = 0; t < 10; t++) {
			step();
			plain.step(Math.fround(Math.fround(0.1) * Math.fround(0.5 * (1 + Math.cos((Math.PI * t) / 10)))));
			for (const [l, { parameters }] of layers.entries()) expect(parameters).toEqual(twin[l]!.parameters);
		}
		expect(controlled.statistics[STATISTICS.indexOf('gradientNorm')]).toBeGreaterThan(0);
		optimizer.dispose();
	});

	it('looks at four mini-batches before a policy takes the first step', () => {
		const { controller, layers, step, optimizer } = descent({}, 'policy');
		for (let t = 0; t < 4; t++) {
			expect(controller.probing).toBe(true);
			step();
			expect(layers[0]!.parameters).toEqual(new Float32Array(3).fill(1));
		}
		expect(controller.probing).toBe(false);
		expect(controller.step).toBe(4);
		step();
		expect(controller.step).toBe(5);
		expect(layers[0]!.parameters).not.toEqual(new Float32Array(3).fill(1));
		expect(optimizer.state().layers[0]!.step).toBe(1);
	});

	it('keeps its learning rates when the optimiser state is restored', () => {
		const { controller, optimizer, step } = descent({ horizon: 10 }, 'cosine');
		const early = optimizer.state();
		for (let t = 0; t < 5; t++) step();
		const rates = controller.learningRates.slice();
		optimizer.restore(early);
		expect(controller.learningRates).toEqual(rates);
		step();
		expect(controller.learningRates[0]).toBeLessThan(rates[0]!);
	});

	it('goes on to the same bits after both states are restored', () => {
		const whole = descent({ interval: 3 }, 'policy');
		const first = descent({ interval: 3 }, 'policy');
		for (let t = 0; t < 30; t++) whole.step();
		for (let t = 0; t < 17; t++) first.step();
		const saved = structuredClone({
			controller: first.controller.state(),
			optimizer: first.optimizer.state(),
			parameters: first.layers.map(({ parameters }) => parameters),
		});
		const second = descent({ interval: 3 }, 'policy');
		second.controller.restore(saved.controller);
		second.optimizer.restore(saved.optimizer);
		for (const [l, { parameters }] of second.layers.entries()) parameters.set(saved.parameters[l]!);
		for (let t = 17; t < 30; t++) second.step();
		expect(second.layers.map(({ parameters }) => parameters)).toEqual(whole.layers.map(({ parameters }) => parameters));
		expect(second.controller.learningRates).toEqual(whole.controller.learningRates);
	});

	it('refuses convolutions that are not there', () => {
		const optimizer = new LayerwiseOptimizer({
			algorithm: 'sgd',
			layers: [{ name: 'a', parameters: new Float32Array(1), gradients: new Float32Array(1) }],
		});
		const controller = LayerwiseController.fromSchedule('constant', { learningRate: 1 });
		expect(() => controller.attach(optimizer, { convolutions: ['x'] })).toThrow(/one of a for convolutions\[0\]/);
		expect(controller.started).toBe(false);
		optimizer.dispose();
	});
});

describe('rollback', () => {
	it('goes back to the last decision and lowers the learning rates when a loss is not finite', () => {
		const reports: DecisionReport[] = [];
		const { controller, layers, step, optimizer } = descent({
			interval: 4,
			rollback: true,
			onDecision: (report) => reports.push({ ...report, learningRates: report.learningRates.slice() }),
		});
		for (let t = 0; t < 8; t++) step();
		const sound = layers.map(({ parameters }) => parameters.slice());
		for (let t = 8; t < 10; t++) step();
		step(true);
		expect(layers.map(({ parameters }) => parameters)).toEqual(sound);
		expect(optimizer.state().layers[0]!.step).toBe(8);
		expect([controller.rollbacks, controller.step, controller.diverged]).toEqual([1, 11, false]);
		for (const rate of controller.learningRates) expect(rate).toBeCloseTo(0.01, 7);
		expect(reports.filter(({ rolledBack }) => rolledBack)).toHaveLength(1);
		step(true);
		for (const rate of controller.learningRates) expect(rate).toBeCloseTo(0.001, 7);
		expect(layers.map(({ parameters }) => parameters)).toEqual(sound);
	});

	it('goes back when the loss stays above four times the first, and gives up after the limit', () => {
		let heldOut = 1;
		const { controller, step, optimizer } = descent({
			interval: 2,
			rollback: { limit: 1, factor: 0.5 },
			validationLoss: () => heldOut,
		});
		for (let t = 0; t < 4; t++) step();
		const { step: steps } = optimizer.state().layers[0]!;
		heldOut = 100;
		for (let t = 0; t < 4; t++) step(); // two decisions above: a spike may pass
		expect(controller.rollbacks).toBe(0);
		for (let t = 0; t < 2; t++) step();
		expect(controller.rollbacks).toBe(1);
		expect(optimizer.state().layers[0]!.step).toBe(steps);
		expect(controller.learningRates[0]).toBeCloseTo(0.05, 7);
		const until = () => {
			for (let t = 0; t < 8; t++) step();
		};
		expect(until).toThrow(/diverged again at step \d+, after 1 rollback;/);
	});

	it('is not tried without being asked for: the controller says that the training has diverged', () => {
		const { controller, step } = descent({ interval: 4 });
		step();
		expect(controller.diverged).toBe(false);
		step(true);
		expect([controller.diverged, controller.rollbacks]).toEqual([true, 0]);
	});

	it('keeps a schedule in time: learning rates fall by the factor, not back to an earlier step', () => {
		const { controller, step } = descent({ horizon: 40, interval: 4, rollback: true }, 'cosine');
		for (let t = 0; t < 9; t++) step();
		step(true);
		const at = (t: number) => 0.01 * 0.5 * (1 + Math.cos((Math.PI * t) / 40));
		expect(controller.learningRates[0]).toBeCloseTo(at(10), 7);
		for (let t = 10; t < 13; t++) step();
		expect(controller.learningRates[0]).toBeCloseTo(at(13), 7);
	});
});
