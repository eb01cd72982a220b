import { afterEach, describe, expect, it } from 'vitest';
import { INTERRUPTED_EXIT_CODE, Interrupt } from '../../src/cli/interrupt.js';

/** The signals of a story, each with the millisecond it comes at; how often the command was told, and when it was ended at once. */
function story(...signals: readonly (readonly [NodeJS.Signals, number])[]) {
	let clock = 0;
	let told = 0;
	const ended: [number, number][] = [];
	const interrupt = new Interrupt({
		onInterrupt: () => told++,
		now: () => clock,
		exit: (code) => ended.push([code, clock]),
	});
	try {
		for (const [signal, at] of signals) {
			clock = at;
			process.emit(signal, signal);
		}
		return { aborted: interrupt.signal.aborted, told, ended };
	} finally {
		interrupt[Symbol.dispose]();
	}
}

afterEach(() => {
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) expect(process.listenerCount(signal)).toBe(0);
});

describe('an interruption', () => {
	it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s aborts the work and does not end the process', (signal) => {
		expect(story([signal, 5])).toEqual({ aborted: true, told: 1, ended: [] });
	});

	it('is one, however often it is said within a second: by npm again, by timeout to child and group', () => {
		for (const again of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
			for (const after of [0, 1, 50, 999]) {
				expect(story(['SIGINT', 5], [again, 5 + after]), `${again} after ${after}`).toEqual({
					aborted: true,
					told: 1,
					ended: [],
				});
			}
		}
		const keyHeldDown = Array.from({ length: 20 }, (_, i) => ['SIGINT', 40 * i] as const);
		expect(story(...keyHeldDown).ended).toEqual([]);
	});

	it('that is said again after a second ends the process at once', () => {
		expect(story(['SIGINT', 5], ['SIGINT', 1005]).ended).toEqual([[INTERRUPTED_EXIT_CODE, 1005]]);
		expect(story(['SIGTERM', 5], ['SIGINT', 30], ['SIGTERM', 2000]).ended).toEqual([[INTERRUPTED_EXIT_CODE, 2000]]);
		expect(story(['SIGHUP', 5], ['SIGTERM', 9000]).ended).toEqual([[INTERRUPTED_EXIT_CODE, 9000]]);
	});

	it('is not made sudden by a terminal that closes afterwards', () => {
		expect(story(['SIGINT', 5], ['SIGHUP', 5000], ['SIGHUP', 9000]).ended).toEqual([]);
	});
});
