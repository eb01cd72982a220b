import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		// One process per file: a native crash stays in that file.
		pool: 'forks',
		include: ['test/**/*.test.ts'],
		testTimeout: 120_000,
		hookTimeout: 120_000,
		reporters: ['default', './test/support/reporter.ts'],
	},
});
