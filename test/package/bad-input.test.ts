import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LayerwisePlanOptions, NativePopulationOptions } from '../../binding.d.ts';
import { parseConfig } from '../../src/config/config.js';
import { PRESETS } from '../../src/config/presets.js';
import { loadDataset } from '../../src/datasets/load.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { TrainingEnvironment } from '../../src/environment/training-environment.js';
import { type ErrorCode, GannoError } from '../../src/errors.js';
import { native } from '../../src/native.js';
import { cnn, mlp } from '../../src/networks/builders.js';
import { NetworkPopulation } from '../../src/networks/population.js';
import { resolvePopulation } from '../../src/networks/population-options.js';
import { inferShapes } from '../../src/networks/shapes.js';
import { layerStatistics } from '../../src/optimizer/layer-statistics.js';
import { LayerwiseOptimizer } from '../../src/optimizer/layerwise-optimizer.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { loadPolicy, savePolicy } from '../../src/policy/policy-file.js';
import { SCHEDULES, scheduleByName } from '../../src/schedules/registry.js';
import { damage, garbage, spoil } from '../support/garbage.js';
import { randomPolicy } from '../support/random-policy.js';

/** Whatever is passed: an answer without NaN, or a GannoError that says what to do. GANNO_TEST_FULL fuzzes at length. */

const numRuns = process.env.GANNO_TEST_FULL === undefined ? 500 : 20_000;
const spoiled = fc.array(damage, { minLength: 1, maxLength: 2 });

const CODES: readonly ErrorCode[] = ['INVALID_ARGUMENT', 'INVALID_CONFIG', 'DISPOSED', 'DIVERGED', 'CUDA_UNAVAILABLE'];

/** What the call gives, or undefined where it refuses as it should; anything else is the test's failure. */
function attempt<T>(call: () => T, codes: readonly ErrorCode[] = CODES): T | undefined {
	try {
		return call();
	} catch (error) {
		expectRefusal(error, codes);
		return undefined;
	}
}

function expectRefusal(error: unknown, codes: readonly ErrorCode[]): void {
	if (!(error instanceof GannoError)) throw error;
	expect(codes).toContain(error.code);
	expect(error.message).toMatch(/\w+ \w+/);
	expect(error.message).not.toMatch(/undefined is|is not a function|Cannot read/);
}

function check<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void {
	fc.assert(fc.property(arbitrary, property), { numRuns });
}

const allFinite = (values: Float32Array): boolean => values.every(Number.isFinite);

const dataset = syntheticDataset({ shape: [6, 6, 1], classes: 3, size: 60 });
const populations = () => ({
	spec: {
		input: [6, 6, 1],
		layers: [
			{ type: 'conv', filters: 2, kernelSize: 3 },
			{ type: 'dense', units: 3 },
		],
	},
	networks: 2,
	batchSize: 4,
	optimizer: { algorithm: 'adam', hyperparameters: { beta1: 0.9 } },
	dataset: structuredClone(dataset), // its large arrays stay shared
	seeds: Uint32Array.of(1, 2),
	threads: 1,
});

function open(options: unknown): NetworkPopulation | undefined {
	return attempt(() => new NetworkPopulation(options as ConstructorParameters<typeof NetworkPopulation>[0]));
}

describe('an optimiser', () => {
	const options = (device: string) => ({
		algorithm: 'adam',
		layers: [
			{
				name: 'a',
				parameters: [new Float32Array(3).fill(1), new Float32Array(2)],
				gradients: [new Float32Array(3).fill(1), new Float32Array(2)],
			},
			{
				name: 'b',
				parameters: new Float32Array(4).fill(1),
				gradients: new Float32Array(4).fill(1),
				weightDecay: false,
			},
		],
		hyperparameters: { beta1: 0.9, epsilon: 1e-8 },
		nonFinite: 'skip-element',
		denormals: 'keep',
		device,
		threads: 1,
	});
	const make = (given: unknown) =>
		attempt(() => new LayerwiseOptimizer(given as ConstructorParameters<typeof LayerwiseOptimizer>[0]));

	it.each(['cpu', 'reference'])('is made, stepped and restored from anything (%s)', (device) => {
		check(
			fc.tuple(spoiled, fc.array(garbage, { minLength: 4, maxLength: 4 }), spoiled),
			([damages, values, stateDamages]) => {
				using whole = make(options(device)) as LayerwiseOptimizer;
				using other = make(damages.reduce(spoil, options(device)));
				make(values[0]);
				for (const optimizer of [whole, other]) {
					if (optimizer === undefined) continue;
					const statistics = new Float32Array(optimizer.layerNames.length * 14);
					const step = (...args: readonly unknown[]) =>
						attempt(() => optimizer.step(...(args as Parameters<LayerwiseOptimizer['step']>)));
					step(values[1], statistics);
					step({ learningRates: values[2], weightDecays: values[3], momenta: values[0] }, statistics);
					step(1e-3, values[1], values[2]);
					step(1e-3, statistics, { inverseScale: values[3] });
					expect(statistics.some(Number.isNaN)).toBe(false);
				}
				attempt(() => whole.restore(values[0] as Parameters<typeof whole.restore>[0]));
				attempt(() => whole.restore(stateDamages.reduce(spoil, structuredClone(whole.state()))));
				whole.dispose();
				attempt(() => whole.step(1e-3), ['DISPOSED']);
			},
		);
	});

	it.each(['cpu', 'reference'])('takes steps off the main thread from anything (%s)', async (device) => {
		const promises: Promise<void>[] = [];
		check(fc.tuple(spoiled, fc.array(garbage, { minLength: 3, maxLength: 3 })), ([damages, values]) => {
			for (const optimizer of [make(options(device)), make(damages.reduce(spoil, options(device)))]) {
				if (optimizer === undefined) continue;
				const statistics = new Float32Array(optimizer.layerNames.length * 14);
				const step = (...args: readonly unknown[]) => {
					const promise = optimizer.stepAsync(...(args as Parameters<LayerwiseOptimizer['stepAsync']>));
					promises.push(promise.catch((error: unknown) => expectRefusal(error, CODES)));
				};
				step(values[0], values[1], values[2]);
				step(1e-3, statistics);
				step(values[0], statistics);
				attempt(() => optimizer.step(1e-3, statistics));
				attempt(() => optimizer.probe(values[0] as number, statistics, values[1] as undefined));
				optimizer.dispose();
			}
		});
		await Promise.all(promises);
	});

	it.each(['cpu', 'reference'])('or its layers alone are looked at, whatever they are (%s)', (device) => {
		check(fc.tuple(spoiled, spoiled, garbage, garbage), ([damages, optionDamages, out, layers]) => {
			const ask = (...args: readonly unknown[]) => {
				const statistics = attempt(() => layerStatistics(...(args as Parameters<typeof layerStatistics>)));
				expect(statistics?.some(Number.isNaN) ?? false).toBe(false);
			};
			const spoiledLayers = damages.reduce(spoil, options(device)) as { layers?: unknown } | undefined;
			const given = { device, threads: 1, inverseScale: 0.5, denormals: 'keep' };
			ask(spoiledLayers?.layers, undefined, given);
			ask(layers, out, given);
			ask(options(device).layers, out, optionDamages.reduce(spoil, given));
		});
	});

	it.each(['cpu', 'reference'])('gives its state away after its arrays were detached (%s)', (device) => {
		const lost = options(device);
		using optimizer = make(lost) as LayerwiseOptimizer;
		optimizer.step(1e-3);
		const before = optimizer.state();
		const [, layer] = lost.layers;
		const buffer = (layer as { parameters: Float32Array }).parameters.buffer as ArrayBuffer;
		structuredClone(buffer, { transfer: [buffer] });
		expect(() => optimizer.step(1e-3)).toThrow(/detached.*restore\(\)/s);
		expect(optimizer.state()).toEqual(before);
		using next = make(options(device)) as LayerwiseOptimizer;
		next.restore(optimizer.state());
		expect(next.state()).toEqual(before);
	});
});

describe('a population', () => {
	it('is opened from anything', () => {
		check(spoiled, (damages) => open(damages.reduce(spoil, populations()))?.dispose());
		check(garbage, (value) => open(value)?.dispose());
	});

	it('answers anything, and never with NaN', () => {
		using population = open(populations()) as NetworkPopulation;
		const out = () => ({
			statistics: new Float32Array(2 * 2 * 16),
			trainingLoss: new Float32Array(4),
			validation: new Float32Array(6),
		});
		type Method =
			| 'train'
			| 'probe'
			| 'evaluate'
			| 'save'
			| 'restore'
			| 'fork'
			| 'parameters'
			| 'setParameters'
			| 'lossAndGradient'
			| 'reset';
		const methods = fc.constantFrom<Method[]>(
			'train',
			'probe',
			'evaluate',
			'save',
			'restore',
			'fork',
			'parameters',
			'setParameters',
			'lossAndGradient',
			'reset',
		);
		check(fc.tuple(methods, fc.array(garbage, { maxLength: 4 }), spoiled), ([method, args, damages]) => {
			const call = (...values: readonly unknown[]) =>
				attempt(() => (population[method] as (...given: unknown[]) => unknown).apply(population, [...values]));
			call(...args);
			const target = out();
			if (method === 'train' || method === 'probe') {
				call(2, args[0], target);
				call(
					2,
					{ learningRates: new Float32Array(4).fill(0.1), weightDecays: args[1], momenta: args[2] },
					target,
					args[3],
				);
				call(2, 0.1, damages.reduce(spoil, out()), { baseSchedule: args[0] });
				for (const values of Object.values(target)) expect(allFinite(values)).toBe(true);
			}
			if (method === 'lossAndGradient') {
				const gradient = new Float32Array(population.parameterCount);
				const loss = call(0, Uint32Array.of(1, 2), gradient);
				expect(Number.isFinite(loss ?? 0) && allFinite(gradient)).toBe(true);
			}
			if (population.divergedFlags().includes(1)) population.reset(Uint32Array.of(1, 2));
		});
	});

	it('says that a network has diverged rather than give a gradient of NaN', () => {
		using population = open(populations()) as NetworkPopulation;
		population.setParameters(0, new Float32Array(population.parameterCount).fill(3e38));
		const gradient = new Float32Array(population.parameterCount);
		expect(() => population.lossAndGradient(0, Uint32Array.of(0), gradient)).toThrow(/not finite/);
		expect(allFinite(gradient)).toBe(true);
	});
});

describe('an environment', () => {
	const options = () => ({
		task: {
			index: 0,
			spec: mlp({ input: [6, 6, 1], hidden: [4], classes: 3 }),
			optimizer: { algorithm: 'adam', hyperparameters: {} },
			batchSize: 4,
			horizon: 4,
			interval: 2,
			networks: [
				{ seed: 1, learningRate: 0.01, layerMultipliers: [1, 2] },
				{ seed: 2, learningRate: 0.1 },
			],
		},
		dataset: structuredClone(dataset),
		action: 'compounding',
		reward: 'log-improvement',
		granularity: 'layer',
		threads: 1,
	});

	it('is made, reset and stepped from anything, and never observes NaN', () => {
		check(fc.tuple(spoiled, fc.array(garbage, { minLength: 4, maxLength: 4 })), ([damages, values]) => {
			using environment = attempt(
				() =>
					new TrainingEnvironment(
						damages.reduce(spoil, options()) as ConstructorParameters<typeof TrainingEnvironment>[0],
					),
			);
			attempt(() => new TrainingEnvironment(values[0] as ConstructorParameters<typeof TrainingEnvironment>[0]));
			if (environment === undefined) return;
			const [a, b, c, d] = values as never[];
			const results = [
				attempt(() => environment.reset()),
				attempt(() => environment.step(a as never)),
				attempt(() => environment.stepWithLearningRates(new Float32Array(4).fill(0.1), b, c)),
				attempt(() => environment.stepWithLearningRates(d as never)),
				attempt(() => environment.evaluate(a as never, b as never)),
				attempt(() => environment.reset(damages.reduce(spoil, options().task) as never, c)),
				attempt(() => environment.step(new Uint8Array(4))),
			];
			for (const result of results) {
				if (typeof result !== 'object') continue;
				expect(allFinite(result.observations)).toBe(true);
			}
			environment.dispose();
			attempt(() => environment.step(new Uint8Array(4)), ['DISPOSED']);
		});
	});
});

describe('a policy', () => {
	it('is run, deployed and saved from anything', () => {
		check(fc.tuple(spoiled, fc.array(garbage, { minLength: 4, maxLength: 4 })), ([damages, values]) => {
			const [a, b, c, d] = values as never[];
			const snapshot = () => structuredClone(randomPolicy('recurrent'));
			attempt(() => createPolicyInference(a as never));
			attempt(() => new PolicyController(a as never));
			attempt(() => new PolicyController(damages.reduce<object>(spoil, snapshot()) as never));
			attempt(() => createPolicyInference(damages.reduce<object>(spoil, snapshot()) as never));
			const inference = createPolicyInference(snapshot());
			attempt(() => inference.forward(a as never, b as never, c as never, d as never));
			attempt(() => inference.forward(new Float32Array(23), 1, a as never, b as never));
			attempt(
				() => savePolicy('/nonexistent/policy', { ...snapshot(), training: a as never }),
				['INVALID_ARGUMENT', 'FILE_SYSTEM'],
			);
		});
	});

	it('is not waited for on a file descriptor', () => {
		for (const path of [0, 1, undefined, '', {}, Buffer.from('x')]) {
			attempt(() => loadPolicy(path as string), ['INVALID_ARGUMENT']);
			expect(() => loadPolicy(path as string)).toThrow(/path/);
		}
	});
});

describe('specifications, schedules, configs and data sets', () => {
	it('are checked, whatever they are', () => {
		check(fc.tuple(spoiled, garbage, fc.constantFrom(...SCHEDULES)), ([damages, value, schedule]) => {
			attempt(() => inferShapes(damages.reduce(spoil, populations().spec) as never));
			attempt(() => inferShapes(value as never));
			attempt(() => mlp(damages.reduce(spoil, { input: [6, 6, 1], hidden: [4], classes: 3 }) as never));
			attempt(() => cnn(damages.reduce(spoil, { input: [6, 6, 1], filters: [4], hidden: [3], classes: 3 }) as never));
			attempt(() => scheduleByName(schedule, value as never));
			attempt(() => parseConfig(damages.reduce(spoil, structuredClone(PRESETS.quick)) as never));
			attempt(() => parseConfig(value as never));
		});
	});

	it('are not downloaded because an option is of the wrong type', async () => {
		for (const download of ['no', 0, null]) {
			const attempted = loadDataset('mnist', { dataDirectory: '/nonexistent', download: download as never });
			await expect(attempted).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
		}
	});
});

describe('the addon itself', () => {
	const plan = (): LayerwisePlanOptions => ({
		algorithm: 4,
		nonFinite: 0,
		threads: 1,
		hyperparameters: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, rho: 0.9 },
		parameters: [new Float32Array(3), new Float32Array(2)],
		gradients: [new Float32Array(3), new Float32Array(2)],
		arraysPerLayer: Uint32Array.of(1, 1),
	});
	const population = (): NativePopulationOptions => resolvePopulation(populations() as never).native;

	/** Any JavaScript error will do here, as long as there is a process to catch it. */
	function survive(call: () => unknown): unknown {
		try {
			return call();
		} catch (error) {
			expect(error).toBeInstanceOf(Error);
			return undefined;
		}
	}

	it('survives anything', async () => {
		const { LayerwisePlan, NativePopulation, randomBlocks } = native();
		const running: Promise<unknown>[] = [];
		check(fc.tuple(spoiled, fc.array(garbage, { maxLength: 8 }), fc.nat(100)), ([damages, args, pick]) => {
			for (const handle of [
				survive(() => new LayerwisePlan(damages.reduce(spoil, plan()))),
				survive(() => new LayerwisePlan(plan())),
				survive(() => new NativePopulation(damages.reduce(spoil, population()))),
				survive(() => new NativePopulation(population())),
			]) {
				if (handle === undefined) continue;
				const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(handle)).filter(
					(name) => name !== 'constructor',
				);
				const method = methods[pick % methods.length] as string;
				const given = method.startsWith('train') && typeof args[0] === 'number' ? [2, ...args.slice(1)] : args;
				const run = () => (handle as Record<string, (...values: unknown[]) => unknown>)[method]?.(...given);
				const result = survive(run);
				if (result instanceof Promise) running.push(result.catch(() => {}));
				survive(() => (LayerwisePlan.prototype.step as (...values: unknown[]) => void).apply(handle, args));
				(handle as { dispose(): void }).dispose();
				survive(run);
			}
			survive(() => (randomBlocks as (...values: unknown[]) => void)(...args));
		});
		await Promise.all(running);
	});
});
