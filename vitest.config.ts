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
			// The addon's tests once more as worker threads of one process: each file its own environment, all one library. Folders named
			// cuda/ stay out: the emulated GPU is one for a whole process, and its tests make it fail.
			{
				extends: true,
				test: {
					name: 'threads',
					pool: 'threads',
					include: ['test/{addon,optimizer,networks}/**/*.test.ts'],
					exclude: ['test/*/cuda/*'],
				},
			},
			// What holds on every device (folders named devices/) on CUDA kernels that run on the CPU (native/cuda/emulation).
			{
				extends: true,
				test: {
					name: 'emulated',
					pool: 'forks',
					include: ['test/*/devices/*.test.ts'],
					env: { GANNO_BINDING: 'build/Release/ganno-emulated.node', GANNO_TEST_DEVICE: 'cuda:0' },
				},
			},
		],
	},
});
