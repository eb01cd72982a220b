import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { NETWORKS } from '../../src/networks/builders.js';
import { layersModelArtifacts } from '../../src/networks/layers-model.js';
import { NetworkPopulation } from '../../src/networks/population.js';
import { parseArchitecture } from '../../src/search/architecture.js';
import { architectureNetwork } from '../../src/search/architecture-network.js';
import { openLayersModel } from '../../src/tfjs/models/open-layers-model.js';
import { randomDataset } from '../support/random-dataset.js';
import { useBackend } from '../support/tfjs-models.js';

describe('a network as a tfjs layers model', () => {
	beforeAll(() => useBackend('cpu'));

	it.each([
		'C(8,3,1)-P(2,2)-FC(16)-SM',
		'C(4,5,1)-C(6,1,1)-P(3,2)-C(4,3,1)-GAP-SM',
		'C(4,3,2)-P(5,3)-FC(9)-FC(5)-SM',
		'GAP-SM',
		'SM',
	])('computes what %s does', async (text) => {
		const input = [13, 13, 3] as const;
		const spec = architectureNetwork(parseArchitecture(text), { input, classes: 4 });
		const dataset = randomDataset(input, 4);
		using population = new NetworkPopulation({
			spec,
			networks: 1,
			batchSize: 5,
			optimizer: { algorithm: 'adam' },
			dataset,
			seeds: Uint32Array.of(9),
		});
		const expected = new Float32Array(2);
		population.evaluate('test', expected);
		const model = await openLayersModel(spec, population.parameters(0));
		const { test } = dataset.splits;
		const pixels = 13 * 13 * 3;
		const images = Float32Array.from({ length: test.length * pixels }, (_, k) => {
			const value = dataset.images[test[Math.floor(k / pixels)]! * pixels + (k % pixels)]!;
			return (value / 255 - dataset.mean[k % 3]!) / dataset.standardDeviation[k % 3]!;
		});
		const probabilities = model.predict(tf.tensor(images, [test.length, ...input])) as tf.Tensor2D;
		const values = probabilities.arraySync();
		let loss = 0;
		for (const [i, row] of values.entries()) loss -= Math.log(row[dataset.labels[test[i]!]!]!) / test.length;
		expect(loss).toBeCloseTo(expected[0]!, 4);
		expect(values[0]!.reduce((sum, value) => sum + value)).toBeCloseTo(1, 5);
		model.dispose();
		probabilities.dispose();
	});

	it('refuses parameters of another size, and residual networks', () => {
		const spec = architectureNetwork(parseArchitecture('SM'), { input: [2, 2, 1], classes: 3 });
		expect(() => layersModelArtifacts(spec, new Float32Array(3))).toThrow('Float32Array of length 15');
		const resnet = NETWORKS['resnet-8'];
		expect(() => layersModelArtifacts(resnet, new Float32Array(1))).toThrow(/parameters/);
	});
});
