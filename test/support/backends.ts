import { devices } from '../../src/device-list.js';
import type { OptimizerDevice } from '../../src/optimizer/optimizer-options.js';

/**
 * What tests of LayerwiseOptimizer run on: the CPU, the TypeScript reference, and a CUDA device where there is one. The project
 * `emulated` of vitest.config.ts loads the addon whose CUDA kernels run on the CPU, and asks for that device alone.
 */
const cuda = devices().find((device) => device.kind === 'cuda' && device.available);

export const OPTIMIZER_DEVICES: readonly OptimizerDevice[] =
	process.env.GANNO_TEST_DEVICE === undefined
		? ['cpu', 'reference', ...(cuda?.kind === 'cuda' && cuda.available ? [cuda.name] : [])]
		: [process.env.GANNO_TEST_DEVICE as OptimizerDevice];
