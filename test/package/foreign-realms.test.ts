import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { TrainingEnvironment } from '../../src/environment/training-environment.js';
import { fromNative, GannoError, serializeError } from '../../src/errors.js';
import { writeSafetensors } from '../../src/files/safetensors.js';
import { layersModelArtifacts } from '../../src/networks/layers-model.js';
import { NetworkPopulation } from '../../src/networks/population.js';
import type { NetworkSpec } from '../../src/networks/spec.js';
import { layerStatistics } from '../../src/optimizer/layer-statistics.js';
import { LayerwiseOptimizer } from '../../src/optimizer/layerwise-optimizer.js';
import { pairedDifference } from '../../src/paired-difference.js';
import { sampleContinuousActions } from '../../src/policy/gaussian.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { loadPolicy, savePolicy } from '../../src/policy/policy-file.js';
import { sampleActions } from '../../src/policy/sampling.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { populationOutput } from '../support/population.js';

/**
 * Arrays, buffers and errors made elsewhere: under jest, in a sandbox, by `structuredClone` there. `instanceof` knows none of them. Every
 * call of the public interface that takes arrays is made twice, with our own and with those of another realm; both give the same.
 */

const elsewhere = vm.createContext({});
const classOf = (name: string): unknown => vm.runInContext(name, elsewhere);

/** The same value made of objects, arrays and buffers of another realm. Functions and instances of classes stay. */
function foreign<T>(value: T): T {
	return copy(value) as T;
}

function copy(value: unknown): unknown {
	if (ArrayBuffer.isView(value)) {
		const array = value as Float32Array;
		const shared = array.buffer instanceof SharedArrayBuffer;
		const Buffers = classOf(shared ? 'SharedArrayBuffer' : 'ArrayBuffer') as new (bytes: number) => ArrayBuffer;
		const Arrays = classOf(array.constructor.name) as new (buffer: ArrayBuffer) => Float32Array;
		const made = new Arrays(new Buffers(array.byteLength));
		made.set(array);
		expect(
			made instanceof (globalThis as unknown as Record<string, typeof Float32Array>)[array.constructor.name]!,
		).toBe(false);
		return made;
	}
	if (Array.isArray(value)) return (classOf('Array') as ArrayConstructor).from(value, copy);
	if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
	const made = vm.runInContext('({})', elsewhere) as Record<string, unknown>;
	for (const [key, inner] of Object.entries(value)) made[key] = copy(inner);
	return made;
}

const own = <T>(value: T): T => value;
const numbers = (values: ArrayLike<number>): number[] => Array.from(values);

/** How arguments are made: our own, or another realm's. */
type Make = <T>(value: T) => T;

const spec: NetworkSpec = {
	input: [6, 6, 1],
	layers: [{ type: 'conv', filters: 2, kernelSize: 3 }, { type: 'batch-norm' }, { type: 'dense', units: 3 }],
};
const dataset = syntheticDataset({ shape: [6, 6, 1], classes: 3, size: 60 });
const folder = mkdtempSync(join(tmpdir(), 'ganno-realms-'));

function population(make: Make): NetworkPopulation {
	const optimizer = { algorithm: 'momentum' } as const;
	const seeds = Uint32Array.of(1, 2);
	return new NetworkPopulation(make({ spec, networks: 2, batchSize: 4, optimizer, dataset, seeds }));
}

function environment(make: Make, more: object): number[] {
	const networks = [1, 2].map((seed) => ({ seed, learningRate: 0.01, layerMultipliers: [1, 2] }));
	const training = { spec, optimizer: { algorithm: 'momentum' }, batchSize: 4, horizon: 4, interval: 2, networks };
	using episode = new TrainingEnvironment({
		...make({ task: { index: 0, ...training } as const, baseSchedule: Float32Array.of(1, 1, 0.5, 0.5), ...more }),
		dataset,
	} as ConstructorParameters<typeof TrainingEnvironment>[0]);
	episode.reset(undefined, make(Uint32Array.of(5, 6)));
	const rates = Float32Array.of(0.1, 0.2, 0.3, 0.4);
	const actions = 'action' in more ? Float32Array.of(0.5, -1) : new Uint8Array(4).fill(3);
	const out = make(new Float32Array(4));
	const results = [
		...numbers(episode.step(make(actions)).observations),
		...numbers(
			episode.stepWithLearningRates(
				make({ learningRates: rates, momenta: rates }),
				make(Float32Array.of(1, 0.5)),
				make(actions),
			).infos.validationLoss,
		),
	];
	episode.evaluate('test', out);
	return [...results, ...numbers(out)];
}

const CALLS: Record<string, (make: Make) => unknown> = {
	...Object.fromEntries(
		(['cpu', 'reference'] as const).map((device) => [
			`LayerwiseOptimizer on ${device}`,
			async (make: Make) => {
				const parameters = [make(Float32Array.of(1, 2, 3)), make(new Float32Array(new SharedArrayBuffer(8)))];
				const gradients = [make(Float32Array.of(1, -1, 2)), make(Float32Array.of(0.5, 4))];
				const layers = make([{ name: 'a', weightDecay: false }, { name: 'b' }]).map((layer, l) => ({
					...layer,
					parameters: parameters[l]!,
					gradients: make([gradients[l]!]).map(() => gradients[l]!),
				}));
				using optimizer = new LayerwiseOptimizer({ algorithm: 'momentum', layers, device });
				const statistics = make(new Float32Array(28));
				optimizer.step(make(Float32Array.of(0.1, 0.2)), statistics, make({ inverseScale: 0.5 }));
				optimizer.step(
					make({ learningRates: Float32Array.of(0.1, 0.2), momenta: Float32Array.of(0.5, 0.6), weightDecays: 0 }),
				);
				optimizer.probe(0.1, statistics);
				await optimizer.stepAsync(make(Float32Array.of(0.1, 0.2)), statistics);
				optimizer.restore(make(optimizer.state()));
				optimizer.step(0.1);
				return [...parameters, statistics].map(numbers);
			},
		]),
	),
	layerStatistics: (make) => {
		const layers = make([{ parameters: Float32Array.of(3, 4), gradients: [Float32Array.of(1, 2)] }]);
		const out = make(new Float32Array(14));
		layerStatistics(layers, out);
		return numbers(out);
	},
	NetworkPopulation: (make) => {
		using networks = population(make);
		const out = make(populationOutput(networks, 2));
		networks.probe(2, make(new Float32Array(4).fill(0.1)), out);
		networks.train(
			2,
			make({ learningRates: new Float32Array(4).fill(0.1), momenta: new Float32Array(4).fill(0.5) }),
			out,
			{
				baseSchedule: make(Float32Array.of(1, 0.5)),
			},
		);
		networks.train(2, make(new Float32Array(4).fill(0.1)), out);
		networks.setParameters(0, make(networks.parameters(1)));
		networks.setRunningStatistics(0, make(networks.runningStatistics(1)));
		const gradient = make(new Float32Array(networks.parameterCount));
		const loss = networks.lossAndGradient(0, make(Uint32Array.of(0, 1, 2)), gradient);
		const scores = make(new Float32Array(4));
		networks.evaluate('test', scores);
		const logits = networks.validationLogits(0, make(new Float32Array(networks.validationLogitCount)));
		networks.reset(make(Uint32Array.of(3, 4)));
		return [out.trainingLoss, out.validation, gradient, scores, logits, [loss], networks.parameters(0)].map(numbers);
	},
	'cancelling a population': (make) => {
		const cancellation = make(new Int32Array(new SharedArrayBuffer(4)));
		using networks = new NetworkPopulation({
			spec,
			networks: 1,
			batchSize: 4,
			optimizer: { algorithm: 'sgd' },
			dataset,
			seeds: Uint32Array.of(1),
			cancellation,
		});
		networks.train(1, 0.1, populationOutput(networks, 1));
		return numbers(networks.parameters(0));
	},
	'TrainingEnvironment, categories': (make) => environment(make, {}),
	'TrainingEnvironment, real numbers': (make) => environment(make, { action: 'continuous', observation: 'network-v1' }),
	layersModelArtifacts: (make) => {
		const dense: NetworkSpec = { input: [2, 2, 1], layers: [{ type: 'dense', units: 3 }] };
		return numbers(
			new Float32Array(layersModelArtifacts(make(dense), make(new Float32Array(15).fill(2))).weightData as ArrayBuffer),
		);
	},
	'a policy in memory and on disk': (make) => {
		const snapshot = make({ ...randomSnapshot(policySpec({ hiddenUnits: 8 })), training: {} });
		const path = join(folder, `${make === own ? 'own' : 'foreign'}.safetensors`);
		savePolicy(path, snapshot);
		const loaded = loadPolicy(path);
		const inference = createPolicyInference(snapshot);
		const logits = make(new Float32Array(18));
		inference.forward(make(new Float32Array(46).fill(0.5)), 2, make(new Float32Array(0)), logits);
		const actions = make(new Uint8Array(2));
		const logProbabilities = make(new Float32Array(2));
		const options = make({ networks: 1, agents: 2, actions: 9, networkSeeds: Uint32Array.of(3), explorationSeed: 1 });
		sampleActions(logits, options, actions, logProbabilities);
		expect(new PolicyController(snapshot).name).toBe('learned');
		return [loaded.parameters, logits, actions, logProbabilities].map(numbers);
	},
	sampleContinuousActions: (make) => {
		const actions = make(new Float32Array(2));
		const logProbabilities = make(new Float32Array(2));
		const options = make({ networks: 2, agents: 1, networkSeeds: Uint32Array.of(3, 4) });
		sampleContinuousActions(make(Float32Array.of(0.1, -1, 0.2, -1)), options, actions, logProbabilities);
		return [actions, logProbabilities].map(numbers);
	},
	LayerwiseController: (make) => {
		const learningRate = make(Float32Array.of(0.1, 0.2));
		const layers = make([
			{ name: 'a', size: 4 },
			{ name: 'b', size: 2 },
		]);
		const policy = LayerwiseController.fromPolicy(make(randomSnapshot(policySpec({ hiddenUnits: 8 }))), {
			...make({ learningRate, interval: 2, bounds: { low: 1e-5 }, rollback: false, divergence: { scale: 1 } }),
			learningRate,
		});
		policy.start(layers);
		for (let t = 0; t < 9; t++)
			policy.observe(make(new Float32Array(28).fill(0.1)), make({ training: 1, validation: 2 }));
		policy.restore(make(policy.state()));
		const decide = LayerwiseController.fromFunction(() => make(Float32Array.of(0.5, 0.25)), { learningRate });
		decide.start(layers);
		return [policy.learningRates, decide.learningRates].map(numbers);
	},
	pairedDifference: (make) => pairedDifference(make(Float64Array.of(1, 2, 4)), make([1, 1, 1])),
	writeSafetensors: (make) => {
		const data = [Float64Array, Float32Array, Int32Array, Uint32Array, Uint8Array].map((type) => type.of(1, 2));
		const tensors = data.map((values, i) => ({ name: `t${i}`, shape: [2], data: values }));
		writeSafetensors(join(folder, 'all.safetensors'), make(tensors), make({ key: 'value' }));
	},
};

describe('what was made in another realm is taken as our own', () => {
	it.each(Object.keys(CALLS))('%s', async (name) => {
		const call = CALLS[name]!;
		expect(await call(foreign)).toEqual(await call(own));
	});

	it('errors included: those of Node and of the addon are of another realm under jest', () => {
		const error = vm.runInContext("Object.assign(new RangeError('no memory'), { code: 'OUT_OF_MEMORY' })", elsewhere);
		expect(error instanceof Error).toBe(false);
		expect(fromNative(error)).toBeInstanceOf(GannoError);
		expect(serializeError(error)).toMatchObject({ name: 'RangeError', code: 'OUT_OF_MEMORY', message: 'no memory' });
	});

	it('and what only looks like an array is refused, not believed', () => {
		const fake = Object.create(Float32Array.prototype) as Float32Array;
		const optimizer = { algorithm: 'sgd', layers: [{ name: 'a', parameters: fake, gradients: fake }] } as const;
		expect(() => new LayerwiseOptimizer(optimizer)).toThrow(/layers\[0\]\.parameters/);
	});
});
