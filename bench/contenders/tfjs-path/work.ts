import type { Done } from '../protocol.js';

/** What a contender does over and over. */
export interface Work {
	readonly version: string;
	/** Some steps; how many, and a loss (or another figure) that must be finite. */
	step():
		| { readonly steps: number; readonly loss: number }
		| Promise<{ readonly steps: number; readonly loss: number }>;
	/** More about the slice that just ended. */
	readonly figures?: () => Readonly<Record<string, number>>;
}
