import { afterEach, describe, expect, it } from 'vitest';
import { GannoError } from '../../../src/errors.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';
import { emulated } from '../../support/emulation.js';
import { ON_CUDA, ON_GPU } from '../../support/test-device.js';

const device = OPTIMIZER_DEVICES.find((name) => name.startsWith('cuda')) ?? 'cuda:0';
const isEmulated = ON_CUDA && !ON_GPU;

function random(size: number, seed: number): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	return Float32Array.from({ length: size }, () => generator.nextNormal());
}

function layers() {
	return [1500, 70_000, 0, 3].map((size, i) => ({
		name: `layer ${i}`,
		parameters: [random(size, i), random(10, i + 50)],
		gradients: [random(size, i + 100), random(10, i + 150)],
	}));
}

function thrown(body: () => unknown): GannoError {
	try {
		body();
	} catch (error) {
		expect(error).toBeInstanceOf(GannoError);
		return error as GannoError;
	}
	throw new Error('nothing was thrown');
}

describe.runIf(OPTIMIZER_DEVICES.includes(device))('LayerwiseOptimizer on a CUDA device', () => {
	it('leaves the bits of the CPU', () => {
		const [onCpu, onDevice] = (['cpu', device] as const).map((name) => {
			const own = layers();
			using optimizer = new LayerwiseOptimizer({ algorithm: 'adamw', layers: own, device: name });
			const statistics = new Float32Array(own.length * STATISTICS.length);
			for (let step = 0; step < 3; step++) optimizer.step(Float32Array.of(1e-3, 1e-2, 0.1, 1), statistics);
			return { own, statistics, state: optimizer.state() };
		});
		expect(onDevice).toEqual(onCpu);
	});

	it('keeps parameters and gradients on the device where it is asked to', () => {
		const own = layers();
		const untouched = layers();
		const expected = layers();
		using resident = new LayerwiseOptimizer({ algorithm: 'momentum', layers: own, device, resident: true });
		using everyStep = new LayerwiseOptimizer({ algorithm: 'momentum', layers: expected, device });
		resident.step(0.1);
		everyStep.step(0.1);
		expect(own).toEqual(untouched); // not before download()
		for (const layer of [...own, ...expected]) layer.gradients[0]?.fill(0.5);
		resident.upload();
		resident.step(0.1);
		everyStep.step(0.1);
		resident.download();
		expect(own).toEqual(expected);
		for (const layer of [...own, ...expected]) layer.parameters[0]?.fill(2);
		resident.upload('parameters');
		const statistics = [0, 1].map(() => new Float32Array(own.length * STATISTICS.length));
		resident.step(0.1, statistics[0]);
		everyStep.step(0.1, statistics[1]);
		expect(statistics[0]).toEqual(statistics[1]);
	});

	it('takes each of many queued steps with the controls it was called with', () => {
		const run = (name: typeof device) => {
			const own = layers();
			const resident = name === device;
			using optimizer = new LayerwiseOptimizer({ algorithm: 'momentum', layers: own, device: name, resident });
			const rates = new Float32Array(own.length);
			for (let step = 0; step < 24; step++) {
				optimizer.step(
					rates.map((_, i) => 0.01 / (step + i + 1)),
					undefined,
					{ inverseScale: 1 / (step + 1) },
				);
			}
			if (resident) optimizer.download();
			return own;
		};
		expect(run(device)).toEqual(run('cpu'));
	});

	it('takes over a state from the CPU', () => {
		const [a, b] = [layers(), layers()];
		using cpu = new LayerwiseOptimizer({ algorithm: 'adam', layers: a });
		cpu.step(0.1);
		for (const [i, layer] of b.entries())
			for (const [j, to] of layer.parameters.entries()) to.set(a[i]?.parameters[j] ?? []);
		using cuda = new LayerwiseOptimizer({ algorithm: 'adam', layers: b, device });
		cuda.restore(cpu.state());
		cpu.step(0.1);
		cuda.step(0.1);
		expect(b).toEqual(a);
	});

	it('is not chosen by auto, whose arrays would cross the bus at every step', () => {
		using optimizer = new LayerwiseOptimizer({ algorithm: 'sgd', layers: layers() });
		expect(optimizer.device).toBe('cpu');
	});

	it('refuses residency elsewhere', () => {
		const error = thrown(() => new LayerwiseOptimizer({ algorithm: 'sgd', layers: layers(), resident: true }));
		expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/for device 'cuda:N'/) });
	});
});

describe.runIf(isEmulated)('LayerwiseOptimizer on an emulated machine', () => {
	const { emulation } = emulated();
	afterEach(() => emulation.configure({}));

	it('says what memory it asked for and what was free', () => {
		emulation.configure({ memory: 300_000 });
		const before = emulation.allocatedBytes();
		const error = thrown(() => new LayerwiseOptimizer({ algorithm: 'adam', layers: layers(), device }));
		expect(error.code).toBe('OUT_OF_MEMORY');
		expect(error.message).toMatch(
			/GiB of device memory were asked for, but .* GiB of .* GiB are free\. Use fewer or smaller/,
		);
		expect(emulation.allocatedBytes()).toBe(before);
	});

	it.each([1, 5, 10, 20, 40])('reports an error of CUDA, whichever call it is (%d), and leaks nothing', (failAfter) => {
		const before = emulation.allocatedBytes();
		emulation.configure({ failAfter, failWith: 999 });
		const error = thrown(() => {
			using optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers: layers(), device });
			for (let step = 0; step < 20; step++) optimizer.step(0.1);
		});
		expect(['INTERNAL', 'CUDA_UNAVAILABLE']).toContain(error.code);
		emulation.configure({});
		expect(emulation.allocatedBytes()).toBe(before);
	});

	it.each([1, 2, 3])('queues steps and waits for none but the last but one, whenever streams run (%d)', (seed) => {
		using optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers: layers(), device, resident: true });
		emulation.configure({ seed });
		for (let step = 0; step < 9; step++) optimizer.step(0.1 / (step + 1));
		const queued = /^(?:cudaMemcpyAsync|pageable-copy|launch|cuda\w+(?:Synchronize|Record))$/;
		expect(emulation.calls().filter((name) => queued.test(name))).toEqual(
			Array.from({ length: 9 }, () => [
				'cudaEventSynchronize', // of the last step but one
				'cudaMemcpyAsync',
				'cudaEventRecord',
				'launch',
			]).flat(),
		);
	});

	it('frees the device’s memory when it is disposed of', () => {
		const before = emulation.allocatedBytes();
		const optimizer = new LayerwiseOptimizer({ algorithm: 'lamb', layers: layers(), device });
		expect(emulation.allocatedBytes()).toBeGreaterThan(before + 4 * 4 * 70_000);
		optimizer.dispose();
		expect(emulation.allocatedBytes()).toBe(before);
	});
});
