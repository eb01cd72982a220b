import { describe, expect, it } from 'vitest';
import type { Controller } from '../../src/environment/controller.js';
import { runEpisode } from '../../src/environment/episode.js';
import { OBSERVATION_SIZE, observationNames } from '../../src/environment/observations/layer-observation.js';
import { TrainingEnvironment, type TrainingEnvironmentOptions } from '../../src/environment/training-environment.js';
import { fakePopulations, fakeTask } from '../support/fake-population.js';

const L = 3;

function make(options: Partial<TrainingEnvironmentOptions> = {}) {
	const populations = fakePopulations();
	const environment = new TrainingEnvironment({ task: fakeTask(), population: populations.factory, ...options });
	return { environment, opened: populations.opened };
}

const still = (environment: TrainingEnvironment) => new Uint8Array(environment.networks * environment.agents).fill(4);

describe('TrainingEnvironment', () => {
	it('gives arrays of the documented shapes, before and after the first decision', () => {
		const { environment } = make();
		const { observations, infos } = environment.reset();
		expect(observations).toHaveLength(2 * L * OBSERVATION_SIZE);
		expect(infos.decision).toBe(0);
		expect(infos.decisions).toBe(4);
		const result = environment.step(still(environment));
		expect(result.rewards).toHaveLength(2 * L);
		expect(result.terminations).toEqual(new Uint8Array(2));
		expect(result.truncations).toEqual(new Uint8Array(2));
		expect(result.infos.decision).toBe(1);
		expect(result.observations).toBe(observations);
		expect([environment.networks, environment.layers, environment.agents, environment.decisions]).toEqual([2, L, L, 4]);
	});

	it('makes one native call a step, and a probe before the first', () => {
		const { environment, opened } = make();
		environment.reset();
		expect(opened[0]!.calls).toEqual(['probe']);
		for (let k = 0; k < 4; k++) environment.step(still(environment));
		expect(opened[0]!.calls).toEqual(['probe', 'train', 'train', 'train', 'train']);
	});

	it('is over at the horizon, where networks are truncated, not terminated', () => {
		const { environment } = make();
		environment.reset();
		for (let k = 0; k < 3; k++) expect(environment.step(still(environment)).done).toBe(false);
		const result = environment.step(still(environment));
		expect(result.done).toBe(true);
		expect([...result.truncations]).toEqual([1, 1]);
		expect([...result.terminations]).toEqual([0, 0]);
		expect(() => environment.step(still(environment))).toThrow(/episode is over/);
		expect([...environment.reset().infos.active]).toEqual([1, 1]);
	});

	it('turns actions into learning rates, action by action', () => {
		const { environment, opened } = make();
		environment.reset();
		environment.step(new Uint8Array([4, 5, 6, 2, 1, 0]));
		environment.step(new Uint8Array([6, 6, 6, 4, 4, 4]));
		const [first, second] = opened[0]!.learningRates;
		const expected = [0.01, 0.0125, 0.02, 0.05, 0.03, 0.01];
		for (const [i, rate] of expected.entries()) {
			expect(first![i]).toBeCloseTo(rate, 7);
			expect(second![i]).toBeCloseTo(i < 3 ? 2 * rate : rate, 7);
		}
	});

	it('starts every episode from the initial learning rates, layer multipliers included', () => {
		const task = fakeTask({ networks: [{ seed: 1, learningRate: 0.01, layerMultipliers: [1, 10, 0.1] }] });
		const { environment, opened } = make({ task });
		for (let episode = 0; episode < 2; episode++) {
			environment.reset();
			environment.step(new Uint8Array([6, 6, 6]));
			const rates = opened[0]!.learningRates[episode]!;
			for (const [l, rate] of [0.02, 0.2, 0.002].entries()) expect(rates[l]).toBeCloseTo(rate, 7);
		}
	});

	it('rewards the improvement of the validation loss, the same for all agents of a network', () => {
		const { environment } = make();
		const before = environment.reset().infos.validationLoss.slice();
		const { rewards, infos } = environment.step(still(environment));
		for (let n = 0; n < 2; n++) {
			for (let l = 0; l < L; l++) {
				expect(rewards[n * L + l]).toBeCloseTo(Math.log(before[n]! / infos.validationLoss[n]!), 5);
			}
		}
	});

	it('shows the previous action and the progress', () => {
		const { environment } = make();
		const { observations } = environment.reset();
		const feature = (row: number, name: string) =>
			observations[row * OBSERVATION_SIZE + observationNames.indexOf(name)];
		expect(feature(0, 'progress')).toBe(-1);
		expect(feature(0, 'previousAction')).toBe(0);
		environment.step(new Uint8Array([0, 4, 8, 4, 4, 4]));
		expect([0, 1, 2].map((row) => feature(row, 'previousAction'))).toEqual([-1, 0, 1]);
		expect(feature(5, 'progress')).toBe(-0.5);
	});

	it('controls all layers by one agent when asked for', () => {
		const { environment, opened } = make({ granularity: 'network' });
		expect(environment.reset().observations).toHaveLength(2 * OBSERVATION_SIZE);
		const { rewards } = environment.step(new Uint8Array([6, 4]));
		expect(rewards).toHaveLength(2);
		const expected = [0.02, 0.02, 0.02, 0.1, 0.1, 0.1];
		for (const [i, rate] of expected.entries()) expect(opened[0]!.learningRates[0]![i]).toBeCloseTo(rate, 7);
		expect(() => environment.step(new Uint8Array(6))).toThrow(/length 2 \(networks × agents\)/);
	});

	it('multiplies the actions’ learning rates by the base schedule', () => {
		const baseSchedule = Float32Array.from({ length: 20 }, (_, t) => 1 - t / 20);
		const { environment } = make({ baseSchedule });
		environment.reset();
		environment.step(still(environment));
		const { infos } = environment.step(still(environment));
		expect(infos.learningRates[0]).toBeCloseTo(0.01 * (1 - 7 / 20), 6);
	});

	it('lets a controller set learning rates and a base schedule', () => {
		const { environment, opened } = make();
		environment.reset();
		const rates = new Float32Array(6).fill(0.2);
		const { infos } = environment.stepWithLearningRates(rates, new Float32Array([1, 1, 0.5, 0, 0]));
		expect([...opened[0]!.learningRates[0]!]).toEqual([...rates]);
		expect(infos.learningRates[0]).toBeCloseTo(0.1, 6);
		expect(environment.context.learningRates[0]).toBeCloseTo(0.2, 6);
		expect(environment.context.decision).toBe(1);
	});

	it('takes a network that diverged out of the game and leaves the others alone', () => {
		const task = fakeTask({ learningRates: [0.1, 0.1] });
		const alone = make({ task });
		const { environment, opened } = make({ task });
		environment.reset();
		alone.environment.reset();
		opened[0]!.forced.set(0, [0.5, Number.NaN]);
		const first = environment.step(still(environment)).rewards[0]!;
		alone.environment.step(still(environment));
		const result = environment.step(still(environment));
		const other = alone.environment.step(still(environment));
		expect([...result.terminations]).toEqual([1, 0]);
		expect([...result.infos.active]).toEqual([0, 1]);
		expect(first + result.rewards[0]!).toBeCloseTo(-Math.log(4) - 1, 5);
		expect(result.infos.validationLoss[0]).toBeNaN();
		expect([...result.observations.subarray(L * OBSERVATION_SIZE)]).toEqual([
			...other.observations.subarray(L * OBSERVATION_SIZE),
		]);
		const later = environment.step(still(environment));
		expect([...later.rewards.subarray(0, L)]).toEqual([0, 0, 0]);
		expect(later.rewards[L]).toBeGreaterThan(0);
		expect(later.observations.subarray(0, L * OBSERVATION_SIZE).every((x) => x === 0)).toBe(true);
		expect([...opened[0]!.learningRates[2]!].map((rate) => rate > 0)).toEqual([false, false, false, true, true, true]);
		expect([...environment.step(still(environment)).truncations]).toEqual([0, 1]);
	});

	it('ends early when every network has diverged', () => {
		const { environment, opened } = make();
		environment.reset();
		opened[0]!.forced.set(0, [Number.NaN]).set(1, [Number.NaN]);
		expect(environment.step(still(environment)).done).toBe(true);
	});

	it('pays the baseline reward against a cosine run of the same networks, measured once a task', () => {
		const { environment, opened } = make({ reward: 'baseline', baselineLearningRate: 0.05 });
		environment.reset();
		expect(opened[0]!.calls).toEqual(['train', 'train', 'train', 'train', 'reset', 'probe']);
		environment.reset();
		expect(opened[0]!.calls.slice(6)).toEqual(['reset', 'probe']);
		const rates = new Float32Array(6).fill(0.05);
		let total = 0;
		for (let k = 0; k < 4; k++) {
			const base = Float32Array.from({ length: 5 }, (_, i) => 0.5 * (1 + Math.cos((Math.PI * (k * 5 + i)) / 20)));
			total += environment.stepWithLearningRates(rates, base).rewards[0]!;
		}
		expect(total).toBe(0); // it did exactly what the baseline did
	});

	it('reuses the population for a task of the same shape, and opens another for any other', () => {
		const { environment, opened } = make();
		environment.reset();
		const first = environment.reset().infos.validationLoss.slice();
		environment.reset(fakeTask({ index: 1, horizon: 50, interval: 10 }));
		expect(opened).toHaveLength(1);
		expect(environment.decisions).toBe(5);
		expect(environment.reset(fakeTask(), new Uint32Array([1, 2])).infos.validationLoss).toEqual(first);
		expect(environment.reset(fakeTask(), new Uint32Array([3, 4])).infos.validationLoss).not.toEqual(first);
		environment.reset(fakeTask({ batchSize: 8 }));
		expect(opened).toHaveLength(2);
		expect(opened[0]!.disposed).toBe(true);
	});

	it('refuses bad input with a sentence', () => {
		const { environment } = make();
		expect(() => environment.step(new Uint8Array(6))).toThrow(/call reset\(\) first/);
		environment.reset();
		expect(() => environment.step(new Uint8Array(5))).toThrow(/Uint8Array of length 6/);
		expect(() => environment.step(new Uint8Array(6).fill(9))).toThrow(/from 0 to 8 for actions\[0\]/);
		expect(() => environment.stepWithLearningRates(new Float32Array(5))).toThrow(/length 6 \(networks × layers\)/);
		const negative = new Float32Array(6).fill(-1);
		expect(() => environment.stepWithLearningRates(negative)).toThrow(/learningRates\[0\]/);
		const notANumber = new Float32Array(6).fill(Number.NaN);
		expect(() => environment.stepWithLearningRates(notANumber)).toThrow(/learningRates\[0\]/);
		expect(() => environment.reset(fakeTask({ interval: 7 }))).toThrow(/divisor of task.horizon \(20\)/);
		expect(() => environment.reset(fakeTask(), new Uint32Array(1))).toThrow(/Uint32Array of length 2 for seeds/);
		const networks = [{ seed: 1, learningRate: 0.1, layerMultipliers: [1] }];
		expect(() => environment.reset(fakeTask({ networks }))).toThrow(/layerMultipliers/);
		expect(() => make({ granularity: 'two' as 'network' })).toThrow(/'layer', 'network' for granularity/);
		expect(() => new TrainingEnvironment({ task: fakeTask() })).toThrow(/dataset/);
	});

	it('frees its population once, and says so afterwards', () => {
		const { environment, opened } = make();
		environment.reset();
		environment.dispose();
		environment.dispose();
		expect(opened[0]!.disposed).toBe(true);
		expect(() => environment.reset()).toThrow(/disposed/);
	});
});

describe('runEpisode', () => {
	const halving: Controller = {
		name: 'halving',
		reset: () => {},
		decide: ({ learningRates }) => ({ learningRates: learningRates.map((rate) => rate / 2) }),
	};

	it('drives a controller and reports outcomes and the learning rates of every decision', () => {
		const { environment } = make();
		const outcome = runEpisode({ environment, controller: halving, traceLearningRates: true });
		expect(outcome.learningRates).toHaveLength(4 * 2 * L);
		for (let k = 0; k < 4; k++) expect(outcome.learningRates![k * 6]).toBeCloseTo(0.01 / 2 ** (k + 1), 7);
		expect(outcome.finalValidationLoss[1]).toBeLessThan(outcome.initialValidationLoss[1]!);
		expect(outcome.bestValidationLoss).toEqual(outcome.finalValidationLoss);
		expect(outcome.testLoss).toEqual(outcome.finalValidationLoss);
		const improvement = Math.log(outcome.initialValidationLoss[0]! / outcome.finalValidationLoss[0]!);
		expect(outcome.returns[0]).toBeCloseTo(improvement, 5);
		expect([...outcome.diverged]).toEqual([0, 0]);
	});

	it('keeps the best figures when the end is worse', () => {
		const { environment, opened } = make();
		environment.reset();
		opened[0]!.forced.set(0, [2, 1, 0.25, 0.5, 1]); // the first is for the probe
		const outcome = runEpisode({ environment, controller: halving, test: false });
		expect(outcome.initialValidationLoss[0]).toBe(2);
		expect(outcome.bestValidationLoss[0]).toBe(0.25);
		expect(outcome.finalValidationLoss[0]).toBe(1);
		expect(outcome.bestValidationAccuracy[0]).toBeCloseTo(0.8, 6);
		expect(outcome.testAccuracy[0]).toBeNaN();
	});

	it('multiplies an outer base schedule in', () => {
		const { environment } = make();
		const baseSchedule = new Float32Array(20).fill(0.5);
		const outcome = runEpisode({ environment, controller: halving, baseSchedule, traceLearningRates: true });
		expect(outcome.learningRates![0]).toBeCloseTo(0.0025, 8);
	});

	it('stops when every network has diverged', () => {
		const { environment } = make({ task: fakeTask({ learningRates: [3, 5], horizon: 100 }) });
		const hold: Controller = { ...halving, decide: ({ learningRates }) => ({ learningRates: learningRates.slice() }) };
		const outcome = runEpisode({ environment, controller: hold });
		expect([...outcome.diverged]).toEqual([1, 1]);
		for (const total of outcome.returns) expect(total).toBeCloseTo(-Math.log(4) - 1, 4);
	});
});
