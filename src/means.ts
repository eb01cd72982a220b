/** Mean; NaN for no values. */
export function mean(values: readonly number[]): number {
	return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Mean and standard error (0 for fewer than two values). Its mean adds quotients, which may differ from {@link mean} in the last bit:
 * metrics and evaluations of runs are told by it, and a resumed run goes on to the same bits.
 */
export function meanAndError(values: ArrayLike<number>): { readonly mean: number; readonly standardError: number } {
	const count = values.length;
	let mean = 0;
	for (let i = 0; i < count; i++) mean += (values[i] as number) / count;
	if (count < 2) return { mean: count === 0 ? Number.NaN : mean, standardError: 0 };
	let squares = 0;
	for (let i = 0; i < count; i++) squares += ((values[i] as number) - mean) ** 2;
	return { mean, standardError: Math.sqrt(squares / (count - 1) / count) };
}
