import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type { DecisionReport } from '../../src/control/controller-options.js';
import type { LayerwiseControllerState } from '../../src/control/controller-state.js';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import type { Dataset } from '../../src/datasets/dataset.js';
import type { Controller } from '../../src/environment/controller.js';
import { PROBE_BATCHES, TrainingEnvironment } from '../../src/environment/training-environment.js';
import { NetworkPopulation } from '../../src/networks/population.js';
import type { NetworkSpec } from '../../src/networks/spec.js';
import { STATISTICS } from '../../src/optimizer/statistics.js';
import type { PolicySnapshot } from '../../src/policy/policy.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { constantSchedule, cosineSchedule, exponentialSchedule } from '../../src/schedules/hand-made.js';
import { trustRatioSchedule } from '../../src/schedules/trust-ratio.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { populationOutput } from '../support/population.js';
import { randomDataset } from '../support/random-dataset.js';

const spec: NetworkSpec = {
	input: [6, 6, 1],
	layers: [
		{ type: 'conv', filters: 5, kernelSize: 3, activation: 'relu' },
		{ type: 'max-pool', size: 2 },
		{ type: 'dense', units: 12, activation: 'tanh' },
		{ type: 'dense', units: 4 },
	],
};
const HORIZON = 40;
const INTERVAL = 5;

/** A training split of one image: the batches of a probe are then known one by one. */
const dataset: Dataset = (() => {
	const noise = randomDataset(spec.input, 4);
	return { ...noise, splits: { ...noise.splits, train: new Uint32Array(new SharedArrayBuffer(4)) } };
})();

const optimizer = { algorithm: 'adam' } as const;

interface Trace {
	readonly observations: Float32Array[];
	readonly statistics: Float32Array[];
	readonly learningRates: Float32Array[];
	readonly parameters: Float32Array;
}

/** The training environment's episode. */
function inEnvironment(controller: Controller, granularity: 'layer' | 'network', learningRate: number): Trace {
	let population: NetworkPopulation | undefined;
	const task = {
		index: 0,
		spec,
		optimizer,
		batchSize: 1,
		horizon: HORIZON,
		interval: INTERVAL,
		networks: [{ seed: 7, learningRate }],
	};
	using environment = new TrainingEnvironment({
		task,
		granularity,
		population: (_task, seeds) => {
			population = new NetworkPopulation({ spec, networks: 1, batchSize: 1, optimizer, dataset, seeds });
			return population;
		},
	});
	environment.reset();
	controller.reset(task);
	const trace = {
		observations: [] as Float32Array[],
		statistics: [] as Float32Array[],
		learningRates: [] as Float32Array[],
	};
	for (let decision = 0; decision < HORIZON / INTERVAL; decision++) {
		trace.observations.push(environment.context.observations.slice());
		trace.statistics.push(environment.context.statistics.slice());
		const { learningRates, baseSchedule, actions } = controller.decide(environment.context);
		trace.learningRates.push(learningRates.slice());
		environment.stepWithLearningRates(learningRates, baseSchedule, actions);
	}
	return { ...trace, parameters: population!.parameters(0) };
}

/** The same training step by step, under a LayerwiseController; another one may go on from its state, through JSON, now and then. */
function byHand(
	open: (options: {
		validationLoss: () => number;
		onDecision: (report: DecisionReport) => void;
	}) => LayerwiseController,
	restartEvery = Number.POSITIVE_INFINITY,
): Trace {
	using population = new NetworkPopulation({
		spec,
		networks: 1,
		batchSize: 1,
		optimizer,
		dataset,
		seeds: Uint32Array.of(7),
	});
	const out = populationOutput(population, 1);
	const trace = {
		observations: [] as Float32Array[],
		statistics: [] as Float32Array[],
		learningRates: [] as Float32Array[],
	};
	const hooks = {
		validationLoss: () => out.validation[0]!,
		onDecision: (report: DecisionReport) => {
			trace.observations.push(report.observations.slice());
			trace.statistics.push(report.statistics.slice());
			trace.learningRates.push(report.learningRates.slice());
		},
	};
	let controller = open(hooks);
	controller.start(population.layers, optimizer);
	const statistics = new Float32Array(population.layers.length * STATISTICS.length);
	const step = (): void => {
		if (controller.probing) population.probe(1, controller.learningRates, out);
		else population.train(1, controller.learningRates, out);
		for (let l = 0; l < population.layers.length; l++) {
			statistics.set(out.statistics.subarray(l * 16, l * 16 + 14), l * 14);
		}
		controller.observe(statistics, out.trainingLoss[0]!);
	};
	while (controller.probing) step();
	for (let k = 0; k < HORIZON; k++) {
		step();
		if ((k + 1) % restartEvery !== 0) continue;
		const text = JSON.stringify(controller.state());
		controller = open(hooks);
		controller.restore(JSON.parse(text) as LayerwiseControllerState);
		controller.start(population.layers, optimizer);
	}
	return { ...trace, parameters: population.parameters(0) };
}

const recurrent = randomSnapshot(policySpec({ network: 'recurrent', hiddenUnits: 16 }), 2);
const feedForward = randomSnapshot(policySpec({ hiddenUnits: 16 }), 5);
const one = randomSnapshot(policySpec({ granularity: 'network', hiddenUnits: 16 }), 6);

describe('a policy under LayerwiseController', () => {
	it.each<[string, PolicySnapshot]>([
		['recurrent', recurrent],
		['feed-forward', feedForward],
		['one agent', one],
	])('sees what it sees in the training environment, and decides the same, bit for bit: %s', (_, snapshot) => {
		const expected = inEnvironment(new PolicyController(snapshot), snapshot.spec.granularity, 1e-2);
		const trace = byHand((hooks) =>
			LayerwiseController.fromPolicy(snapshot, {
				learningRate: 1e-2,
				horizon: HORIZON + PROBE_BATCHES,
				interval: INTERVAL,
				...hooks,
			}),
		);
		expect(trace.observations).toEqual(expected.observations);
		expect(trace.statistics).toEqual(expected.statistics);
		expect(trace.learningRates).toEqual(expected.learningRates);
		expect(trace.parameters).toEqual(expected.parameters);
		expect(new Set(trace.learningRates.map((rates) => rates.join())).size).toBeGreaterThan(4);
	});

	it('goes on to the same bits from a saved state, from JSON, at every step of an interval', () => {
		const options = { learningRate: 1e-2, horizon: HORIZON, interval: INTERVAL };
		const whole = byHand((hooks) => LayerwiseController.fromPolicy(recurrent, { ...options, ...hooks }));
		const parts = byHand((hooks) => LayerwiseController.fromPolicy(recurrent, { ...options, ...hooks }), 3);
		expect(parts).toEqual(whole);
	});

	it('needs no horizon, and says 0 for progress then', () => {
		const trace = byHand((hooks) =>
			LayerwiseController.fromPolicy(feedForward, { learningRate: 1e-2, interval: INTERVAL, ...hooks }),
		);
		expect(trace.observations.length).toBe(HORIZON / INTERVAL + 1);
		for (const rows of trace.observations) expect(rows[19]).toBe(0);
	});
});

describe('a schedule under LayerwiseController', () => {
	const schedules: [string, () => Controller][] = [
		['cosine', cosineSchedule],
		['exponential', exponentialSchedule],
		['trust-ratio', trustRatioSchedule],
		['trust-ratio with a cosine', () => trustRatioSchedule({ base: 'cosine' })],
	];

	it.each(schedules)('trains as in the environment, bit for bit: %s', (_, schedule) => {
		const expected = inEnvironment(schedule(), 'layer', 1e-2);
		const probes = schedule().ignoresNetworks === true ? 0 : PROBE_BATCHES;
		const options = { learningRate: 1e-2, horizon: HORIZON + probes, interval: INTERVAL };
		const trace = byHand((hooks) => LayerwiseController.fromSchedule(schedule(), { ...options, ...hooks }));
		expect(trace.parameters).toEqual(expected.parameters);
		const resumed = byHand((hooks) => LayerwiseController.fromSchedule(schedule(), { ...options, ...hooks }), 7);
		expect(resumed.parameters).toEqual(expected.parameters);
	});

	it('that is a function of the horizon asks for it; others do without', () => {
		expect(() => LayerwiseController.fromSchedule('cosine', { learningRate: 1 })).toThrow(/'cosine'.*options\.horizon/);
		expect(() => LayerwiseController.fromSchedule('exponential', { learningRate: 1 })).toThrow(/options\.horizon/);
		LayerwiseController.fromSchedule(exponentialSchedule({ gamma: 0.9 }), { learningRate: 1 });
		LayerwiseController.fromSchedule(constantSchedule(), { learningRate: 1 });
		LayerwiseController.fromSchedule('trust-ratio', { learningRate: 1 });
	});
});

const LAYERS = [
	{ name: 'a', size: 10 },
	{ name: 'b', size: 4 },
];
const zeros = new Float32Array(28);

describe('LayerwiseController', () => {
	it('follows a schedule step by step without statistics or losses, and stays where the horizon ends', () => {
		const controller = LayerwiseController.fromSchedule('cosine', {
			learningRate: Float32Array.of(0.1, 0.2),
			horizon: 7,
			interval: 3,
		});
		controller.start(LAYERS);
		for (let t = 0; t < 10; t++) {
			const factor = 0.5 * (1 + Math.cos((Math.PI * Math.min(t, 6)) / 7));
			expect(controller.learningRates[0]).toBeCloseTo(0.1 * factor, 7);
			expect(controller.learningRates[1]).toBeCloseTo(0.2 * factor, 7);
			controller.observe();
		}
		expect(controller.step).toBe(10);
		expect(controller.needsStatistics).toBe(false);
	});

	it('asks a function before the first step and at every decision', () => {
		const decisions: number[] = [];
		const controller = LayerwiseController.fromFunction(
			({ decision, learningRates }) => {
				decisions.push(decision);
				return decision === 1 ? Float32Array.of(0.5, 0.25) : learningRates[0]! * 2;
			},
			{ learningRate: 0.1, interval: 2 },
		);
		controller.start(LAYERS);
		const rates = [0, 1, 2, 3, 4].map(() => {
			const now = [...controller.learningRates];
			controller.observe(zeros, 1);
			return now;
		});
		expect(decisions).toEqual([0, 1, 2]);
		expect(rates).toEqual(
			[0.2, 0.2]
				.map((rate) => [Math.fround(rate), Math.fround(rate)])
				.concat([
					[0.5, 0.25],
					[0.5, 0.25],
					[1, 1],
				]),
		);
	});

	it('keeps every learning rate applied within its bounds', () => {
		const controller = LayerwiseController.fromSchedule('cosine', {
			learningRate: Float32Array.of(10, 0.3),
			horizon: 20,
			bounds: { low: 0.01, high: 0.5 },
		});
		controller.start(LAYERS);
		for (let t = 0; t < 20; t++) {
			for (const rate of controller.learningRates) expect(rate).toBeGreaterThanOrEqual(Math.fround(0.01));
			for (const rate of controller.learningRates) expect(rate).toBeLessThanOrEqual(0.5);
			controller.observe();
		}
		const policy = LayerwiseController.fromPolicy(feedForward, {
			learningRate: 1,
			horizon: 100,
			bounds: { high: 0.9 },
		});
		policy.start(LAYERS);
		for (let t = 0; t < 50; t++) {
			for (const rate of policy.learningRates) expect(rate).toBeLessThanOrEqual(Math.fround(0.9));
			policy.observe(zeros, 1);
		}
	});

	it('works for one layer and for many', () => {
		for (const count of [1, 2, 57]) {
			const controller = LayerwiseController.fromPolicy(recurrent, { learningRate: 1e-3, interval: 2 });
			controller.start(Array.from({ length: count }, (_, l) => ({ name: `layer${l}`, size: l + 1 })));
			for (let t = 0; t < 9; t++) controller.observe(new Float32Array(count * 14).fill(0.1), 1);
			expect(controller.learningRates).toHaveLength(count);
			expect(controller.step).toBe(9);
		}
	});

	it('is over after as many mini-batches as its horizon has, the probing ones among them', () => {
		const progress: number[] = [];
		const controller = LayerwiseController.fromPolicy(feedForward, {
			learningRate: 1e-3,
			horizon: 24,
			onDecision: ({ step }) => progress.push(step),
		});
		controller.start(LAYERS);
		let steps = 0;
		while (controller.step < 24) {
			if (!controller.probing) steps++;
			controller.observe(zeros, 1);
		}
		expect(steps).toBe(20);
		expect(progress).toEqual(Array.from({ length: 20 }, (_, decision) => 4 + decision)); // none after the last step
	});

	it.each([
		[1, undefined, 1],
		[3, undefined, 1],
		[5, undefined, 1],
		[9, 2, 7],
	])('keeps a step in a training of %i mini-batches with %s probing ones', (horizon, probeBatches, expected) => {
		const controller = LayerwiseController.fromPolicy(feedForward, {
			learningRate: 1e-3,
			horizon,
			...(probeBatches === undefined ? {} : { probeBatches }),
		});
		controller.start(LAYERS);
		let steps = 0;
		while (controller.step < horizon) {
			if (!controller.probing) steps++;
			controller.observe(zeros, 1);
		}
		expect(steps).toBe(expected);
	});

	it('refuses more probing mini-batches than leave a step', () => {
		const options = { learningRate: 1e-3, horizon: 4, probeBatches: 4 };
		expect(() => LayerwiseController.fromPolicy(feedForward, options)).toThrow(/from 0 to 3 for probeBatches/);
	});

	it('counts a held-out loss that was reported until there is another, through a saved state too', () => {
		const seen: number[] = [];
		const open = () => {
			const controller = LayerwiseController.fromPolicy(feedForward, {
				learningRate: 0.1,
				interval: 2,
				probeBatches: 1,
				onDecision: ({ validationLoss }) => seen.push(validationLoss),
			});
			controller.start(LAYERS);
			return controller;
		};
		let controller = open();
		controller.observe(zeros, 1);
		controller.reportValidationLoss(3);
		for (let t = 0; t < 5; t++) {
			const state = JSON.parse(JSON.stringify(controller.state())) as LayerwiseControllerState;
			controller = open();
			controller.restore(state);
			controller.observe(zeros, 1);
		}
		controller.reportValidationLoss(undefined);
		for (let t = 0; t < 3; t++) controller.observe(zeros, 2);
		expect(seen).toEqual([1, 3, 3, 1.5, 2]);
		controller.reportValidationLoss(Number.NaN);
		controller.observe(zeros, 1);
		expect(controller.diverged).toBe(true);
		expect(() => controller.reportValidationLoss('1' as never)).toThrow(/^Expected a number or undefined/);
	});

	it('counts a held-out loss given by the way until the next decision, else the training loss stands in', () => {
		const seen: number[] = [];
		const controller = LayerwiseController.fromPolicy(feedForward, {
			learningRate: 0.1,
			interval: 2,
			probeBatches: 1,
			onDecision: ({ validationLoss }) => seen.push(validationLoss),
		});
		controller.start(LAYERS);
		controller.observe(zeros, { training: 2, validation: 3 });
		controller.observe(zeros, { training: 1, validation: 5 });
		controller.observe(zeros, 1);
		controller.observe(zeros, 1);
		controller.observe(zeros, 2);
		expect(seen).toEqual([3, 5, 1.5]);
	});

	it.each<[string, () => unknown, RegExp]>([
		[
			'a Promise',
			() => Promise.resolve(1),
			/received Promise.*returned a Promise.*await the loss beforehand.*training, validation/,
		],
		['nothing', () => undefined, /a number for what validationLoss\(\) returned but received undefined/],
		['null', () => null, /received null/],
		['text', () => '0.5', /received "0.5"/],
		['a tensor', () => tf.scalar(1), /received Tensor.*dataSync/],
		['a big integer', () => 1n, /received 1 of type bigint/],
	])('refuses a held-out loss that is %s, and can go on with the learning rates at hand', (_, give, message) => {
		let broken = true;
		const controller = LayerwiseController.fromPolicy(feedForward, {
			learningRate: 0.1,
			interval: 2,
			probeBatches: 2,
			validationLoss: (() => (broken ? give() : 1)) as never,
		});
		controller.start(LAYERS);
		controller.observe(zeros, 1);
		const before = controller.learningRates.slice();
		expect(() => controller.observe(zeros, 1)).toThrow(message);
		for (let t = 0; t < 2; t++) {
			const step = (): unknown => controller.observe(zeros, 1);
			if (t === 1) expect(step).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
			else step();
		}
		expect([controller.diverged, controller.learningRates]).toEqual([false, before]);
		broken = false;
		for (let t = 0; t < 4; t++) controller.observe(zeros, 1);
		expect([controller.diverged, controller.step]).toEqual([false, 8]);
		expect(controller.learningRates).not.toEqual(before);
		controller.restore(JSON.parse(JSON.stringify(controller.state())) as LayerwiseControllerState);
	});

	it('refuses an async function for the held-out loss at once, and losses that are no numbers', () => {
		const options = { learningRate: 0.1, validationLoss: (async () => 1) as never };
		expect(() => LayerwiseController.fromSchedule('constant', options)).toThrow(/It is async\. .*await the loss/);
		const controller = LayerwiseController.fromSchedule('constant', { learningRate: 0.1, interval: 2 });
		controller.start(LAYERS);
		for (const [losses, message] of [
			[Promise.resolve(1), /losses but received Promise.*Await it first/],
			[tf.scalar(1), /losses but received Tensor.*dataSync/],
			[{ training: tf.scalar(1) }, /losses\.training but received Tensor/],
			[{ training: 1, validation: Promise.resolve(1) }, /losses\.validation but received Promise/],
			[{ training: 1, validation: null }, /losses\.validation but received null/],
			[{ training: 1, valid: 1 }, /Unknown option losses\.valid; known ones are training, validation/],
			[{ loss: 1 }, /a number or \{ training, validation\? \}/],
			['1', /received "1"/],
			[null, /received null/],
		] as const) {
			expect(() => controller.observe(zeros, losses as never)).toThrow(message);
		}
		expect(controller.step).toBe(0);
		controller.observe(zeros, { training: -1, validation: -3 });
		controller.observe(zeros);
		expect(controller.diverged).toBe(false);
	});

	it('says what is wrong', () => {
		const options = { learningRate: 0.1 };
		const missing = LayerwiseController.fromPolicy(feedForward, options);
		expect(() => missing.learningRates).toThrow(/start\(layers\)/);
		missing.start(LAYERS);
		expect(() => missing.start(LAYERS)).toThrow(/already/);
		expect(() => missing.observe(zeros)).toThrow(/losses.*'learned' decides by/);
		expect(() => missing.observe(undefined, 1)).toThrow(/statistics/);
		expect(() => missing.observe(new Float32Array(3), 1)).toThrow(/length 28 \(layers × 14\)/);
		expect(() => LayerwiseController.fromPolicy('/nowhere.safetensors', options)).toThrow(/nowhere/);
		expect(() => LayerwiseController.fromSchedule('constant', { learningRate: 0 })).toThrow(/above 0/);
		expect(() => LayerwiseController.fromSchedule('constant', { learningRate: 1, typo: 1 } as never)).toThrow(/typo/);
		const wrong = LayerwiseController.fromSchedule('constant', { learningRate: new Float32Array(3).fill(1) });
		expect(() => wrong.start(LAYERS)).toThrow(/3 learning rates, but there are 2 layers: a, b/);
		const bad = LayerwiseController.fromFunction(() => Number.NaN, options);
		expect(() => bad.start(LAYERS)).toThrow(/what the function gave/);
		expect(() => LayerwiseController.fromSchedule('constant', { ...options, rollback: true }).start(LAYERS)).toThrow(
			/a snapshot to go back to/,
		);
		expect(() => missing.restore({} as never)).toThrow(/state\.version/);
		const state = missing.state();
		expect(() => missing.restore({ ...state, layers: ['x'] })).toThrow(/of the layers x/);
		expect(() => missing.restore({ ...state, learningRates: [1] })).toThrow(/state\.learningRates/);
		expect(() => missing.restore({ ...state, losses: [Number.NaN] })).toThrow(/state\.losses/);
		missing.restore(state);
	});
});
