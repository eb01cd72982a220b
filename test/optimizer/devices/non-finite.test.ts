import { describe, expect, it } from 'vitest';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import type { NonFinitePolicy } from '../../../src/optimizer/optimizer-options.js';
import { STATISTIC_INDEX, STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function random(size: number, seed: number): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	return Float32Array.from({ length: size }, () => generator.nextNormal());
}

interface Network {
	readonly parameters: readonly Float32Array[];
	readonly gradients: readonly Float32Array[];
	readonly optimizer: LayerwiseOptimizer;
	readonly statistics: Float32Array;
}

/** Two layers after two ordinary steps. */
function network(
	algorithm: LayerwiseAlgorithm,
	nonFinite: NonFinitePolicy,
	device: (typeof OPTIMIZER_DEVICES)[number],
): Network {
	const parameters = [random(1500, 1), random(37, 2)];
	const gradients = [random(1500, 3), random(37, 4)];
	const layers = parameters.map((array, i) => ({
		name: `layer ${i}`,
		parameters: array,
		gradients: gradients[i] as Float32Array,
	}));
	const optimizer = new LayerwiseOptimizer({ algorithm, layers, nonFinite, device });
	for (let step = 0; step < 2; step++) optimizer.step(1e-2);
	return { parameters, gradients, optimizer, statistics: new Float32Array(2 * STATISTICS.length) };
}

const statistic = (network: Network, layer: number, name: (typeof STATISTICS)[number]): number =>
	network.statistics[layer * STATISTICS.length + STATISTIC_INDEX[name]] as number;

describe.each(OPTIMIZER_DEVICES)('gradients that are not finite (%s)', (device) => {
	it.each(LAYERWISE_ALGORITHMS)(
		'%s, skip-element: those elements keep parameter and moments, the others step as usual',
		(algorithm) => {
			const clean = network(algorithm, 'skip-element', device);
			const dirty = network(algorithm, 'skip-element', device);
			const before = dirty.parameters.map((array) => array.slice());
			const momentsBefore = dirty.optimizer.state().layers[0]?.moments ?? [];
			const bad = new Map<number, number>(
				[0, 7, 16, 1023, 1024, 1499].map((index, i) => [index, BAD[i % 3] as number]),
			);
			for (const [index, value] of bad) (dirty.gradients[0] as Float32Array)[index] = value;
			const adapts = algorithm === 'lars' || algorithm === 'lamb'; // their trust ratio misses what is left out
			clean.optimizer.step(1e-2);
			dirty.optimizer.step(1e-2, dirty.statistics);
			const momentsAfter = dirty.optimizer.state().layers[0]?.moments ?? [];
			const momentsClean = clean.optimizer.state().layers[0]?.moments ?? [];
			for (let i = 0; i < 1500; i++) {
				const expected = (bad.has(i) ? before[0]?.[i] : clean.parameters[0]?.[i]) as number;
				if (adapts && !bad.has(i)) expect(dirty.parameters[0]?.[i]).toBeCloseTo(expected, 3);
				else expect(dirty.parameters[0]?.[i]).toBe(expected);
				for (const [moment, arrays] of momentsAfter.entries()) {
					const source = bad.has(i) ? momentsBefore : momentsClean;
					const kept = source[moment]?.[0]?.[i] as number;
					if (adapts && !bad.has(i)) expect(arrays[0]?.[i]).toBeCloseTo(kept, 3);
					else expect(arrays[0]?.[i]).toBe(kept);
				}
			}
			expect([...(dirty.parameters[1] as Float32Array)]).toEqual([...(clean.parameters[1] as Float32Array)]);
			expect(statistic(dirty, 0, 'nonFiniteCount')).toBe(bad.size);
			expect(statistic(dirty, 1, 'nonFiniteCount')).toBe(0);
			expect(dirty.statistics.every(Number.isFinite)).toBe(true);
			const finite = [...(dirty.gradients[0] as Float32Array)].filter(Number.isFinite);
			const norm = Math.sqrt(finite.reduce((sum, value) => sum + value * value, 0));
			expect(statistic(dirty, 0, 'gradientNorm')).toBeCloseTo(norm, 3);
			expect(statistic(dirty, 0, 'gradientMean')).toBeCloseTo(finite.reduce((a, b) => a + b, 0) / finite.length, 5);
		},
	);

	it.each(LAYERWISE_ALGORITHMS)(
		'%s, skip-layer: that layer and its step counter stay, the others step as usual',
		(algorithm) => {
			const clean = network(algorithm, 'skip-layer', device);
			const dirty = network(algorithm, 'skip-layer', device);
			const before = (dirty.parameters[0] as Float32Array).slice();
			const stateBefore = dirty.optimizer.state().layers[0];
			(dirty.gradients[0] as Float32Array)[1490] = Number.NaN;
			clean.optimizer.step(1e-2);
			dirty.optimizer.step(1e-2, dirty.statistics);
			expect([...(dirty.parameters[0] as Float32Array)]).toEqual([...before]);
			expect(dirty.optimizer.state().layers[0]).toEqual(stateBefore);
			expect([...(dirty.parameters[1] as Float32Array)]).toEqual([...(clean.parameters[1] as Float32Array)]);
			expect(dirty.optimizer.state().layers[1]?.step).toBe(3);
			expect(statistic(dirty, 0, 'nonFiniteCount')).toBe(1);
			expect(statistic(dirty, 0, 'updateNorm')).toBe(0);
			expect(statistic(dirty, 0, 'gradientNorm')).toBeGreaterThan(0);
			expect(statistic(dirty, 1, 'updateNorm')).toBeGreaterThan(0);
		},
	);

	it.each(LAYERWISE_ALGORITHMS)('%s, skip-network: every layer stays', (algorithm) => {
		const dirty = network(algorithm, 'skip-network', device);
		const before = dirty.parameters.map((array) => [...array]);
		const stateBefore = dirty.optimizer.state();
		(dirty.gradients[1] as Float32Array)[36] = Number.POSITIVE_INFINITY;
		dirty.optimizer.step(1e-2, dirty.statistics);
		dirty.optimizer.step(1e-2);
		expect(dirty.parameters.map((array) => [...array])).toEqual(before);
		expect(dirty.optimizer.state()).toEqual(stateBefore);
		expect([0, 1].map((layer) => statistic(dirty, layer, 'nonFiniteCount'))).toEqual([0, 1]);
		expect([0, 1].map((layer) => statistic(dirty, layer, 'updateNorm'))).toEqual([0, 0]);
	});

	it.each(LAYERWISE_ALGORITHMS)('%s, propagate: the element is lost, and the statistics still are not', (algorithm) => {
		const dirty = network(algorithm, 'propagate', device);
		(dirty.gradients[0] as Float32Array)[100] = Number.NaN;
		dirty.optimizer.step(1e-2, dirty.statistics);
		expect(dirty.parameters[0]?.[100]).toBeNaN();
		expect((dirty.parameters[0] as Float32Array).filter(Number.isNaN)).toHaveLength(1);
		expect(dirty.statistics.every(Number.isFinite)).toBe(true);
		expect(statistic(dirty, 0, 'nonFiniteCount')).toBe(1);
	});

	it('keeps an element whose state would overflow, and counts it, but not out of the gradient norm', () => {
		const parameters = new Float32Array(40).fill(1);
		const gradients = new Float32Array(40).fill(1);
		gradients[3] = 1e25; // its square is beyond float32
		const statistics = new Float32Array(STATISTICS.length);
		const layers = [{ name: 'layer', parameters, gradients }];
		const optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers, device });
		optimizer.step(0.1, statistics);
		expect(parameters[3]).toBe(1);
		expect(parameters[4]).toBeCloseTo(0.9, 5);
		expect(statistics[STATISTIC_INDEX.nonFiniteCount]).toBe(1);
		expect((statistics[STATISTIC_INDEX.gradientNorm] as number) / 1e25).toBeCloseTo(1, 5);
	});

	it('counts a gradient that the scale makes infinite', () => {
		const parameters = new Float32Array(5).fill(1);
		const gradients = new Float32Array(5).fill(3e38);
		const statistics = new Float32Array(STATISTICS.length);
		const optimizer = new LayerwiseOptimizer({
			algorithm: 'sgd',
			layers: [{ name: 'layer', parameters, gradients }],
			device,
		});
		optimizer.step(1e-3, statistics, { inverseScale: 10 });
		expect([...parameters]).toEqual([1, 1, 1, 1, 1]);
		expect(statistics[STATISTIC_INDEX.nonFiniteCount]).toBe(5);
	});

	it('counts nothing beyond the end of an array, however large the learning rate', () => {
		for (const algorithm of LAYERWISE_ALGORITHMS) {
			const statistics = new Float32Array(STATISTICS.length);
			const layers = [{ name: 'layer', parameters: Float32Array.of(1), gradients: Float32Array.of(0) }];
			const weightDecays = algorithm === 'adamw' || algorithm === 'lion' ? 0 : 3e38;
			using optimizer = new LayerwiseOptimizer({ algorithm, layers, device });
			optimizer.step({ learningRates: 3.4e38, weightDecays }, statistics); // over 1 - beta1: beyond float32
			const overflows = weightDecays > 0 ? 1 : 0; // a product of the two does
			expect(statistics[STATISTIC_INDEX.nonFiniteCount], algorithm).toBeLessThanOrEqual(overflows);
		}
	});

	it('survives a layer with nothing finite in it', () => {
		const parameters = new Float32Array(2000).fill(Number.NaN);
		const gradients = new Float32Array(2000).fill(Number.NaN);
		const statistics = new Float32Array(STATISTICS.length);
		const optimizer = new LayerwiseOptimizer({
			algorithm: 'adamw',
			layers: [{ name: 'layer', parameters, gradients }],
			device,
		});
		optimizer.step(1e-3, statistics);
		const expected: number[] = STATISTICS.map(() => 0);
		expected[STATISTIC_INDEX.nonFiniteCount] = 2000;
		expect([...statistics]).toEqual(expected);
	});
});
