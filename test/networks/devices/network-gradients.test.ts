import { describe, expect, it } from 'vitest';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { childNetworkReference } from '../../support/child-network-reference.js';
import { NETWORK_CASES, NORMALIZED_CASES } from '../../support/network-cases.js';
import { normalizedImage, randomDataset } from '../../support/random-dataset.js';
import { ON_CUDA, POPULATION_BACKENDS } from '../../support/test-device.js';

const cases = Object.entries({ ...NETWORK_CASES, ...NORMALIZED_CASES });
const indices = Uint32Array.of(3, 40, 0, 17, 63, 8, 3);

function population(spec: NetworkSpec, backend: Partial<NetworkPopulationOptions> = {}) {
	const dataset = randomDataset(spec.input, 4);
	return {
		dataset,
		population: new NetworkPopulation({
			spec,
			networks: 1,
			batchSize: 4,
			optimizer: { algorithm: 'sgd' },
			dataset,
			seeds: Uint32Array.of(11),
			...backend,
		}),
	};
}

/** Initial weights with biases that are not zero. */
function someParameters(target: NetworkPopulation): Float32Array {
	const generator = new PhiloxGenerator(5, 'task');
	return target.parameters(0).map((value) => (value === 0 ? generator.uniform(-0.3, 0.3) : value));
}

describe.skipIf(ON_CUDA)('the float64 reference network', () => {
	it.each(cases)('agrees with finite differences: %s', (_, spec) => {
		const { dataset, population: network } = population(spec);
		using _open = network;
		const parameters = Float64Array.from(someParameters(network));
		const images = [...indices].slice(0, 3).map((index) => normalizedImage(dataset, index));
		const labels = [...indices].slice(0, 3).map((index) => dataset.labels[index]!);
		const { gradient } = childNetworkReference(spec, parameters, images, labels);
		const generator = new PhiloxGenerator(9, 'task');
		for (let n = 0; n < 24; n++) {
			const i = generator.nextInteger(parameters.length);
			const at = (value: number) => childNetworkReference(spec, parameters.with(i, value), images, labels).loss;
			const h = 1e-5;
			const difference = (at(parameters[i]! + h) - at(parameters[i]! - h)) / (2 * h);
			expect(Math.abs(difference - gradient[i]!)).toBeLessThan(1e-8 + 1e-6 * Math.abs(difference));
		}
	});
});

describe.each(POPULATION_BACKENDS)('gradients on %s', (_, options) => {
	it.each(cases)('agree with the float64 reference: %s', (_, spec) => {
		const { dataset, population: network } = population(spec, options);
		using _open = network;
		const parameters = someParameters(network);
		network.setParameters(0, parameters);
		const gradient = new Float32Array(network.parameterCount);
		const loss = network.lossAndGradient(0, indices, gradient);
		const expected = childNetworkReference(
			spec,
			Float64Array.from(parameters),
			[...indices].map((index) => normalizedImage(dataset, index)),
			[...indices].map((index) => dataset.labels[index]!),
		);
		expect(loss).toBeCloseTo(expected.loss, 5);
		let offset = 0;
		for (const { name, size } of network.layers) {
			let error = 0;
			let norm = 0;
			for (let i = offset; i < offset + size; i++) {
				error += (gradient[i]! - expected.gradient[i]!) ** 2;
				norm += expected.gradient[i]! ** 2;
			}
			expect(norm, name).toBeGreaterThan(0);
			expect(Math.sqrt(error / norm), name).toBeLessThan(5e-6);
			offset += size;
		}
	});
});
