import { types } from 'node:util';
import { invalidArgument } from './arguments.js';

/** Mean and standard error (0 for fewer than two values). */
export function meanAndError(values: ArrayLike<number>): { readonly mean: number; readonly standardError: number } {
	const count = values.length;
	let mean = 0;
	for (let i = 0; i < count; i++) mean += (values[i] as number) / count;
	if (count < 2) return { mean: count === 0 ? Number.NaN : mean, standardError: 0 };
	let squares = 0;
	for (let i = 0; i < count; i++) squares += ((values[i] as number) - mean) ** 2;
	return { mean, standardError: Math.sqrt(squares / (count - 1) / count) };
}

export interface ConfidenceInterval {
	readonly mean: number;
	readonly low: number;
	readonly high: number;
	readonly standardError: number;
	readonly count: number;
}

/** The 97.5 % quantiles of Student's t for 1 to 9 degrees of freedom. */
const SMALL_QUANTILES = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622];

/** The 97.5 % quantile of Student's t, by the expansion of Abramowitz and Stegun 26.7.5 from 10 degrees of freedom on; within 0.001. */
export function studentQuantile975(degreesOfFreedom: number): number {
	const tabulated = SMALL_QUANTILES[degreesOfFreedom - 1];
	if (tabulated !== undefined) return tabulated;
	const z = 1.959963984540054;
	const n = degreesOfFreedom;
	return (
		z +
		(z ** 3 + z) / (4 * n) +
		(5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * n ** 2) +
		(3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * n ** 3)
	);
}

/**
 * Mean of a[i] − b[i] and its 95 % interval (paired t).
 * @throws GannoError `INVALID_ARGUMENT` unless both are arrays, or typed arrays, of numbers and of one length
 */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>): ConfidenceInterval {
	checkNumbers(a, 'a');
	checkNumbers(b, 'b');
	if (a.length !== b.length) throw invalidArgument(`an array of length ${a.length}, as a has`, 'b', b);
	const differences = Array.from({ length: a.length }, (_, i) => (a[i] as number) - (b[i] as number));
	const { mean, standardError } = meanAndError(differences);
	const margin =
		differences.length < 2 ? Number.POSITIVE_INFINITY : studentQuantile975(differences.length - 1) * standardError;
	return { mean, low: mean - margin, high: mean + margin, standardError, count: differences.length };
}

function checkNumbers(values: ArrayLike<number>, name: string): void {
	const list = Array.isArray(values) || (ArrayBuffer.isView(values) && !types.isDataView(values));
	if (!list || Array.prototype.some.call(values, (value) => typeof value !== 'number')) {
		throw invalidArgument('an array of numbers', name, values);
	}
}
