import type { PopulationDevice } from '../../src/networks/population-options.js';

/**
 * Where the population tests train: `GANNO_TEST_DEVICE`, or the CPU. With `GANNO_TEST_DEVICE=cuda:0` they run on a GPU, and vitest's
 * project `emulated` runs them on the emulated one.
 */
export const TEST_DEVICE = (process.env.GANNO_TEST_DEVICE ?? 'cpu') as PopulationDevice;
export const ON_CUDA: boolean = TEST_DEVICE.startsWith('cuda');
