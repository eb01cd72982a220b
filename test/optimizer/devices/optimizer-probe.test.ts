import { describe, expect, it } from 'vitest';
import { LAYERWISE_ALGORITHMS } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

const generator = new PhiloxGenerator(3, 'task');
const numbers = (length: number): Float32Array => Float32Array.from({ length }, () => generator.uniform(-1, 1));

describe.each(OPTIMIZER_DEVICES)('a probe on %s', (device) => {
	it.each(LAYERWISE_ALGORITHMS)('tells what the next step will do, and does nothing: %s', (algorithm) => {
		const layers = [
			{ name: 'a', parameters: [numbers(40), numbers(5)], gradients: [numbers(40), numbers(5)] },
			{ name: 'b', parameters: numbers(9), gradients: numbers(9) },
		];
		using optimizer = new LayerwiseOptimizer({ algorithm, layers, device });
		expect(optimizer.layers.map(({ name, size }) => [name, size])).toEqual([
			['a', 45],
			['b', 9],
		]);
		expect(optimizer.layers[1]!.parameters[0]).toBe(layers[1]!.parameters);
		const rates = Float32Array.of(0.1, 0.01);
		const probed = new Float32Array(2 * STATISTICS.length);
		const stepped = new Float32Array(2 * STATISTICS.length);
		optimizer.step(rates);
		const before = structuredClone([layers, optimizer.state()]);
		optimizer.probe(rates, probed);
		expect([layers, optimizer.state()]).toEqual(before);
		optimizer.step(rates, stepped);
		expect(probed).toEqual(stepped);
		expect(stepped[STATISTICS.indexOf('updateNorm')]).toBeGreaterThan(0);
	});
});
