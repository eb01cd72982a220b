import type * as BenchBinding from '../../bench/binding-bench.d.ts';
import { loadBenchAddon } from '../../bench/support/machine.js';
import { type NativeBinding, native } from '../../src/native.js';
import type { NetworkPopulationOptions } from '../../src/networks/population-options.js';
import type { PopulationDevice } from '../../src/networks/population-resources.js';
import { emulated } from './emulation.js';

/**
 * Where the population tests train: `GANNO_TEST_DEVICE`, or the CPU. With `GANNO_TEST_DEVICE=cuda:0` they run on a GPU, and vitest's
 * project `emulated` runs them on the emulated one.
 */
export const TEST_DEVICE = (process.env.GANNO_TEST_DEVICE ?? 'cpu') as PopulationDevice;
export const ON_CUDA: boolean = TEST_DEVICE.startsWith('cuda');
/** Whether that device is a card, not the emulated one. */
export const ON_GPU: boolean = ON_CUDA && !(process.env.GANNO_BINDING ?? '').includes('emulated');
/** Whether it is the emulated one, on which everything takes a thousand times as long. */
export const ON_EMULATION: boolean = ON_CUDA && !ON_GPU;

/** What tests of all population back ends are repeated for: the CPU's instruction-set tiers, or the device. */
export const POPULATION_BACKENDS: [name: string, options: Pick<NetworkPopulationOptions, 'device' | 'tier'>][] = ON_CUDA
	? [[TEST_DEVICE, { device: TEST_DEVICE }]]
	: (native().cpuTiers() as ('baseline' | 'avx2' | 'avx512')[]).map((tier) => [tier, { tier }]);

/** The addon whose `cuda:0` tests of kernels use: that of the card they run on, otherwise the emulated one. */
export function deviceBinding(): NativeBinding {
	return ON_GPU ? native() : emulated();
}

/** Likewise, of what benchmarks call. */
export function deviceBenchBinding(): typeof BenchBinding {
	return ON_GPU ? loadBenchAddon() : emulated();
}
