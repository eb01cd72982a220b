import { describe, expect, it } from 'vitest';
import { native } from '../../../src/native.js';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';

interface Made {
	readonly optimizer: LayerwiseOptimizer;
	readonly arrays: readonly Float32Array[];
}

function random(length: number, seed: number, buffer: ArrayBufferLike = new ArrayBuffer(length * 4)): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	const values = new Float32Array(buffer);
	for (let i = 0; i < length; i++) values[i] = generator.nextNormal();
	return values;
}

function make(device: (typeof OPTIMIZER_DEVICES)[number], algorithm: LayerwiseAlgorithm = 'adam', size = 5000): Made {
	const arrays = [random(size, 1), random(7, 2), random(20, 3, new SharedArrayBuffer(80))];
	const gradients = arrays.map((array, i) => random(array.length, 10 + i));
	const optimizer = new LayerwiseOptimizer({
		algorithm,
		device,
		threads: 2,
		layers: [
			{ name: 'first', parameters: arrays.slice(0, 2), gradients: gradients.slice(0, 2) },
			{ name: 'second', parameters: arrays[2] as Float32Array, gradients: gradients[2] as Float32Array },
		],
	});
	return { optimizer, arrays };
}

describe.each(OPTIMIZER_DEVICES)('stepAsync (%s)', (device) => {
	it.each(LAYERWISE_ALGORITHMS)('does what step does, to the same bits: %s', async (algorithm) => {
		const size = device === 'cpu' ? 200_000 : 5000; // on the CPU: enough for two threads
		const [sync, background] = [make(device, algorithm, size), make(device, algorithm, size)] as const;
		const statistics = [new Float32Array(2 * STATISTICS.length), new Float32Array(2 * STATISTICS.length)] as const;
		for (const rate of [0.01, 0.02]) {
			const controls = { learningRates: Float32Array.of(rate, rate / 2), weightDecays: 0.1 };
			sync.optimizer.step(controls, statistics[0], { inverseScale: 0.5 });
			await background.optimizer.stepAsync(controls, statistics[1], { inverseScale: 0.5 });
		}
		expect(statistics[1]).toEqual(statistics[0]);
		expect(statistics[0][STATISTICS.indexOf('updateNorm')]).toBeGreaterThan(0);
		for (const [i, array] of background.arrays.entries()) {
			expect(Buffer.from(array.buffer).equals(Buffer.from((sync.arrays[i] as Float32Array).buffer))).toBe(true);
		}
		expect(background.optimizer.state()).toEqual(sync.optimizer.state());
		sync.optimizer.dispose();
		background.optimizer.dispose();
	});

	it('copies its controls at once', async () => {
		const [one, other] = [make(device), make(device)];
		const rates = Float32Array.of(0.01, 0.02);
		const running = one.optimizer.stepAsync(rates);
		rates.fill(7);
		await running;
		other.optimizer.step(Float32Array.of(0.01, 0.02));
		expect(one.arrays).toEqual(other.arrays);
	});

	it('is refused, as is any other call, while one runs, and harms nothing', async () => {
		const { optimizer, arrays } = make(device);
		const statistics = new Float32Array(2 * STATISTICS.length);
		const state = optimizer.state();
		const running = optimizer.stepAsync(0.01);
		const refusal = { code: 'INVALID_ARGUMENT', message: expect.stringMatching(/still running: await it/) as string };
		await Promise.all([
			expect(optimizer.stepAsync(0.01)).rejects.toMatchObject(refusal),
			...[
				() => optimizer.step(0.01),
				() => optimizer.probe(0.01, statistics),
				() => optimizer.state(),
				() => optimizer.restore(state),
			].map(async (call) => {
				expect(call).toThrow(expect.objectContaining(refusal));
			}),
		]);
		await running;
		const other = make(device);
		other.optimizer.step(0.01);
		expect(arrays).toEqual(other.arrays);
		await optimizer.stepAsync(0.01);
		expect(optimizer.state().layers.map(({ step }) => step)).toEqual([2, 2]);
	});

	it('ends as if nothing had happened when its optimizer is disposed meanwhile', async () => {
		const { optimizer, arrays } = make(device);
		const statistics = new Float32Array(2 * STATISTICS.length);
		const running = optimizer.stepAsync(0.01, statistics);
		optimizer.dispose();
		expect(() => optimizer.step(0.01)).toThrow(/disposed/);
		await running;
		const other = make(device);
		other.optimizer.step(0.01);
		expect(arrays).toEqual(other.arrays);
		expect(statistics[0]).toBeGreaterThan(0);
		await expect(optimizer.stepAsync(0.01)).rejects.toMatchObject({ code: 'DISPOSED' });
	});

	it('keeps its arrays where they are: they cannot be transferred meanwhile, or later', async () => {
		const { optimizer, arrays } = make(device);
		const parameters = arrays[0] as Float32Array;
		const running = optimizer.stepAsync(0.01);
		for (let turn = 0; turn < 2; turn++) {
			try {
				structuredClone(parameters, { transfer: [parameters.buffer as ArrayBuffer] }); // Node 20 copies
			} catch (error) {
				expect((error as Error).name).toBe('DataCloneError');
			}
			expect(parameters).toHaveLength(5000);
			await running;
		}
		const other = make(device);
		other.optimizer.step(0.01);
		expect(parameters).toEqual(other.arrays[0]);
	});

	it.runIf('transfer' in ArrayBuffer.prototype)('says so when an array was moved away all the same', async () => {
		const { optimizer, arrays } = make(device);
		const running = optimizer.stepAsync(0.01);
		const buffer = arrays[0]?.buffer as ArrayBuffer & { transfer(): ArrayBuffer };
		const moved = new Float32Array(buffer.transfer());
		await expect(running).rejects.toThrow(/layer 'first' no longer has the 5000 elements/);
		const other = make(device);
		other.optimizer.step(0.01);
		expect(moved).toEqual(other.arrays[0]);
	});

	it('refuses memory that can shrink meanwhile; step does not', async () => {
		const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
		const buffer = new Resizable(8, { maxByteLength: 16 });
		const layer = { name: 'soft', parameters: new Float32Array(buffer), gradients: Float32Array.of(1, 1) };
		using optimizer = new LayerwiseOptimizer({ algorithm: 'sgd', layers: [layer], device });
		await expect(optimizer.stepAsync(1)).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: expect.stringMatching(/resizable ArrayBuffer of an array of layer 'soft'/) as string,
		});
		optimizer.step(1);
		expect([...layer.parameters]).toEqual([-1, -1]);
		(buffer as unknown as { resize(bytes: number): void }).resize(4);
		expect(() => optimizer.step(1)).toThrow(/layer 'soft' no longer has the 2 elements/);
	});

	it('can be used by a program that made its buffers untouchable', async () => {
		const layer = { name: 'a', parameters: Float32Array.of(1), gradients: Float32Array.of(1) };
		Object.freeze(layer.parameters.buffer);
		using optimizer = new LayerwiseOptimizer({ algorithm: 'sgd', layers: [layer], device });
		await optimizer.stepAsync(1);
		expect(layer.parameters[0]).toBe(0);
	});
});

describe('stepAsync on the CPU', () => {
	it('rejects when its statistics were transferred away meanwhile, the step taken', async () => {
		const { optimizer } = make('cpu');
		const statistics = new Float32Array(2 * STATISTICS.length);
		const running = optimizer.stepAsync(0.01, statistics);
		structuredClone(statistics, { transfer: [statistics.buffer] });
		await expect(running).rejects.toMatchObject({ name: 'GannoError', code: 'INVALID_ARGUMENT' });
		expect(optimizer.state().layers[0]?.step).toBe(1);
		await optimizer.stepAsync(0.01);
	});

	it('runs for several optimizers at once', async () => {
		const several = Array.from({ length: 6 }, () => make('cpu', 'adam', 150_000));
		await Promise.all(several.map(({ optimizer }) => optimizer.stepAsync(0.01)));
		for (const { arrays } of several) expect(arrays).toEqual(several[0]?.arrays);
		for (const { optimizer } of several) optimizer.dispose();
	});

	it('leaves no handle behind', async () => {
		const before = native().liveHandles();
		const { optimizer } = make('cpu');
		const running = optimizer.stepAsync(0.01);
		optimizer.dispose();
		await running;
		// An earlier test's may have been collected meanwhile.
		expect(native().liveHandles()).toBeLessThanOrEqual(before);
	});
});
