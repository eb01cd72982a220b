import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with the one plain line that CI reads: `N passed, N failed[, N skipped]`. */
export default class ClosingLineReporter implements Reporter {
	onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
		let passed = 0;
		let failed = unhandledErrors.length;
		let skipped = 0;
		for (const module of modules) {
			if (module.errors().length > 0) failed++;
			for (const test of module.children.allTests()) {
				const { state } = test.result();
				if (state === 'passed') passed++;
				else if (state === 'failed') failed++;
				else skipped++;
			}
		}
		const tail = skipped > 0 ? `, ${skipped} skipped` : '';
		console.log(`\n${passed} passed, ${failed} failed${tail}`);
	}
}
