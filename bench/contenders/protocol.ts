import { createInterface } from 'node:readline';
import type { Evidence } from '../optimizer/evidence.js';

/** The contender's side of the protocol in `bench/support/contender.ts`. */
export function reply(value: Readonly<Record<string, unknown>>): void {
	process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Steps that were done, and the loss after them. */
export interface Done {
	readonly steps: number;
	readonly loss: number;
}

/**
 * Answers slices until the input ends. `step` does some training steps and returns how many and the loss after them.
 * `figures` are more about the slice that just ended, for the answer. NaN is not JSON: it is sent as null, which the reader refuses.
 */
export async function serve(
	version: string,
	step: () => Done | Promise<Done>,
	figures: () => Readonly<Record<string, number>> = () => ({}),
): Promise<void> {
	for (let i = 0; i < 2; i++) await step(); // caches and just-in-time compilers warm up
	reply({ ready: true, version });
	for await (const line of createInterface({ input: process.stdin })) {
		const { run } = JSON.parse(line) as { run: number };
		figures(); // of before the slice
		const cpu = process.cpuUsage();
		const start = performance.now();
		let steps = 0;
		let loss = Number.NaN;
		do {
			const done = await step();
			steps += done.steps;
			loss = done.loss;
		} while (performance.now() - start < run);
		const wallSeconds = (performance.now() - start) / 1e3;
		const used = process.cpuUsage(cpu);
		reply({ steps, loss, wallSeconds, cpuSeconds: (used.user + used.system) / 1e6, ...figures() });
	}
}

/**
 * Answers slices of bench:optimizer, and requests for evidence (bench/optimizer/evidence.ts), until the input ends. One step before the
 * clock starts warms the caches.
 */
export async function serveSteps(
	hello: { readonly version: string; readonly note?: string },
	step: () => void,
	evidence: () => Evidence,
): Promise<void> {
	reply({ ready: true, ...hello, evidence: evidence() });
	for await (const line of createInterface({ input: process.stdin })) {
		const { run } = JSON.parse(line) as { run?: number };
		if (run === undefined) {
			reply({ evidence: evidence() });
			continue;
		}
		step();
		const start = performance.now();
		let steps = 0;
		do {
			step();
			steps++;
		} while (performance.now() - start < run);
		reply({ steps, wallSeconds: (performance.now() - start) / 1e3 });
	}
}
