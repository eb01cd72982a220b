import type { Done } from '../protocol.js';

/** What a contender does over and over. */
export interface Work {
	readonly version: string;
	/** Some steps; how many, and a loss (or another figure) that must be finite. */
	readonly step: () => Done | Promise<Done>;
	/** More about the slice that just ended. */
	readonly figures?: () => Readonly<Record<string, number>>;
}
