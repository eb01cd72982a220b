/** An optimiser's state of one variable, enough to continue in another grouping or after loading. */
export interface VariableState {
	readonly shape: readonly number[];
	/** Steps it has taken. */
	readonly step: number;
	/** First moment, second moment: as many as the algorithm has. */
	readonly moments: readonly Float32Array[];
}

export interface NamedState extends VariableState {
	/** The variable's. */
	readonly name: string;
}
