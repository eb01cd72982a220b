import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../../src/datasets/synthetic.js';
import type { GannoError } from '../../../src/errors.js';
import { cnn, mlp } from '../../../src/networks/builders.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import { populationOutput } from '../../support/population.js';
import { TEST_DEVICE } from '../../support/test-device.js';

const dataset = syntheticDataset();
const good: NetworkPopulationOptions = {
	spec: mlp({ input: [8, 8, 1], hidden: [6], classes: 4 }),
	networks: 2,
	batchSize: 8,
	optimizer: { algorithm: 'momentum' },
	dataset,
	seeds: Uint32Array.of(1, 2),
};

function open(options: Partial<NetworkPopulationOptions> = {}) {
	return new NetworkPopulation({ device: TEST_DEVICE, ...good, ...options });
}

function codeOf(call: () => unknown): string {
	try {
		call();
	} catch (error) {
		expect((error as Error).message).toMatch(/\w/);
		return (error as GannoError).code;
	}
	return 'nothing thrown';
}

function unshared(values: Uint8Array): Uint8Array {
	return Uint8Array.from(values);
}

describe('the constructor refuses', () => {
	it.each<[string, Record<string, unknown>]>([
		['a network for other images', { spec: mlp({ input: [8, 9, 1], hidden: [], classes: 4 }) }],
		['a network for other classes', { spec: mlp({ input: [8, 8, 1], hidden: [], classes: 5 }) }],
		['no networks', { networks: 0, seeds: new Uint32Array(0) }],
		['a fractional batch', { batchSize: 1.5 }],
		['a batch larger than the slice', { batchSize: 20, sliceSize: 10 }],
		['a slice larger than the split', { sliceSize: 100_000 }],
		['an empty validation subset', { validationSize: 0 }],
		['a validation subset larger than its split', { validationSize: 1e6 }],
		['seeds of another type', { seeds: [1, 2] }],
		['too few seeds', { seeds: Uint32Array.of(1) }],
		['an unknown optimiser', { optimizer: { algorithm: 'adagrad' } }],
		['a hyperparameter of another optimiser', { optimizer: { algorithm: 'sgd', hyperparameters: { beta1: 0.9 } } }],
		['no data set', { dataset: undefined }],
		['images in plain memory', { dataset: { ...dataset, images: unshared(dataset.images) } }],
		['labels in plain memory', { dataset: { ...dataset, labels: unshared(dataset.labels) } }],
		['missing pixels', { dataset: { ...dataset, images: dataset.images.subarray(1) } }],
		[
			'a label beyond the classes',
			{ dataset: { ...dataset, classes: 3 }, spec: mlp({ input: [8, 8, 1], hidden: [], classes: 3 }) },
		],
		['a standard deviation of 0', { dataset: { ...dataset, standardDeviation: [0] } }],
		['a mean that is not a number', { dataset: { ...dataset, mean: [Number.NaN] } }],
		[
			'an index beyond the images',
			{ dataset: { ...dataset, splits: { ...dataset.splits, test: sharedIndices(9999) } } },
		],
		['an empty training split', { dataset: { ...dataset, splits: { ...dataset.splits, train: sharedIndices() } } }],
		['another device', { device: 'tpu' }],
		['another tier', { tier: 'sse9' }],
		['no threads', { threads: 0 }],
		['a cancellation flag in plain memory', { cancellation: new Int32Array(1) }],
		['an unknown option', { learningRate: 0.1 }],
	])('%s', (_, options) => {
		expect(codeOf(() => open(options as Partial<NetworkPopulationOptions>))).toBe('INVALID_ARGUMENT');
	});

	it('replicas, and says that they are called networks', () => {
		const { networks, ...others } = good;
		expect(() => new NetworkPopulation({ ...others, replicas: networks } as never)).toThrow(
			'Unknown option replicas: it is called networks now',
		);
	});

	it('more networks than fit into memory', () => {
		const spec = mlp({ input: [8, 8, 1], hidden: [8000, 8000], classes: 4 });
		const networks = 2 ** 20;
		expect(codeOf(() => open({ spec, networks, seeds: new Uint32Array(networks) }))).toBe('OUT_OF_MEMORY');
	});
});

function sharedIndices(...indices: number[]): Uint32Array {
	const shared = new Uint32Array(new SharedArrayBuffer(4 * indices.length));
	shared.set(indices);
	return shared;
}

describe('a call refuses', () => {
	using population = open();
	const out = populationOutput(population, 3);
	const parameters = new Float32Array(population.parameterCount);
	const nan = new Float32Array(4).fill(Number.NaN);
	const detached = (length: number) => {
		const array = new Float32Array(length);
		structuredClone(array.buffer, { transfer: [array.buffer] });
		return array;
	};
	const refused: [string, () => unknown][] = [
		['a negative learning rate', () => population.train(3, -1, out)],
		['a learning rate that is not a number', () => population.train(3, Number.NaN, out)],
		['learning rates that are not numbers', () => population.train(3, nan, out)],
		['too few learning rates', () => population.train(3, new Float32Array(3), out)],
		['learning rates in a plain array', () => population.train(3, [1, 1, 1, 1] as unknown as Float32Array, out)],
		['detached learning rates', () => population.train(3, detached(4), out)],
		['a detached output', () => population.train(3, 0.1, { ...out, statistics: detached(64) })],
		['no steps', () => population.train(0, 0.1, out)],
		['outputs for other steps', () => population.train(2, 0.1, out)],
		['no output', () => population.train(3, 0.1, undefined as unknown as typeof out)],
		['a validation output of another length', () => population.train(3, 0.1, { ...out, validation: nan })],
		['a base schedule of another length', () => population.train(3, 0.1, out, { baseSchedule: nan })],
		[
			'negative weight decay',
			() => population.train(3, { learningRates: nan.map(() => 1), weightDecays: nan.map(() => -1) }, out),
		],
		['a probe of no batches', () => population.probe(0, 0.1, out)],
		['an unknown split', () => population.evaluate('all' as 'test', new Float32Array(4))],
		['an evaluation output of another length', () => population.evaluate('test', new Float32Array(3))],
		['a network that is not there', () => population.save(2)],
		['a negative network', () => population.parameters(-1)],
		['a fork to nowhere', () => population.fork(0, 7)],
		['parameters of another length', () => population.setParameters(0, nan)],
		[
			'parameters that are not finite',
			() =>
				population.setParameters(
					0,
					parameters.map(() => Number.POSITIVE_INFINITY),
				),
		],
		['no images', () => population.lossAndGradient(0, new Uint32Array(0), parameters)],
		['too many images', () => population.lossAndGradient(0, new Uint32Array(65), parameters)],
		['an image that is not there', () => population.lossAndGradient(0, Uint32Array.of(640), parameters)],
		['a gradient of another length', () => population.lossAndGradient(0, Uint32Array.of(0), nan)],
		['seeds of another length', () => population.reset(Uint32Array.of(1))],
	];
	const before = population.parameters(1);
	const results = refused.map(([what, call]) => [what, codeOf(call)] as const);
	const after = population.parameters(1);

	it.each(results)('%s', (_, code) => {
		expect(code).toBe('INVALID_ARGUMENT');
	});

	it('and changes nothing by it', () => {
		expect(after).toEqual(before);
	});
});

describe('dispose', () => {
	it('frees the memory, may be called again, and ends every other call', () => {
		const population = open();
		expect(population.bytes).toBeGreaterThan(8 * population.parameterCount);
		population.dispose();
		population.dispose();
		expect(population.bytes).toBe(0);
		const out = populationOutput(population, 1);
		for (const call of [
			() => population.train(1, 0.1, out),
			() => population.probe(1, 0.1, out),
			() => population.evaluate('test', new Float32Array(4)),
			() => population.parameters(0),
			() => population.save(0),
			() => population.restore(0),
			() => population.fork(0, 1),
			() => population.divergedFlags(),
			() => population.reset(Uint32Array.of(1, 2)),
		]) {
			expect(codeOf(call)).toBe('DISPOSED');
		}
	});
});

describe('trainAsync', () => {
	it('does what train does', async () => {
		using population = open();
		using synchronous = open();
		const out = populationOutput(population, 20);
		const expected = populationOutput(synchronous, 20);
		const baseSchedule = Float32Array.from({ length: 20 }, (_, i) => 1 - i / 20);
		const learningRates = Float32Array.of(0.1, 0.2, 0.3, 0.4);
		const promise = population.trainAsync(20, learningRates, out, { baseSchedule });
		learningRates.fill(9); // copied when the call began
		await promise;
		synchronous.train(20, Float32Array.of(0.1, 0.2, 0.3, 0.4), expected, { baseSchedule });
		expect(out).toEqual(expected);
		expect(population.parameters(1)).toEqual(synchronous.parameters(1));
	});

	it('refuses other calls meanwhile, and survives dispose and detached outputs', async () => {
		const population = open();
		const out = populationOutput(population, 300);
		const running = population.trainAsync(300, 0.01, out);
		expect(codeOf(() => population.parameters(0))).toBe('INVALID_ARGUMENT');
		await expect(population.trainAsync(300, 0.01, out)).rejects.toThrow(/still running/);
		await running;
		const detaching = population.trainAsync(300, 0.01, out);
		structuredClone(out.statistics.buffer, { transfer: [out.statistics.buffer] });
		await expect(detaching).rejects.toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
		const last = population.trainAsync(300, 0.01, populationOutput(population, 300));
		population.dispose();
		await last;
		await expect(population.trainAsync(300, 0.01, out)).rejects.toThrow(expect.objectContaining({ code: 'DISPOSED' }));
	});
});

describe('cancellation', () => {
	it('throws CANCELLED while the flag is up, and goes on when it is down', () => {
		const cancellation = new Int32Array(new SharedArrayBuffer(4));
		using population = open({ cancellation });
		const out = populationOutput(population, 3);
		cancellation[0] = 1;
		const before = population.parameters(0);
		expect(codeOf(() => population.train(3, 0.1, out))).toBe('CANCELLED');
		expect(codeOf(() => population.evaluate('test', new Float32Array(4)))).toBe('CANCELLED');
		expect(population.parameters(0)).toEqual(before);
		cancellation[0] = 0;
		population.train(3, 0.1, out);
		expect(population.parameters(0)).not.toEqual(before);
	});

	it('stops a long call in the middle', async () => {
		const cancellation = new Int32Array(new SharedArrayBuffer(4));
		const steps = 5_000_000;
		using population = open({ cancellation, spec: cnn({ input: [8, 8, 1], filters: [16], classes: 4 }) });
		const running = population.trainAsync(steps, 0.01, {
			statistics: new Float32Array(2 * 2 * 16),
			trainingLoss: new Float32Array(2 * steps),
		});
		await new Promise((resolve) => setImmediate(resolve));
		cancellation[0] = 1;
		await expect(running).rejects.toThrow(expect.objectContaining({ code: 'CANCELLED' }));
	});
});
