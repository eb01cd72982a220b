import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		testTimeout: process.env.GANNO_TEST_FULL ? 3_600_000 : 120_000, // 100,000 random layouts take minutes
		hookTimeout: 120_000,
		setupFiles: ['./test/support/property-seed.ts'],
		reporters: ['default', './test/support/reporter.ts'],
		projects: [
			// One process per file: a native crash stays in that file.
			{ extends: true, test: { name: 'forks', pool: 'forks', include: ['test/**/*.test.ts'] } },
			// The addon's tests once more as worker threads of one process: each file its own environment, all one library.
			{
				extends: true,
				test: {
					name: 'threads',
					pool: 'threads',
					include: ['test/[12]*.test.ts'],
					// The emulated GPU is one for a whole process, and its tests make it fail.
					exclude: ['test/29.cuda-*.test.ts'],
				},
			},
			// The tests of LayerwiseOptimizer and NetworkPopulation on CUDA kernels that run on the CPU (native/cuda/emulation).
			{
				extends: true,
				test: {
					name: 'emulated',
					pool: 'forks',
					include: [
						'test/optimizer/devices/closed-form-steps.test.ts',
						'test/optimizer/devices/statistics-range.test.ts',
						'test/14.*.test.ts',
						'test/optimizer/devices/optimizer-arguments.test.ts',
						'test/optimizer/devices/carried-norms.test.ts',
						'test/optimizer/devices/denormals.test.ts',
						'test/16.optimizer-*.test.ts',
						'test/optimizer/devices/step-async.test.ts',
						'test/17.*.test.ts',
						'test/addon/devices/device-ceilings.test.ts',
						'test/2[1-8].*.test.ts',
						'test/optimizer/devices/optimizer-vectors.test.ts',
						'test/networks/devices/network-vectors.test.ts',
					],
					env: { GANNO_BINDING: 'build/Release/ganno-emulated.node', GANNO_TEST_DEVICE: 'cuda:0' },
				},
			},
		],
	},
});
