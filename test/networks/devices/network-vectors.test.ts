import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/datasets/dataset.js';
import { readSafetensors } from '../../../src/files/safetensors.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { populationOutput } from '../../support/population.js';
import { POPULATION_BACKENDS } from '../../support/test-device.js';

interface Example {
	readonly name: string;
	readonly spec: NetworkSpec;
	readonly classes: number;
	readonly mean: readonly number[];
	readonly standardDeviation: readonly number[];
	readonly loss: number;
	/** Elements of each array in `parameters` and `gradients`: weights, bias or scale and shift, weights, … */
	readonly arraySizes: readonly number[];
	/** With batch norms: the batch's loss with the running statistics of one training step. */
	readonly evaluated?: number;
}

const file = readSafetensors(fileURLToPath(new URL('../../vectors/networks.safetensors', import.meta.url)));
const examples = (JSON.parse(file.metadata.cases as string) as Example[]).map((example, number) => ({
	...example,
	number,
}));

function tensor<T extends Float32Array | Uint32Array | Uint8Array>(name: string, kind: new (length: number) => T): T {
	const found = file.tensors.find((candidate) => candidate.name === name)?.data;
	if (!(found instanceof kind)) throw new Error(`${name} is missing or of another type`);
	return found;
}

function share<T extends Uint8Array | Uint32Array>(values: T, kind: new (buffer: SharedArrayBuffer) => T): T {
	const shared = new kind(new SharedArrayBuffer(values.byteLength));
	shared.set(values);
	return shared;
}

/** Its training split is the example's batch. */
function datasetOf({ number, spec, classes, mean, standardDeviation }: (typeof examples)[number]): Dataset {
	const labels = share(tensor(`${number}.labels`, Uint8Array), Uint8Array);
	const all = share(
		Uint32Array.from(labels, (_, i) => i),
		Uint32Array,
	);
	return {
		name: 'vectors',
		shape: spec.input,
		classes,
		images: share(tensor(`${number}.images`, Uint8Array), Uint8Array),
		labels,
		splits: { train: share(tensor(`${number}.indices`, Uint32Array), Uint32Array), validation: all, test: all },
		mean,
		standardDeviation,
	};
}

/** ‖a − b‖ / ‖b‖ over [from, from + size). */
function relativeError(a: Float32Array, b: Float32Array, from: number, size: number): number {
	let difference = 0;
	let norm = 0;
	for (let i = from; i < from + size; i++) {
		difference += ((a[i] as number) - (b[i] as number)) ** 2;
		norm += (b[i] as number) ** 2;
	}
	return Math.sqrt(difference / norm);
}

const title = `on %s loss and gradients agree with PyTorch ${file.metadata.torch} in float64`;

describe.each(POPULATION_BACKENDS)(title, (_, options) => {
	it.each(examples)('$name', (example) => {
		const indices = tensor(`${example.number}.indices`, Uint32Array);
		const parameters = tensor(`${example.number}.parameters`, Float32Array);
		const expected = tensor(`${example.number}.gradients`, Float32Array);
		using population = new NetworkPopulation({
			spec: example.spec,
			networks: 2,
			batchSize: indices.length,
			optimizer: { algorithm: 'sgd' },
			dataset: datasetOf(example),
			seeds: Uint32Array.of(1, 2),
			...options,
		});
		// The second of two: a network's place in the arena must not matter.
		const network = 1;
		population.setParameters(network, parameters);
		expect(population.parameters(network)).toEqual(parameters);

		const gradients = new Float32Array(expected.length).fill(Number.NaN);
		const loss = population.lossAndGradient(network, indices, gradients);
		expect(Math.abs(loss - example.loss)).toBeLessThanOrEqual(1e-5 * Math.max(1, example.loss));
		let from = 0;
		for (const [array, size] of example.arraySizes.entries()) {
			expect(relativeError(gradients, expected, from, size), `array ${array}`).toBeLessThanOrEqual(1e-5);
			from += size;
		}
		expect(from).toBe(expected.length);
		expect(population.parameters(network)).toEqual(parameters);

		if (example.evaluated === undefined) return;
		// One step on the batch at a rate of 0: only the running statistics change.
		population.train(1, 0, populationOutput(population, 1));
		expect(population.parameters(network)).toEqual(parameters);
		const running = population.runningStatistics(network);
		const expectedRunning = tensor(`${example.number}.running`, Float32Array);
		expect(running).toHaveLength(expectedRunning.length);
		for (const [i, value] of running.entries()) {
			expect(Math.abs(value - expectedRunning[i]!), `running ${i}`).toBeLessThan(
				1e-5 * (1 + Math.abs(expectedRunning[i]!)),
			);
		}
		const evaluation = new Float32Array(4);
		population.evaluate('train', evaluation);
		expect(Math.abs(evaluation[2]! - example.evaluated)).toBeLessThanOrEqual(1e-5 * Math.max(1, example.evaluated));
	});
});
