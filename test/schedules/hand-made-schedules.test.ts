import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Controller } from '../../src/environment/controller.js';
import { runEpisode } from '../../src/environment/episode.js';
import { TrainingEnvironment } from '../../src/environment/training-environment.js';
import {
	cosineSchedule,
	exponentialSchedule,
	oneCycleSchedule,
	stepSchedule,
	warmupStableDecaySchedule,
} from '../../src/schedules/hand-made.js';
import { SCHEDULES, type ScheduleName, scheduleByName } from '../../src/schedules/registry.js';
import { trustRatioSchedule } from '../../src/schedules/trust-ratio.js';
import { tuneSchedule } from '../../src/schedules/tune.js';
import { FAKE_LAYERS, fakePopulations, fakeTask } from '../support/fake-population.js';

interface Vector {
	readonly name: string;
	readonly schedule: ScheduleName;
	readonly options: Record<string, never>;
	readonly horizon: number;
	readonly factors: readonly number[];
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/schedules.json', import.meta.url), 'utf8')) as {
	readonly cases: readonly Vector[];
};

/** A schedule's factor at every optimiser step of an episode, as the population gets it. */
function factors(controller: Controller, horizon: number, interval = 1): number[] {
	const populations = fakePopulations();
	const population: typeof populations.factory = (task, seeds) => {
		const fake = populations.factory(task, seeds);
		const train = fake.train.bind(fake);
		fake.train = (steps, controls, out, options) => {
			const learningRates = controls as Float32Array;
			for (let k = 0; k < steps; k++) given.push((learningRates[0]! / 0.5) * (options?.baseSchedule?.[k] ?? 1));
			train(steps, learningRates, out, options);
		};
		return fake;
	};
	const given: number[] = [];
	const task = fakeTask({ learningRates: [0.5], horizon, interval });
	runEpisode({ environment: new TrainingEnvironment({ task, population }), controller });
	return given;
}

describe('hand-made schedules', () => {
	it.each(vectors.cases)('equal PyTorch: $name', ({ schedule, options, horizon, factors: expected }) => {
		for (const interval of [1, horizon]) {
			const actual = factors(scheduleByName(schedule, options), horizon, interval);
			expect(actual).toHaveLength(horizon);
			for (const [t, factor] of expected.entries()) expect(actual[t], `step ${t}`).toBeCloseTo(factor, 6);
		}
	});

	it('have a constant', () => {
		expect(factors(scheduleByName('constant'), 6, 3)).toEqual([1, 1, 1, 1, 1, 1]);
	});

	it('warm up, stay and decay', () => {
		const linear = factors(
			warmupStableDecaySchedule({ warmupFraction: 0.2, decay: 'linear', decayFraction: 0.4 }),
			10,
			5,
		);
		for (const [t, factor] of [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25].entries())
			expect(linear[t]).toBeCloseTo(factor, 6);
		const root = factors(warmupStableDecaySchedule({ warmupFraction: 0, minimum: 0.1 }), 20, 4);
		expect(root.slice(0, 17)).toEqual(Array.from({ length: 17 }, () => 1));
		for (const t of [17, 18, 19]) expect(root[t]).toBeCloseTo(0.1 + 0.9 * (1 - Math.sqrt((t - 16) / 4)), 6);
		const cosine = factors(warmupStableDecaySchedule({ decay: 'cosine' }), 20, 20);
		expect(cosine[18]).toBeCloseTo(0.5, 6);
	});

	it('drop by a factor of its own at each milestone', () => {
		const actual = factors(stepSchedule({ milestones: [0.2, 0.6], gamma: [0.5, 0.1] }), 10, 5);
		for (const [t, factor] of [1, 1, 0.5, 0.5, 0.5, 0.5, 0.05].entries()) expect(actual[t]).toBeCloseTo(factor, 6);
	});

	it('let a cosine warm up first', () => {
		const actual = factors(cosineSchedule({ warmupSteps: 4 }), 12, 6);
		for (const [t, factor] of [0.25, 0.5, 0.75, 1, 1].entries()) expect(actual[t]).toBeCloseTo(factor, 6);
		expect(actual[8]).toBeCloseTo(0.5, 6);
	});

	it('come by name', () => {
		for (const name of SCHEDULES) expect(scheduleByName(name).name).toBe(name);
		expect(SCHEDULES).toHaveLength(7);
		expect(() => scheduleByName('linear' as 'cosine')).toThrow(/'constant', 'step'.*for schedule/);
	});

	it.each([
		[() => stepSchedule({ milestones: [2] }), /milestones\[0\]/],
		[() => stepSchedule({ gamma: [0.1] }), /2 factors, one a milestone, for gamma/],
		[() => stepSchedule({ gamma: [0.1, Number.NaN] }), /gamma\[1\]/],
		[() => exponentialSchedule({ gamma: 0 }), /gamma/],
		[() => cosineSchedule({ minimum: -1 }), /minimum/],
		[() => oneCycleSchedule({ initialDivisor: 0 }), /initialDivisor/],
		[() => warmupStableDecaySchedule({ warmupFraction: 0.5, decayFraction: 0.6 }), /decayFraction/],
		[() => trustRatioSchedule({ coefficient: 0 }), /coefficient/],
	])('refuse bad options %#', (make, message) => {
		expect(make).toThrow(message);
	});

	it('follow the task they are reset to', () => {
		const controller = cosineSchedule();
		expect(factors(controller, 20, 5)).toHaveLength(20);
		expect(factors(controller, 6, 2)).toEqual(factors(cosineSchedule(), 6, 2));
	});
});

describe('the trust ratio', () => {
	/** The learning rates of an episode's first interval; the fake has ‖g‖ = 2‖w‖ and ‖u‖ = ‖g‖. */
	function firstRates(controller: Controller, algorithm: 'sgd' | 'adam', weightDecay?: number): number[] {
		const { factory, opened } = fakePopulations();
		const optimizer = weightDecay === undefined ? { algorithm } : { algorithm, hyperparameters: { weightDecay } };
		const task = { ...fakeTask({ learningRates: [0.5] }), optimizer };
		runEpisode({ environment: new TrainingEnvironment({ task, population: factory }), controller });
		return [...opened[0]!.learningRates[0]!];
	}

	it('is LARS for gradient descent', () => {
		for (const rate of firstRates(trustRatioSchedule(), 'sgd')) expect(rate).toBeCloseTo(0.5 * 0.001 * 0.5, 9);
		for (const rate of firstRates(trustRatioSchedule(), 'sgd', 2)) expect(rate).toBeCloseTo((0.5 * 0.001) / 4, 9);
	});

	it('is LAMB for optimisers that rescale gradients', () => {
		for (const rate of firstRates(trustRatioSchedule(), 'adam')) expect(rate).toBeCloseTo(0.5 * 0.5, 6);
	});

	it('is cut at its maximum', () => {
		const controller = trustRatioSchedule({ coefficient: 100, maximum: 3 });
		for (const rate of firstRates(controller, 'adam')) expect(rate).toBeCloseTo(1.5, 6);
	});

	it('is 1 where a norm is 0', () => {
		const decide = (statistic: number) => {
			const statistics = new Float32Array(FAKE_LAYERS.length * 16).fill(statistic);
			const { factory } = fakePopulations();
			const environment = new TrainingEnvironment({ task: fakeTask({ learningRates: [0.5] }), population: factory });
			environment.reset();
			const rates = trustRatioSchedule().decide({ ...environment.context, statistics }).learningRates;
			return [...rates];
		};
		for (const broken of [0, Number.NaN, Number.POSITIVE_INFINITY]) expect(decide(broken)).toEqual([0.5, 0.5, 0.5]);
	});

	it('may decay by a cosine', () => {
		const actual = factors(trustRatioSchedule({ base: 'cosine' }), 8, 2);
		expect(actual[4]! / actual[0]!).toBeCloseTo(0.5, 5);
	});
});

describe('tuneSchedule', () => {
	function tune(learningRates: readonly number[], criterion: 'accuracy' | 'loss' = 'loss') {
		const { factory, opened } = fakePopulations();
		const task = fakeTask({ learningRates: [0.1, 0.1, 0.1], horizon: 100 });
		const environment = new TrainingEnvironment({ task, population: factory });
		const result = tuneSchedule({ environment, controller: cosineSchedule(), task, learningRates, criterion });
		return { result, opened };
	}

	it.each(['loss', 'accuracy'] as const)('finds the best of the grid by %s', (criterion) => {
		const { result, opened } = tune([1e-4, 1e-3, 1e-2, 3], criterion);
		expect(result.best.learningRate).toBe(1e-2);
		expect(result.rows.map(({ learningRate }) => learningRate)).toEqual([1e-4, 1e-3, 1e-2, 3]);
		expect(result.rows.map(({ diverged }) => diverged)).toEqual([0, 0, 0, 3]);
		expect(result.rows[3]!.logLossStandardError).toBeGreaterThanOrEqual(0);
		expect(result.atEdge).toBe(false);
		expect(opened).toHaveLength(1);
	});

	it('says when the best lies at the edge', () => {
		expect(tune([1e-2, 1e-4]).result).toMatchObject({ atEdge: true, best: { learningRate: 1e-2 } });
	});

	it('refuses an empty grid and learning rates that are not positive', () => {
		expect(() => tune([])).toThrow(/at least one learning rate/);
		expect(() => tune([0])).toThrow(/learningRates\[0\]/);
	});
});
