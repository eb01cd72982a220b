import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBenchAddon } from '../../../bench/support/machine.js';
import { native, packageRoot } from '../../../src/native.js';
import { emulated } from '../../support/emulation.js';
import { deviceBenchBinding } from '../../support/test-device.js';

/** What benchmarks hold a CUDA device against, on the emulated one or on `GANNO_TEST_DEVICE`: that it is measured, not how fast it is. */

const device = deviceBenchBinding();
const ADDON = join(packageRoot, 'build', 'Release', 'ganno.node');

/** Three layers, one of none, on the device; their parameters. */
function plan(number: number | undefined, addon: Pick<typeof device, 'LayerwisePlan'> = device) {
	const sizes = [1, 0, 5000];
	const parameters = sizes.map((size) => new Float32Array(size).fill(1));
	const made = new addon.LayerwisePlan({
		algorithm: 4, // adam
		nonFinite: 0,
		threads: 1,
		device: number,
		resident: number !== undefined,
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rho: 0 },
		parameters,
		gradients: sizes.map((size) => new Float32Array(size).fill(0.5)),
		arraysPerLayer: Uint32Array.of(1, 1, 1),
	});
	return { made, parameters };
}

describe('the ceilings of a device', () => {
	it('are a copy inside its memory', () => {
		for (const bytes of [1, 4096, 1_000_001]) {
			const seconds = device.measureDeviceCopy(0, bytes, 3);
			expect(seconds).toBeGreaterThan(0);
			expect(Number.isFinite(seconds)).toBe(true);
		}
	});

	it('and multiply-adds, which every thread has made', () => {
		const { operations, seconds, checksum } = device.measureDeviceFma(0, 40);
		expect(seconds).toBeGreaterThan(0);
		const threads = operations / (2 * 16 * 40);
		expect(threads % 2048).toBe(0); // of each multiprocessor
		expect(checksum).toBe(32 * threads); // every chain ends at 2
	});

	it('refuse what they cannot do', () => {
		expect(() => device.measureDeviceCopy(0, 0, 1)).toThrow(/bytes is not an integer from 1/);
		expect(() => device.measureDeviceCopy(0, 8, 0)).toThrow(/copies is not an integer from 1/);
		expect(() => device.measureDeviceFma(0, 0.5)).toThrow(/iterations is not an integer from 1/);
		for (const call of [() => device.measureDeviceCopy(77, 8, 1), () => device.measureDeviceFma(77, 1)]) {
			expect(call).toThrow(expect.objectContaining({ code: 'CUDA_UNAVAILABLE' }));
		}
		expect(() => device.measureDeviceCopy(0, 2 ** 40, 1)).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
	});
});

describe('timed steps', () => {
	it.each([false, true])('are the steps that step() takes (statistics: %s)', (withStatistics) => {
		const [timed, called] = [plan(0), plan(0)];
		for (const { made } of [timed, called]) made.step(0.1, 0, 0, undefined, 1);
		expect(device.timedSteps(timed.made, withStatistics, 1, 3)).toBeGreaterThan(0);
		expect(device.timedSteps(timed.made, !withStatistics, 1, 1)).toBeGreaterThan(0);
		for (let i = 0; i < 4; i++) called.made.step(0.1, 0, 0, undefined, 1);
		for (const { made } of [timed, called]) made.download();
		expect(timed.parameters).toEqual(called.parameters);
		expect(timed.parameters[2]?.[7]).not.toBe(1);
		for (const { made } of [timed, called]) made.dispose();
	});

	it('take plans of their own addon alone, and nothing else', () => {
		const { made } = plan(undefined, createRequire(import.meta.url)(ADDON) as typeof device);
		for (const stranger of [made, {}, undefined, device.LayerwisePlan]) {
			expect(() => device.timedSteps(stranger as typeof made, false, 1, 1)).toThrow(
				expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('not a handle') }),
			);
		}
		made.dispose();
	});

	it('need a device, and a count', () => {
		const onCpu = plan(undefined).made;
		expect(() => device.timedSteps(onCpu, false, 1, 1)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
		onCpu.dispose();
		const { made } = plan(0);
		expect(() => device.timedSteps(made, false, 1, 0)).toThrow(/count/);
		made.dispose();
		expect(() => device.timedSteps(made, false, 1, 1)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
	});
});

it('without CUDA they say what is missing', () => {
	if (native().cudaDevices().devices.length > 0) return;
	const binding = loadBenchAddon();
	expect(() => binding.measureDeviceCopy(0, 8, 1)).toThrow(expect.objectContaining({ code: 'CUDA_UNAVAILABLE' }));
	expect(() => binding.measureDeviceFma(0, 1)).toThrow(expect.objectContaining({ code: 'CUDA_UNAVAILABLE' }));
	expect(emulated().cudaDevices().devices).toHaveLength(1);
});
