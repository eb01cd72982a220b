import { afterEach, describe, expect, it } from 'vitest';
import { GannoError } from '../../../src/errors.js';
import { native } from '../../../src/native.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { STATISTICS } from '../../../src/optimizer/statistics.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

type Options = ConstructorParameters<typeof LayerwiseOptimizer>[0];

function options(changes: Record<string, unknown> = {}): Options {
	return {
		algorithm: 'adam',
		layers: [{ name: 'dense', parameters: new Float32Array(4), gradients: new Float32Array(4) }],
		...changes,
	} as Options;
}

function thrown(action: () => unknown): GannoError {
	try {
		action();
	} catch (error) {
		expect(error).toBeInstanceOf(GannoError);
		return error as GannoError;
	}
	return expect.fail('nothing was thrown');
}

const shared = new Float32Array(16);
const pair = () => ({
	parameters: [new Float32Array(4), new Float32Array(2)],
	gradients: [new Float32Array(4), new Float32Array(2)],
});

describe('LayerwiseOptimizer refuses, with a GannoError that says why,', () => {
	it.each<[string, Record<string, unknown>, RegExp]>([
		['an unknown algorithm', { algorithm: 'adma' }, /Expected one of 'sgd'.* for algorithm but received "adma"/],
		['no layers', { layers: [] }, /non-empty array for layers/],
		['a layer that is not an object', { layers: [3] }, /an object for layers\[0\]/],
		['a layer without a name', { layers: [{ parameters: shared, gradients: shared }] }, /layers\[0\]\.name/],
		[
			'arrays of another type',
			{ layers: [{ name: 'a', parameters: new Float64Array(4), gradients: new Float32Array(4) }] },
			/layers\[0\]\.parameters but received Float64Array\(4\)/,
		],
		[
			'gradients of another length',
			{ layers: [{ name: 'a', parameters: new Float32Array(4), gradients: new Float32Array(5) }] },
			/length 4, as the parameters, for layers\[0\]\.gradients\[0\]/,
		],
		[
			'another number of gradients',
			{ layers: [{ name: 'a', parameters: [new Float32Array(4)], gradients: [] }] },
			/1 array, as in parameters/,
		],
		[
			'parameters that overlap',
			{
				layers: [
					{ name: 'a', parameters: shared.subarray(0, 9), gradients: new Float32Array(9) },
					{ name: 'b', parameters: shared.subarray(8), gradients: new Float32Array(8) },
				],
			},
			/the parameters of layer 'b' overlap the parameters of layer 'a'/,
		],
		[
			'gradients that are parameters',
			{ layers: [{ name: 'a', parameters: shared, gradients: shared }] },
			/the gradients of layer 'a' overlap the parameters of layer 'a'/,
		],
		[
			'a misspelled hyperparameter',
			{ hyperparameters: { beta: 0.9 } },
			/hyperparameters\.beta does not apply to 'adam'/,
		],
		[
			'a hyperparameter of another rule',
			{ hyperparameters: { momentum: 0.9 } },
			/does not apply to 'adam', which takes/,
		],
		['epsilon 0', { hyperparameters: { epsilon: 0 } }, /hyperparameters\.epsilon/],
		['beta2 = 1', { hyperparameters: { beta2: 1 } }, /below, 1 for hyperparameters\.beta2/],
		['NaN', { hyperparameters: { beta1: Number.NaN } }, /hyperparameters\.beta1 but received NaN/],
		['a negative weight decay', { hyperparameters: { weightDecay: -1 } }, /hyperparameters\.weightDecay/],
		['an unknown policy', { nonFinite: 'ignore' }, /nonFinite/],
		['a norm of 0 to clip to', { clip: { globalNorm: 0 } }, /a number above 0 for clip\.globalNorm/],
		['a norm that is no number', { clip: { layerNorm: Number.NaN } }, /clip\.layerNorm but received NaN/],
		['an unknown way to clip', { clip: { value: 1 } }, /Unknown option clip\.value/],
		[
			'an option of another optimiser',
			{ learningRate: 0.1 },
			/Unknown option learningRate; known ones are algorithm, layers/,
		],
		['a misspelled option', { nonfinite: 'propagate' }, /Unknown option nonfinite; .*Did you mean nonFinite\?/],
		[
			'a misspelled switch of a layer',
			{ layers: [{ name: 'a', parameters: shared, gradients: new Float32Array(16), weight_decay: false }] },
			/Unknown option layers\[0\]\.weight_decay; known ones are .*Did you mean weightDecay\?/,
		],
		...(
			[
				[
					'a decay that is no switch',
					1,
					/true, false or an array of them, one for each parameter array, for layers\[0\]\.weightDecay/,
				],
				['no decay at all', null, /true, false or an array of them.* but received null/],
				['a typed array of decays', Uint8Array.of(1, 0), /true, false or an array of them.* but received Uint8Array/],
				[
					'decays for some arrays',
					[true],
					/each of the layer's parameter arrays, 2 in all, for layers\[0\]\.weightDecay but received 1/,
				],
				['decays for more arrays', [true, false, true], /parameter arrays, 2 in all, .* but received 3/],
				[
					'a decay of one array that is no switch',
					[true, 0],
					/true or false for layers\[0\]\.weightDecay\[1\] but received 0/,
				],
				[
					'a hole in the decays',
					Object.assign([true], { length: 2 }),
					/for layers\[0\]\.weightDecay\[1\] but received undefined/,
				],
			] as const
		).map(([name, weightDecay, message]): [string, Record<string, unknown>, RegExp] => [
			name,
			{ layers: [{ name: 'a', ...pair(), weightDecay }] },
			message,
		]),
		[
			'a trust ratio of LARS over arrays with decay and without',
			{ algorithm: 'lars', layers: [{ name: 'a', ...pair(), weightDecay: [true, false] }] },
			/the same layers\[0\]\.weightDecay for all arrays of layer 'a'.*'lars'.*; make layers of their own/,
		],
		['a clip that is no object', { clip: 1 }, /layerNorm, globalNorm or both for clip/],
		[
			'a switch that is none',
			{ layers: [{ name: 'a', parameters: shared, gradients: new Float32Array(16), adapt: 1 }] },
			/adapt/,
		],
		['an unknown way with denormals', { denormals: 'drop' }, /one of 'keep', 'flush' for denormals/],
		[
			'an option of version 0.1',
			{ carryParameterNorms: true },
			/^Unknown option carryParameterNorms: it was removed\. Leave it out/,
		],
		['an unknown device', { device: 'gpu' }, /device/],
		['no threads', { threads: 0 }, /threads/],
		['half a thread', { threads: 1.5 }, /threads/],
	])('%s', (_, changes, message) => {
		const error = thrown(() => new LayerwiseOptimizer(options(changes)));
		expect(error.code).toBe('INVALID_ARGUMENT');
		expect(error.message).toMatch(message);
	});

	it('a CUDA device that is not there', () => {
		const error = thrown(() => new LayerwiseOptimizer(options({ device: 'cuda:99' })));
		expect(error.code).toBe('CUDA_UNAVAILABLE');
		expect(error.message).toMatch(/^The device 'cuda:99' cannot be used: .+\. Or use device 'cpu' \(--device cpu\)$/);
	});

	it('but not gradients that two layers both read', () => {
		const gradients = new Float32Array(4);
		const layers = ['a', 'b'].map((name) => ({ name, parameters: new Float32Array(4), gradients }));
		new LayerwiseOptimizer(options({ layers })).dispose();
	});
});

describe.each(OPTIMIZER_DEVICES)('a step (%s) refuses', (device) => {
	const parameters = new Float32Array(4).fill(1);
	const optimizer = new LayerwiseOptimizer({
		algorithm: 'sgd',
		device,
		layers: [{ name: 'dense', parameters, gradients: new Float32Array(4).fill(1) }],
	});
	const step = optimizer.step.bind(optimizer) as (...values: unknown[]) => void;
	afterEach(() => {
		expect([...parameters]).toEqual([1, 1, 1, 1]); // refused means nothing happened
	});

	it.each<[string, unknown[], RegExp]>([
		['no learning rate', [], /controls/],
		[
			'learning rates in an array',
			[[1e-3, 1e-3]],
			/Expected a number, a Float32Array or \{ learningRates, … \} for controls but received Array\(2\).*Float32Array\.from/,
		],
		['learning rates of double precision', [new Float64Array(2)], /received Float64Array\(2\).*Float32Array\.from/],
		['a negative learning rate', [-1], /learningRates but received -1/],
		['NaN', [Number.NaN], /learningRates but received NaN/],
		['Infinity', [Number.POSITIVE_INFINITY], /learningRates/],
		['too many learning rates', [new Float32Array(2)], /length 1 \(layers\) for learningRates/],
		['a NaN among them', [Float32Array.of(Number.NaN)], /learningRates\[0\] but received NaN/],
		['learning rates of another type', [{ learningRates: [0.1] }], /length 1 for learningRates but received Array/],
		[
			'a misspelled control',
			[{ learningRates: 0.1, weightDecay: 0.1 }],
			/Unknown option controls\.weightDecay; known ones are .*Did you mean weightDecays\?/,
		],
		[
			'an unknown option of a step',
			[0.1, undefined, { scale: 1 }],
			/Unknown option scale; known ones are inverseScale/,
		],
		['a momentum for sgd', [{ learningRates: 0.1, momenta: 0.9 }], /momenta does not apply to 'sgd'/],
		['negative weight decay', [{ learningRates: 0.1, weightDecays: -1 }], /weightDecays/],
		['statistics of another length', [0.1, new Float32Array(13)], /length 14 \(layers × 14\) for statistics/],
		['statistics of another type', [0.1, new Float64Array(14)], /statistics but received Float64Array/],
		['a negative scale', [0.1, undefined, { inverseScale: -1 }], /inverseScale/],
		['options that are none', [0.1, undefined, 1], /an object for options/],
		['a scale beyond float32', [0.1, undefined, { inverseScale: 1e39 }], /inverseScale/],
	])('%s', (_, values, message) => {
		const error = thrown(() => step(...values));
		expect(error.code).toBe('INVALID_ARGUMENT');
		expect(error.message).toMatch(message);
	});

	it('one bad learning rate among many, and goes on with good ones of any form', async () => {
		const arrays = Array.from({ length: 4 }, () => Float32Array.of(0));
		const layers = arrays.map((array, i) => ({ name: `${i}`, parameters: array, gradients: Float32Array.of(-1) }));
		using several = new LayerwiseOptimizer({ algorithm: 'sgd', device, layers });
		const statistics = new Float32Array(4 * STATISTICS.length);
		for (const bad of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
			const rates = Float32Array.of(1, 1, bad, 1);
			const refused = `Expected finite numbers from 0 to 3.4e+38 for learningRates[2] but received ${bad} of type number`;
			expect(thrown(() => several.step(rates)).message).toBe(refused);
			expect(thrown(() => several.probe(rates, statistics)).message).toBe(refused);
			expect(thrown(() => several.step({ learningRates: rates })).message).toBe(refused);
			await expect(several.stepAsync(rates)).rejects.toThrow(refused);
		}
		expect(arrays.map(([value]) => value)).toEqual([0, 0, 0, 0]);
		expect(several.state().layers.map(({ step }) => step)).toEqual([0, 0, 0, 0]);
		several.step(1);
		several.step({ learningRates: Float32Array.of(1, 2, 3, 4) });
		several.step(Float32Array.of(0, 0, 1, 1));
		expect(() => several.step(Float32Array.of(7, 7, 7, 7), new Float32Array(3))).toThrow(/statistics/);
		await several.stepAsync(1);
		expect(arrays.map(([value]) => value)).toEqual([3, 4, 6, 7]);
	});

	it.each([
		['learningRates', 3.4e38, 3.4028234663852886e38], // the largest float32
		['weightDecays', 3.4e38, -0.10000000149011612],
		['momenta', 1, 1.0000001192092896],
	] as const)('an element of %s beyond its range, in the same words on every device', (name, high, bad) => {
		const parameters = Float32Array.of(1);
		const layers = [0, 1].map((i) => ({
			name: `${i}`,
			parameters: [parameters][i] ?? [],
			gradients: [Float32Array.of(1)][i] ?? [],
		}));
		using both = new LayerwiseOptimizer({ algorithm: 'momentum', device, layers });
		const error = thrown(() => both.step({ learningRates: 0.1, [name]: Float32Array.of(0, bad) }));
		expect(error.code).toBe('INVALID_ARGUMENT');
		expect(error.message).toBe(
			`Expected finite numbers from 0 to ${high} for ${name}[1] but received ${bad} of type number`,
		);
		expect([...parameters]).toEqual([1]);
	});

	it('an array that was transferred away', () => {
		for (const which of ['parameters', 'gradients'] as const) {
			const layer = { name: 'moved', parameters: new Float32Array(8), gradients: new Float32Array(8) };
			const moving = new LayerwiseOptimizer({ algorithm: 'adam', device, layers: [layer] });
			structuredClone(layer[which], { transfer: [layer[which].buffer] });
			const error = thrown(() => moving.step(0.1));
			expect(error.code).toBe('INVALID_ARGUMENT');
			expect(error.message).toMatch(/layer 'moved' no longer has the 8 elements/);
			moving.dispose();
		}
	});

	it('statistics that were transferred away', () => {
		const statistics = new Float32Array(STATISTICS.length);
		structuredClone(statistics, { transfer: [statistics.buffer] });
		expect(thrown(() => optimizer.step(0.1, statistics)).message).toMatch(/detached/);
	});

	it('to run after dispose, which may be called twice', () => {
		const disposed = new LayerwiseOptimizer(options({ device }));
		disposed.dispose();
		disposed.dispose();
		for (const use of [() => disposed.step(0.1), () => disposed.state()]) expect(thrown(use).code).toBe('DISPOSED');
	});

	it('the same off the main thread, by a rejected promise', async () => {
		const stepAsync = optimizer.stepAsync.bind(optimizer) as (...values: unknown[]) => Promise<void>;
		for (const values of [[], [-1], [new Float32Array(2)], [0.1, new Float32Array(13)], [0.1, undefined, 3]]) {
			await expect(stepAsync(...values)).rejects.toMatchObject({ name: 'GannoError', code: 'INVALID_ARGUMENT' });
		}
	});
});

describe('the binding below', () => {
	it('throws coded errors, whatever it is given', () => {
		const binding = native();
		const good = {
			algorithm: 0,
			nonFinite: 0,
			threads: 1,
			hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rho: 0.99 },
			parameters: [new Float32Array(3)],
			gradients: [new Float32Array(3)],
			arraysPerLayer: Uint32Array.of(1),
		};
		const junk: unknown[] = [
			undefined,
			null,
			-1,
			1.5,
			7,
			Number.NaN,
			'x',
			[],
			{},
			[null],
			new Float32Array(1),
			new Uint32Array(9),
		];
		let refused = 0;
		for (const key of Object.keys(good)) {
			for (const value of junk) {
				try {
					new binding.LayerwisePlan({ ...good, [key]: value } as typeof good).dispose();
				} catch (error) {
					expect((error as { code?: string }).code, `${key}: ${(error as Error).message}`).toBe('INVALID_ARGUMENT');
					refused++;
				}
			}
		}
		expect(refused).toBeGreaterThan(70);
		const plan = new binding.LayerwisePlan(good);
		for (const method of ['step', 'probe', 'readMoment', 'writeMoment', 'readSteps', 'writeSteps'] as const) {
			for (const first of junk) {
				for (const second of junk) {
					try {
						(plan[method] as (...values: unknown[]) => void)(first, second, first, second, first);
					} catch (error) {
						expect((error as { code?: string }).code, method).toBe('INVALID_ARGUMENT');
					}
				}
			}
			expect(() => (plan[method] as () => void).call({})).toThrow(TypeError);
		}
		plan.dispose();
	});

	it('steps arrays over a cloned SharedArrayBuffer once per layer: their overlap cannot be seen, and nothing crashes', () => {
		const memory = new SharedArrayBuffer(8);
		const clone = structuredClone(memory);
		expect(clone).not.toBe(memory);
		const layers = [memory, clone].map((buffer, l) => ({
			name: `layer${l}`,
			parameters: new Float32Array(buffer).fill(1),
			gradients: Float32Array.of(1, 2),
		}));
		using optimizer = new LayerwiseOptimizer({ algorithm: 'sgd', layers, threads: 1 });
		optimizer.step(0.25);
		expect([...layers[0]!.parameters]).toEqual([0.5, 0]);
		using threaded = new LayerwiseOptimizer({ algorithm: 'sgd', layers, threads: 4 });
		for (let step = 0; step < 100; step++) threaded.step(0.25);
		expect(layers[1]!.parameters.every(Number.isFinite)).toBe(true);
	});
});
