import { types } from 'node:util';
import { invalidArgument } from './arguments.js';
import { meanAndError } from './means.js';
import { requireDependency } from './package-files.js';

export interface ConfidenceInterval {
	readonly mean: number;
	readonly low: number;
	readonly high: number;
	readonly standardError: number;
	readonly count: number;
}

/** The 97.5 % quantile of Student's t, within 1e-7 of scipy's up to a million degrees of freedom. */
function studentQuantile975(degreesOfFreedom: number): number {
	const { jStat } = requireDependency('jstat') as JStat;
	return jStat.studentt.inv(0.975, degreesOfFreedom);
}

/** What is used of jStat, which has no types of its own. */
interface JStat {
	readonly jStat: { readonly studentt: { inv(probability: number, degreesOfFreedom: number): number } };
}

/** Mean of values and its 95 % interval by Student's t; infinite for fewer than two. */
export function meanInterval(values: readonly number[]): ConfidenceInterval {
	const { mean, standardError } = meanAndError(values);
	const count = values.length;
	const margin = count < 2 ? Number.POSITIVE_INFINITY : studentQuantile975(count - 1) * standardError;
	return { mean, low: mean - margin, high: mean + margin, standardError, count };
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
	return meanInterval(differences);
}

function checkNumbers(values: ArrayLike<number>, name: string): void {
	const list = Array.isArray(values) || (ArrayBuffer.isView(values) && !types.isDataView(values));
	if (!list || Array.prototype.some.call(values, (value) => typeof value !== 'number')) {
		throw invalidArgument('an array of numbers', name, values);
	}
}
