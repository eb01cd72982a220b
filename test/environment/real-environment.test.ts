import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { runEpisode } from '../../src/environment/episode.js';
import { OBSERVATION_LIMIT } from '../../src/environment/observations/observer.js';
import { populationFactory } from '../../src/environment/populations/open-population.js';
import type { Population } from '../../src/environment/populations/population-interface.js';
import { TrainingEnvironment, type TrainingEnvironmentOptions } from '../../src/environment/training-environment.js';
import { SCHEDULES, scheduleByName } from '../../src/schedules/registry.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { sampleTasks } from '../../src/tasks/task-distribution.js';
import { TEST_DEVICE } from '../support/test-device.js';

const dataset = syntheticDataset({ noise: 80 });

const TASK: TrainingTask = {
	index: 0,
	spec: {
		input: dataset.shape,
		layers: [
			{ type: 'conv', filters: 4, kernelSize: 3, activation: 'relu' },
			{ type: 'max-pool', size: 2 },
			{ type: 'dense', units: 16, activation: 'relu' },
			{ type: 'dense', units: dataset.classes },
		],
	},
	optimizer: { algorithm: 'adam' },
	batchSize: 16,
	horizon: 100,
	interval: 10,
	sliceSize: 200,
	validationSize: 100,
	networks: [0.003, 0.01, 1e-6].map((learningRate, n) => ({ seed: 100 + n, learningRate })),
};

function withEnvironment<T>(
	options: Partial<TrainingEnvironmentOptions>,
	use: (environment: TrainingEnvironment) => T,
): T {
	const environment = new TrainingEnvironment({ dataset, task: TASK, device: TEST_DEVICE, ...options });
	try {
		return use(environment);
	} finally {
		environment.dispose();
	}
}

/** An episode of varied actions; every observation and reward in one list. */
function play(environment: TrainingEnvironment, task?: TrainingTask): number[] {
	const trace: number[] = [...environment.reset(task).observations];
	for (let decision = 0, done = false; !done; decision++) {
		const count = environment.networks * environment.agents;
		const actions = Uint8Array.from({ length: count }, (_, i) => 3 + ((decision * 7 + (i % environment.agents)) % 3));
		const result = environment.step(actions);
		trace.push(...result.observations, ...result.rewards);
		done = result.done;
	}
	return trace;
}

describe('TrainingEnvironment over NetworkPopulation', () => {
	it('learns under a cosine from a fitting learning rate, and not from a tiny one', () => {
		withEnvironment({}, (environment) => {
			const outcome = runEpisode({ environment, controller: scheduleByName('cosine'), traceLearningRates: true });
			for (const n of [0, 1]) {
				expect(outcome.finalValidationLoss[n]).toBeLessThan(0.5 * outcome.initialValidationLoss[n]!);
				expect(outcome.testAccuracy[n]).toBeGreaterThan(0.7);
				expect(outcome.returns[n]).toBeGreaterThan(Math.log(2));
			}
			expect(outcome.finalValidationLoss[2]).toBeGreaterThan(0.9 * outcome.initialValidationLoss[2]!);
			expect([...outcome.diverged]).toEqual([0, 0, 0]);
			expect(outcome.learningRates![9 * 3 * 3]).toBeLessThan(0.1 * outcome.learningRates![0]!);
			expect(outcome.nativeMilliseconds).toBeGreaterThan(0);
		});
	});

	it('gives observations that are finite and within their limits', () => {
		withEnvironment({}, (environment) => {
			const trace = play(environment);
			expect(trace.every((x) => Math.abs(x) <= OBSERVATION_LIMIT)).toBe(true);
			expect(new Set(trace).size).toBeGreaterThan(500);
		});
	});

	it('gives the same bits again: in a new environment, after a reset, and for any number of threads', () => {
		const first = withEnvironment({}, (environment) => {
			const trace = play(environment);
			expect(play(environment)).toEqual(trace);
			return trace;
		});
		for (const threads of [1, 2, 3]) expect(withEnvironment({ threads }, (e) => play(e))).toEqual(first);
	});

	it('gives a network the same results whoever trains beside it', () => {
		const together = withEnvironment({}, (environment) => {
			const outcome = runEpisode({ environment, controller: scheduleByName('one-cycle') });
			return [outcome.finalValidationLoss[1], outcome.testLoss[1]];
		});
		const task = { ...TASK, networks: [TASK.networks[1]!] };
		const alone = withEnvironment({ task }, (environment) => {
			const outcome = runEpisode({ environment, controller: scheduleByName('one-cycle') });
			return [outcome.finalValidationLoss[0], outcome.testLoss[0]];
		});
		expect(alone).toEqual(together);
	});

	it('makes exactly one native call a step', () => {
		const calls: string[] = [];
		const open = populationFactory({ dataset, device: TEST_DEVICE });
		const counting = (task: TrainingTask, seeds: Uint32Array): Population =>
			new Proxy(open(task, seeds), {
				get(target, property) {
					const value: unknown = Reflect.get(target, property, target);
					if (typeof value !== 'function') return value;
					return (...parameters: unknown[]): unknown => {
						calls.push(String(property));
						return Reflect.apply(value, target, parameters);
					};
				},
			});
		withEnvironment({ population: counting }, play);
		expect(calls).toEqual(['probe', ...Array.from({ length: 10 }, () => 'train'), 'dispose']);
	});

	it('changes no parameter before the first action', () => {
		withEnvironment({}, (environment) => {
			const { infos } = environment.reset();
			const initial = infos.validationLoss.slice();
			environment.stepWithLearningRates(new Float32Array(9));
			expect(infos.validationLoss).toEqual(initial);
		});
	});

	it('survives learning rates that ruin networks', () => {
		const networks = [1, 1e6, 1e30].map((learningRate, n) => ({ seed: n, learningRate }));
		const task = { ...TASK, optimizer: { algorithm: 'sgd' } as const, networks };
		withEnvironment({ task }, (environment) => {
			const outcome = runEpisode({ environment, controller: scheduleByName('constant') });
			for (const n of [1, 2]) {
				expect(outcome.diverged[n]).toBe(1);
				expect(outcome.returns[n]).toBeCloseTo(-Math.log(4) - 1, 4);
			}
			for (const accuracy of outcome.testAccuracy) expect(accuracy).toBeGreaterThanOrEqual(0);
		});
	});

	it('pays exactly nothing for doing what the baseline did', () => {
		const learningRate = 0.01;
		const networks = TASK.networks.map(({ seed }) => ({ seed, learningRate }));
		withEnvironment({ reward: 'baseline', baselineLearningRate: learningRate }, (environment) => {
			const outcome = runEpisode({
				environment,
				controller: scheduleByName('cosine'),
				task: { ...TASK, networks },
			});
			expect([...outcome.returns]).toEqual([0, 0, 0]);
		});
	});

	it.each(SCHEDULES)('runs under the schedule %s', (name) => {
		withEnvironment({}, (environment) => {
			const outcome = runEpisode({ environment, controller: scheduleByName(name), test: false });
			expect(outcome.diverged[0]).toBe(0);
			expect(outcome.finalValidationLoss[0]).toBeLessThan(outcome.initialValidationLoss[0]!);
		});
	});

	it('runs sampled tasks of several shapes one after the other', () => {
		const distribution = {
			dataset,
			networks: [
				{ type: 'mlp', depth: [1, 3], width: [8, 32] },
				{ type: 'cnn', filters: [4], hidden: [8] },
			],
			optimizers: [{ algorithm: 'adam' }, { algorithm: 'momentum' }],
			networksPerTask: 3,
			batchSizes: [8, 16],
			sliceSize: [100, 0],
			horizon: 40,
			validationSize: 64,
		} as const;
		const tasks = sampleTasks(distribution, 1, 0, 5);
		withEnvironment({ task: tasks[0]! }, (environment) => {
			const traces = tasks.map((task) => play(environment, task));
			for (const [i, task] of tasks.toReversed().entries()) {
				expect(play(environment, task)).toEqual(traces[tasks.length - 1 - i]);
			}
		});
	});

	it('stops when told to', () => {
		const cancellation = new Int32Array(new SharedArrayBuffer(4));
		withEnvironment({ cancellation }, (environment) => {
			environment.reset();
			Atomics.store(cancellation, 0, 1);
			expect(() => environment.step(new Uint8Array(9))).toThrow(expect.objectContaining({ code: 'CANCELLED' }));
			expect(() => environment.step(new Uint8Array(9))).toThrow(/call reset/);
			Atomics.store(cancellation, 0, 0);
			expect(environment.reset().infos.decision).toBe(0);
		});
	});
});
