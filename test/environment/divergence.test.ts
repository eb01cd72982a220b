import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionReport, LayerwiseControllerOptions } from '../../src/control/controller-options.js';
import type { LayerwiseControllerState } from '../../src/control/controller-state.js';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { OBSERVATION_LIMIT } from '../../src/environment/observations/observer.js';
import { DivergenceDetector } from '../../src/environment/rewards/divergence.js';
import { DIVERGED_LOSS } from '../../src/networks/population.js';
import { policySpec, randomSnapshot, uniformArray } from '../support/policies.js';

type Options = Partial<LayerwiseControllerOptions>;
type Course = (step: number) => number;

const full = process.env.GANNO_TEST_FULL !== undefined;

function open(options: Options): LayerwiseController {
	const controller = LayerwiseController.fromSchedule('constant', { learningRate: 0.1, ...options });
	controller.start([{ name: 'x', size: 1 }]);
	return controller;
}

/** @returns the step at which the training is said to have diverged; undefined: never */
function divergedAt(loss: Course, steps: number, options: Options, heldOut?: Course): number | undefined {
	let step = 0;
	const controller = open(heldOut === undefined ? options : { ...options, validationLoss: () => heldOut(step) });
	for (; step < steps; step++) {
		controller.observe(undefined, loss(step));
		if (controller.diverged) return step;
	}
	return undefined;
}

const power = fc.integer({ min: -99, max: 99 }).map((exponent) => 2 ** exponent); // 1e-30 to 1e30
const seed = fc.nat(1e6);

describe('a sound training is never called diverged, whatever the sign and size of its losses', () => {
	const decay = fc.double({ min: 0.9, max: 0.9999, noNaN: true });

	it('with noise of up to a third of its level, at intervals of any length', () => {
		fc.assert(
			fc.property(
				power,
				fc.oneof(fc.double({ min: -100, max: -2, noNaN: true }), fc.double({ min: 0.5, max: 100, noNaN: true })),
				decay,
				fc.integer({ min: 1, max: 50 }),
				seed,
				(scale, level, rate, interval, noise) => {
					const steps = interval * 12;
					const random = uniformArray(steps, Math.min(Math.abs(level), Math.abs(level + 1)) / 3, noise);
					const loss: Course = (step) => scale * (level + rate ** step + random[step]!);
					expect(divergedAt(loss, steps, { interval })).toBeUndefined();
				},
			),
			{ numRuns: full ? 3000 : 200 },
		);
	});

	it('with noise of twice its whole fall, also where it starts near 0 by chance or crosses it', () => {
		fc.assert(
			fc.property(
				power,
				fc.double({ min: -4, max: 2, noNaN: true }),
				decay,
				fc.double({ min: 0, max: 2, noNaN: true }),
				fc.integer({ min: 50, max: 80 }),
				seed,
				(scale, level, rate, amplitude, interval, noise) => {
					const steps = interval * 8;
					const random = uniformArray(steps, amplitude, noise);
					const loss: Course = (step) => scale * (level + rate ** step + random[step]!);
					expect(divergedAt(loss, steps, { interval })).toBeUndefined();
				},
			),
			{ numRuns: full ? 2000 : 100 },
		);
	});

	it.each<[string, Course]>([
		['a likelihood that falls for ever', (t) => -4 - 0.01 * t],
		['squared errors of prices', (t) => 5e6 * 0.99 ** t],
		['a sum beyond float32', (t) => 1e39 * 0.99 ** t],
		['near the largest number there is', (t) => 1.7e308 * 0.9999 ** t],
		['below float32', (t) => 1e-50 * 0.99 ** t],
		['from +5 through 0 to −100', (t) => 5 - t],
		['a critic that starts at exactly 0 and learns', (t) => (t === 0 ? 0 : 1 + 0.5 * Math.sin(t))],
		['a critic whose rewards come late', (t) => (t < 120 ? 0 : 1 + 0.5 * Math.sin(t))],
		['a task that was solved at the start', (t) => (t === 0 ? 1e-12 : 0.5)],
		['0 all the time', () => 0],
		['a constant', () => -1e30],
	])('%s', (_, loss) => {
		for (const interval of [1, 5, 50]) expect(divergedAt(loss, 400, { interval })).toBeUndefined();
		for (const interval of [1, 5, 50]) {
			expect(divergedAt(loss, 400, { interval }, loss)).toBeUndefined();
		}
	});

	it('whose held-out loss is of another kind than its training loss', () => {
		const sum: Course = (t) => 300 * 0.99 ** t;
		const mean: Course = (t) => 2.3 * 0.99 ** t;
		for (const [training, heldOut] of [
			[sum, mean],
			[mean, sum],
			[(t: number) => -sum(t), mean],
			[mean, (t: number) => -sum(t)],
		] as const) {
			expect(divergedAt(training, 300, { interval: 5 }, heldOut)).toBeUndefined();
			// Measured now and then: each decision compares what is there with its own start.
			const controller = open({ interval: 5 });
			for (let t = 0; t < 300; t++) {
				controller.observe(undefined, { training: training(t), ...(t % 15 === 0 ? { validation: heldOut(t) } : {}) });
			}
			expect(controller.diverged).toBe(false);
		}
		// A schedule needs no training losses at all.
		const controller = open({ interval: 5, validationLoss: () => 2 });
		for (let t = 0; t < 100; t++) controller.observe();
		expect(controller.diverged).toBe(false);
	});
});

describe('an exploding training is called diverged', () => {
	it('a few decisions after it has left its scale, from any start, and at once where a loss is not finite', () => {
		fc.assert(
			fc.property(
				power,
				fc.double({ min: -1e3, max: 1e3, noNaN: true }),
				fc.double({ min: 1e-3, max: 10, noNaN: true }),
				fc.integer({ min: 1, max: 50 }),
				(scale, level, distance, interval) => {
					const loss: Course = (step) => scale * (level + distance * 1.5 ** step);
					const at = divergedAt(loss, 3000, { interval })!;
					const bound = loss(0) + 3 * Math.abs(loss(0));
					let left = 0;
					while (loss(left) <= bound) left++;
					let broken = left;
					while (Number.isFinite(loss(broken))) broken++;
					expect(at).toBeLessThanOrEqual(Math.min((Math.ceil(left / interval) + 8) * interval, broken));
				},
			),
			{ numRuns: full ? 3000 : 200 },
		);
	});

	it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('at a loss of %s', (value) => {
		for (const divergence of [true, false, { scale: 1e30 }] as const) {
			expect(divergedAt((t) => (t === 7 ? value : -1), 20, { interval: 10, divergence })).toBe(7);
			const heldOut = open({ interval: 10, divergence });
			heldOut.observe(undefined, { training: 1, validation: value });
			expect(heldOut.diverged).toBe(true);
			const measured = open({ interval: 10, divergence, validationLoss: () => value });
			for (let t = 0; t < 10; t++) measured.observe(undefined, 1);
			expect(measured.diverged).toBe(true);
		}
		const probed = open({ probeBatches: 4 });
		for (const loss of [1, value, 1, 1]) probed.observe(undefined, loss);
		expect(probed.diverged).toBe(true);
		expect(JSON.parse(JSON.stringify(probed.state()))).toEqual(probed.state()); // no NaN in it
	});

	it('when it is lost to a plateau, noisy or not', () => {
		for (const jump of [1, 3, 30, 150]) {
			const noise = uniformArray(400, 0.3, jump);
			const loss: Course = (t) => (t < jump ? 2.3 : 1000 * (1 + noise[t]!));
			for (const interval of [1, 5, 20, 50]) {
				expect(divergedAt(loss, 400, { interval })).toBeLessThan(jump + 4 * interval);
			}
		}
	});

	it('by its held-out loss, whatever the training loss says', () => {
		let heldOut = -2;
		const controller = open({ interval: 2, validationLoss: () => heldOut });
		for (let t = 0; t < 20; t++) controller.observe(undefined, -1);
		heldOut = 100;
		for (let t = 0; t < 6; t++) controller.observe(undefined, -1);
		expect(controller.diverged).toBe(true);
	});
});

describe('the rule', () => {
	it('decides the same for all losses times a power of two', () => {
		const walk = fc.array(fc.double({ min: -2, max: 3, noNaN: true }), { minLength: 40, maxLength: 80 });
		fc.assert(
			fc.property(walk, fc.double({ min: 0.9, max: 1.2, noNaN: true }), power, (random, rate, scale) => {
				// Rounded to float32, as losses are stored, so that a power of two changes no bit.
				const losses = random
					.map((value, t) => Math.fround(value * rate ** t))
					.map((x) => (Math.abs(x) < 1e-6 ? 0 : x));
				const at = (factor: number) => divergedAt((t) => losses[t]! * factor, losses.length, { interval: 4 });
				expect(at(scale)).toBe(at(1));
			}),
			{ numRuns: full ? 5000 : 300 },
		);
	});

	it('is four times the start for losses that are never negative: in the training environment, to the bit', () => {
		const losses = fc.array(fc.float({ min: Math.fround(1e-3), max: Math.fround(2e6), noNaN: true }), {
			minLength: 4,
			maxLength: 30,
		});
		const near = fc.array(fc.constantFrom(1, 3.9999998, 4, 4.0000005, 5), { minLength: 4, maxLength: 20 });
		fc.assert(
			fc.property(fc.oneof(losses, near), ([start, ...rest]) => {
				const diverged = new Uint8Array(1);
				const detector = new DivergenceDetector(1, { brokenLoss: DIVERGED_LOSS });
				detector.reset(Float32Array.of(start!), diverged);
				let above = 0;
				let expected = !(start! < DIVERGED_LOSS);
				for (const loss of rest.map(Math.fround)) {
					above = loss > 4 * start! ? above + 1 : 0;
					expected ||= !(loss < DIVERGED_LOSS) || above >= 3;
					detector.update(Float32Array.of(loss), Float32Array.of(1), diverged);
					expect(diverged[0]).toBe(expected ? 1 : 0);
				}
			}),
			{ numRuns: full ? 20_000 : 1000 },
		);
	});

	it('can be given a least scale, or be switched off', () => {
		const rises: Course = (t) => 1e-6 + Math.min(t, 100) * 1e-4; // a critic's loss: it grows as rewards come in
		expect(divergedAt(rises, 300, { interval: 5 })).toBeDefined();
		expect(divergedAt(rises, 300, { interval: 5, divergence: true })).toBeDefined();
		expect(divergedAt(rises, 300, { interval: 5, divergence: { scale: 0.01 } })).toBeUndefined();
		expect(divergedAt(rises, 300, { interval: 5, divergence: false })).toBeUndefined();
		expect(divergedAt((t) => rises(t) * 100, 300, { interval: 5, divergence: { scale: 0.01 } })).toBeDefined();
		for (const divergence of [1, null, 'no', {}, { scale: 0 }, { scale: -1 }, { scale: Number.NaN }, { scal: 1 }, []]) {
			expect(() => open({ divergence } as never)).toThrow(/divergence/);
		}
	});
});

describe('losses of any size on their way through a controller', () => {
	const snapshot = randomSnapshot(policySpec({ network: 'recurrent', hiddenUnits: 16 }), 2);

	it('give finite observations, figures and decisions, and a state that JSON keeps', () => {
		const any = fc.double({ min: -1.7e308, max: 1.7e308, noNaN: true });
		const wild = fc.oneof(any, fc.constantFrom(0, -0.01, -0.0100001, 1e39, -1e39, 1e-320, 3.5e38, 1e6, Number.NaN));
		fc.assert(
			fc.property(fc.array(wild, { minLength: 9, maxLength: 30 }), fc.boolean(), (losses, measured) => {
				const reports: DecisionReport[] = [];
				const controller = LayerwiseController.fromPolicy(snapshot, {
					learningRate: 0.01,
					interval: 3,
					onDecision: (report) => reports.push(structuredClone(report)),
					...(measured ? { validationLoss: () => losses[reports.length % losses.length]! } : {}),
				});
				controller.start([{ name: 'a', size: 4 }]);
				for (const loss of losses) controller.observe(new Float32Array(14).fill(0.1), loss);
				for (const { observations, learningRates, trainingLoss, validationLoss } of reports) {
					for (const value of observations) expect(Math.abs(value)).toBeLessThanOrEqual(OBSERVATION_LIMIT);
					for (const rate of learningRates) expect(rate).toBeGreaterThan(0);
					expect(Number.isFinite(trainingLoss) && Number.isFinite(validationLoss)).toBe(true);
				}
				const state = controller.state();
				controller.restore(JSON.parse(JSON.stringify(state)) as LayerwiseControllerState); // which refuses null: no NaN in it
				expect(JSON.stringify(controller.state())).toBe(JSON.stringify(state));
			}),
			{ numRuns: full ? 3000 : 200 },
		);
	});

	it('are judged the same after a restart from JSON at any step', () => {
		const courses: Course[] = [
			(t) => -4 + 0.01 * 1.5 ** t,
			(t) => 2 * 0.9 ** t - 5,
			(t) => (t === 0 ? 0 : 3 * 1.2 ** t),
		];
		for (const [i, loss] of courses.entries()) {
			for (const validationLoss of [undefined, () => 1]) {
				const options = { interval: 4, ...(validationLoss === undefined ? {} : { validationLoss }) };
				let controller = open(options);
				const whole = open(options);
				for (let t = 0; t < 60; t++) {
					for (const one of [controller, whole]) one.observe(undefined, loss(t));
					expect([controller.diverged, i]).toEqual([whole.diverged, i]);
					const state = JSON.parse(JSON.stringify(controller.state())) as LayerwiseControllerState;
					expect(state).toEqual(whole.state());
					controller = open(options);
					controller.restore(state);
				}
			}
		}
	});

	it('may be those of a state of version 1', () => {
		const controller = open({ interval: 2 });
		for (let t = 0; t < 5; t++) controller.observe(undefined, 2);
		const { divergence, ...rest } = controller.state();
		const { initialLoss, above } = divergence.training;
		const first = { ...rest, version: 1, divergence: { initialLoss, above } };
		const restored = open({ interval: 2 });
		restored.restore(JSON.parse(JSON.stringify(first)) as LayerwiseControllerState);
		for (let t = 0; t < 6; t++) restored.observe(undefined, 7.9);
		expect(restored.diverged).toBe(false);
		for (let t = 0; t < 8; t++) restored.observe(undefined, 8.1);
		expect(restored.diverged).toBe(true);
		for (const version of [0, 3, '1', undefined]) {
			expect(() => restored.restore({ ...rest, divergence, version } as never)).toThrow(/state\.version/);
		}
		expect(() => restored.restore({ ...rest, divergence: { training: {}, heldOut: null } } as never)).toThrow(
			/state\.divergence\.training\.initialLoss/,
		);
	});
});
