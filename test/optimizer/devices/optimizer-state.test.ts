import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import type { OptimizerState } from '../../../src/optimizer/optimizer-state.js';
import { STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

function random(size: number, seed: number): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	return Float32Array.from({ length: size }, () => generator.nextNormal());
}

function make(
	algorithm: LayerwiseAlgorithm,
	device: (typeof OPTIMIZER_DEVICES)[number],
	parameters?: readonly Float32Array[],
) {
	const arrays = parameters?.map((array) => array.slice()) ?? [random(300, 1), random(7, 2), random(20, 3)];
	const gradients = arrays.map((array, i) => random(array.length, 10 + i));
	const optimizer = new LayerwiseOptimizer({
		algorithm,
		device,
		layers: [
			{ name: 'first', parameters: arrays.slice(0, 2), gradients: gradients.slice(0, 2) },
			{ name: 'second', parameters: arrays[2] as Float32Array, gradients: gradients[2] as Float32Array },
		],
	});
	return { arrays, optimizer };
}

describe.each(OPTIMIZER_DEVICES)('the state of an optimizer (%s)', (device) => {
	it.each(LAYERWISE_ALGORITHMS)(
		'%s: restored elsewhere, goes on with the same bits, through v8.serialize',
		(algorithm) => {
			const original = make(algorithm, device);
			for (let step = 0; step < 3; step++) original.optimizer.step(0.01);
			const state = deserialize(serialize(original.optimizer.state())) as OptimizerState; // a structured clone, as bytes
			const copy = make(algorithm, device, original.arrays);
			copy.optimizer.restore(state);
			const statistics = [original, copy].map(({ optimizer }) => {
				const values = new Float32Array(2 * STATISTICS.length);
				optimizer.step(0.01, values);
				return [...values];
			});
			expect(statistics[0]).toEqual(statistics[1]);
			expect(copy.arrays).toEqual(original.arrays);
			expect(copy.optimizer.state()).toEqual(original.optimizer.state());
			expect(state.layers.map(({ step }) => step)).toEqual([3, 3]);
		},
	);

	it('is a copy', () => {
		const { optimizer } = make('adam', device);
		optimizer.step(0.01);
		const state = optimizer.state();
		const kept = structuredClone(state);
		optimizer.step(0.01);
		expect(state).toEqual(kept);
	});

	it.each<[string, (state: OptimizerState) => unknown, RegExp]>([
		[
			'another algorithm',
			(state) => ({ ...state, algorithm: 'adamw' }),
			/'adam', as in this optimizer, for state\.algorithm/,
		],
		['what JSON makes of a state', (state) => JSON.parse(JSON.stringify(state)), /received Object.*v8\.serialize/],
		['fewer layers', (state) => ({ ...state, layers: state.layers.slice(1) }), /2 layers/],
		[
			'another layer',
			(state) => ({ ...state, layers: state.layers.toReversed() }),
			/'first', as in this optimizer, for state\.layers\[0\]\.name/,
		],
		[
			'moments of another size',
			(state) => ({
				...state,
				layers: [state.layers[0], { ...state.layers[1], moments: [[new Float32Array(3)], []] }],
			}),
			/state\.layers\[1\]\.moments\[0\]\[0\]/,
		],
		[
			'half a step',
			(state) => ({ ...state, layers: [{ ...state.layers[0], step: 0.5 }, state.layers[1]] }),
			/a count of steps/,
		],
		['nothing', () => undefined, /what state\(\) returned/],
	])('is refused whole when it has %s', (_, change, message) => {
		const { optimizer } = make('adam', device);
		optimizer.step(0.01);
		const before = optimizer.state();
		expect(() => optimizer.restore(change(optimizer.state()) as OptimizerState)).toThrow(message);
		expect(optimizer.state()).toEqual(before);
	});

	it('counts the steps of each layer on its own', () => {
		const { optimizer } = make('adam', device);
		const state = optimizer.state();
		optimizer.restore({ ...state, layers: state.layers.map((layer, i) => ({ ...layer, step: i * 10 })) });
		optimizer.step(0.01);
		expect(optimizer.state().layers.map(({ step }) => step)).toEqual([1, 11]);
	});
});

describe.each(OPTIMIZER_DEVICES)('controls (%s)', (device) => {
	it('apply per layer: learning rates, weight decays, momenta', () => {
		const parameters = [Float32Array.of(1), Float32Array.of(1), Float32Array.of(1)];
		const layers = parameters.map((array, i) => ({
			name: `${i}`,
			parameters: array,
			gradients: Float32Array.of(1),
			weightDecay: i !== 2,
		}));
		const optimizer = new LayerwiseOptimizer({ algorithm: 'momentum', layers, device });
		const controls = {
			learningRates: Float32Array.of(0.5, 0.25, 0.125),
			weightDecays: Float32Array.of(0, 1, 1),
			momenta: Float32Array.of(0, 0.5, 0.5),
		};
		optimizer.step(controls); // velocities 1, 2, 1 (the last layer has no decay)
		expect(parameters.map(([value]) => value)).toEqual([0.5, 0.5, 0.875]);
		optimizer.step(controls); // velocities 1, 0.5·2 + 1 + 0.5, 0.5·1 + 1
		expect(parameters.map(([value]) => value)).toEqual([0, -0.125, 0.6875]);
		optimizer.dispose();
	});

	it('take one number for all layers, and the scale of the gradient', () => {
		const parameters = [Float32Array.of(1), Float32Array.of(2)];
		const layers = parameters.map((array, i) => ({ name: `${i}`, parameters: array, gradients: Float32Array.of(8) }));
		using optimizer = new LayerwiseOptimizer({ algorithm: 'sgd', layers, device });
		optimizer.step(0.5, undefined, { inverseScale: 0.25 });
		expect(parameters.map(([value]) => value)).toEqual([0, 1]);
	});

	it('of AdamW decay the parameter by the learning rate, by 0.01 unless said', () => {
		const parameters = Float32Array.of(1);
		const layers = [{ name: 'a', parameters, gradients: Float32Array.of(0) }];
		using optimizer = new LayerwiseOptimizer({ algorithm: 'adamw', layers, device });
		optimizer.step(0.5);
		expect(parameters[0]).toBeCloseTo(1 - 0.5 * 0.01, 6);
	});
});
