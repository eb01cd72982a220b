import { afterEach, describe, expect, it } from 'vitest';
import { emulated } from '../support/emulation.js';

/** The emulation that the CUDA kernels are tested on must itself notice what goes wrong on a GPU. */

const { emulation, cudaDevices } = emulated();

const REPORTS: Readonly<Record<string, RegExp>> = {
	'divergent barrier': /^divergent barrier: .*waits at __syncthreads.*has returned/,
	'two barriers': /^divergent barrier: thread \d+ waits at __syncthreads at .*, thread \d+ waits at __syncthreads at/,
	'shared memory out of bounds': /^out of bounds: byte 256 of a shared array .* which has 256 bytes/,
	'shared memory unwritten': /^read before it was written: byte 20 of a shared array/,
	'shared memory race': /^race: .* no barrier lies between/,
	'shuffle mask': /^__shfl_xor_sync .*: lane \d+ reads from lane \d+, which the mask 0x0000ffff does not name/,
	'divergent warp': /^divergent warp: .*__ballot_sync/,
	'divergent tensor product': /^mma.sync at .*: the mask 0xffffffff names lane \d+, which has returned/,
	'operand that is not TF32': /^an operand of the product at broken_kernels.cc:\d+ was not rounded to TF32/,
	'global memory out of bounds': /^global memory was written beyond an allocation of 256 bytes/,
};

afterEach(() => emulation.configure({}));

describe('the emulation of CUDA', () => {
	it('has a report for every broken kernel', () => {
		expect(emulation.brokenKernels()).toEqual(Object.keys(REPORTS));
	});

	it.each(Object.entries(REPORTS))('notices: %s, in any order of threads', (name, report) => {
		for (const seed of [1, 2, 3, 4]) {
			emulation.configure({ seed });
			expect(emulation.runKernel(name, true)).toMatch(report);
			expect(emulation.runKernel(name, false)).toBe('');
		}
	});

	it('frees what kernels used', () => {
		for (const name of emulation.brokenKernels()) emulation.runKernel(name, true);
		expect(emulation.allocatedBytes()).toBe(0);
	});
});

describe('devices of an emulated machine', () => {
	it('are listed', () => {
		emulation.configure({ devices: 2, memory: 2 ** 30 });
		const { devices, reason } = cudaDevices();
		expect(reason).toBe('');
		expect(devices).toHaveLength(2);
		expect(devices[1]).toMatchObject({ memory: 2 ** 30, freeMemory: 2 ** 30, computeCapability: '9.0' });
	});

	it.each([
		['no driver', { driverVersion: 0 }, /no NVIDIA driver is installed.*install the driver/],
		['a driver too old', { driverVersion: 12040 }, /too old: it supports CUDA 12\.4.*needs 13\.0: install a newer/],
		['no device', { devices: 0 }, /no GPU is visible to this process: see what nvidia-smi lists/],
		['a driver that fails', { failAfter: 0, failWith: 999 }, /the NVIDIA driver failed: /],
	])('%s: the reason says what to do', (_, machine, reason) => {
		emulation.configure(machine);
		expect(cudaDevices()).toMatchObject({ devices: [], reason: expect.stringMatching(reason) });
	});
});
