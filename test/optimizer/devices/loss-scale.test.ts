import { describe, expect, it } from 'vitest';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { STATISTIC_INDEX, STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

/** What other fused optimisers got wrong with loss scales, frozen scalars and huge norms (docs/guarded-bugs.md). */

function random(size: number, seed: number): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	return Float32Array.from({ length: size }, () => generator.nextNormal());
}

interface Trained {
	readonly parameters: Float32Array;
	readonly gradients: Float32Array;
	readonly statistics: Float32Array;
}

/** Three steps with gradients multiplied by `scale`, and a step option that takes the scale out again. */
function train(algorithm: LayerwiseAlgorithm, device: (typeof OPTIMIZER_DEVICES)[number], scale: number): Trained {
	const parameters = random(1100, 1);
	const gradients = random(1100, 2).map((gradient) => gradient * scale);
	const statistics = new Float32Array(STATISTICS.length);
	const layers = [{ name: 'layer', parameters, gradients }];
	using optimizer = new LayerwiseOptimizer({ algorithm, device, layers, clip: { globalNorm: 20 } });
	for (let step = 0; step < 3; step++) optimizer.step(1e-2, statistics, { inverseScale: 1 / scale });
	return { parameters, gradients, statistics };
}

describe.each(OPTIMIZER_DEVICES)('a step (%s)', (device) => {
	it.each(LAYERWISE_ALGORITHMS)(
		'under a loss scale is the step without it, and leaves the gradients scaled: %s',
		(algorithm) => {
			const plain = train(algorithm, device, 1);
			const scaled = train(algorithm, device, 65_536);
			expect(scaled.parameters).toEqual(plain.parameters);
			expect(scaled.statistics).toEqual(plain.statistics);
			expect(scaled.gradients).toEqual(plain.gradients.map((gradient) => gradient * 65_536));
		},
	);

	it.each(LAYERWISE_ALGORITHMS)('that an overflow skipped changes nothing in the ones after it: %s', (algorithm) => {
		const runs = [false, true].map((overflows) => {
			const parameters = random(50, 3);
			const gradients = random(50, 4);
			const layers = [{ name: 'layer', parameters, gradients }];
			using optimizer = new LayerwiseOptimizer({ algorithm, device, layers, nonFinite: 'skip-network' });
			for (let step = 0; step < 4; step++) {
				if (overflows) {
					const kept = gradients[7] as number;
					gradients[7] = Number.POSITIVE_INFINITY;
					optimizer.step(1e-2, undefined, { inverseScale: 1 / 1024 });
					gradients[7] = kept;
				}
				optimizer.step(1e-2);
			}
			return { parameters, state: optimizer.state() };
		});
		expect(runs[0]).toEqual(runs[1]);
	});

	it('takes the learning rate it is given this time, and the step counter moves on', () => {
		const parameters = Float32Array.of(0);
		const layers = [{ name: 'layer', parameters, gradients: Float32Array.of(1) }];
		using optimizer = new LayerwiseOptimizer({ algorithm: 'adam', device, layers });
		let expected = 0;
		for (const learningRate of [0.5, 0.25, 0, 1, 0.125]) {
			// With a constant gradient and bias correction that goes with the step, Adam moves by the learning rate.
			optimizer.step(Float32Array.of(learningRate));
			expected -= learningRate;
			expect(parameters[0]).toBeCloseTo(expected, 5);
		}
		expect(optimizer.state().layers[0]?.step).toBe(5);
	});

	it.each([1e-25, 1e19, 1e25])('clips gradients of about %s to the norm asked for', (magnitude) => {
		const parameters = new Float32Array(2000);
		const gradients = random(2000, 5).map((gradient) => gradient * magnitude);
		const layers = [{ name: 'layer', parameters, gradients }];
		const statistics = new Float32Array(STATISTICS.length);
		const globalNorm = magnitude < 1 ? 1 : 3;
		using optimizer = new LayerwiseOptimizer({ algorithm: 'sgd', device, layers, clip: { globalNorm } });
		optimizer.step(1, statistics);
		const norm = statistics[STATISTIC_INDEX.gradientNorm] as number;
		expect((statistics[STATISTIC_INDEX.updateNorm] as number) / Math.min(globalNorm, norm)).toBeCloseTo(1, 5);
		expect(norm / (magnitude * Math.sqrt(2000))).toBeCloseTo(1, 1);
	});
});
