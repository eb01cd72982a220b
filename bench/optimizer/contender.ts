import type { Evidence } from './evidence.js';

/** Steps taken in a stretch of time. */
export interface StepSlice {
	readonly steps: number;
	readonly wallSeconds: number;
}

/** Something that steps a case's layers when told to. It has taken its first steps when it is handed out. */
export interface StepContender {
	readonly name: string;
	/** Why it is not measured on this case; undefined when it is. */
	readonly unavailable?: string | undefined;
	/** Version of the package it runs on, where that is not this one. */
	readonly version?: readonly [packageName: string, version: string] | undefined;
	/** Said of its rows. */
	readonly note?: string | undefined;
	/** In this process: cheap to interleave. */
	readonly local: boolean;
	/** After FIRST_STEPS. */
	readonly first: Evidence;
	run(milliseconds: number): Promise<StepSlice>;
	/** Now. */
	last(): Promise<Evidence>;
	close(): Promise<void>;
}

const NOTHING: Evidence = { steps: 0, parameters: [], statistics: [], statisticNames: [] };

export function unavailableContender(name: string, unavailable: string): StepContender {
	const refuse = (): Promise<never> => Promise.reject(new Error(`${name} is ${unavailable}`));
	return { name, unavailable, local: true, first: NOTHING, run: refuse, last: refuse, close: () => Promise.resolve() };
}
