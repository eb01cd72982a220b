import { z } from 'zod';

/**
 * The kinds of field a config is made of. Each carries what the error message and the generated reference need: what is
 * expected, the unit, the default and one sentence.
 */

/** `expected` stands after "Expected" in messages; `unit` is empty when the value has none. */
type FieldDescription = { description: string; expected: string; unit: string; choices?: readonly string[] };

declare module 'zod' {
	interface GlobalMeta {
		expected?: string;
		unit?: string;
		choices?: readonly string[];
	}
}

interface FieldOptions<T> {
	readonly default: T;
	readonly description: string;
	readonly unit?: string;
}

interface RangeOptions<T> extends FieldOptions<T> {
	readonly min?: number;
	readonly max?: number;
	/** The value itself must be above `min`, not equal to it. */
	readonly above?: boolean;
}

function rangePhrase(noun: string, options: { min?: number; max?: number; above?: boolean }): string {
	const { min, max, above = false } = options;
	if (min !== undefined && max !== undefined) {
		return above ? `${noun} above ${min} and at most ${max}` : `${noun} from ${min} to ${max}`;
	}
	if (min !== undefined) return above ? `${noun} above ${min}` : `${noun} of at least ${min}`;
	if (max !== undefined) return `${noun} of at most ${max}`;
	return noun;
}

function choiceMeta(options: { description: string; unit?: string }, choices: readonly string[]): FieldDescription {
	return { ...meta(options, `one of ${choices.map((value) => `'${value}'`).join(', ')}`), choices };
}

function meta(options: { description: string; unit?: string }, expected: string): FieldDescription {
	return { description: options.description, expected, unit: options.unit ?? '' };
}

function ranged(schema: z.ZodNumber, options: { min?: number; max?: number; above?: boolean }): z.ZodNumber {
	let bounded = schema;
	if (options.min !== undefined) bounded = options.above ? bounded.gt(options.min) : bounded.min(options.min);
	if (options.max !== undefined) bounded = bounded.max(options.max);
	return bounded;
}

export function integer(options: RangeOptions<number>) {
	return ranged(z.int(), options)
		.default(options.default)
		.meta(meta(options, rangePhrase('an integer', options)));
}

/** Several integers, or one in place of a list of one. */
export function integers(options: RangeOptions<readonly number[]>) {
	const element = ranged(z.int(), options);
	return z
		.union([element, z.array(element).min(1)])
		.transform((value) => (Array.isArray(value) ? value : [value]))
		.default([...options.default])
		.meta(meta(options, `${rangePhrase('an integer', options)}, or a list of them`));
}

export function number(options: RangeOptions<number>) {
	return ranged(z.number(), options)
		.default(options.default)
		.meta(meta(options, rangePhrase('a number', options)));
}

export function boolean(options: FieldOptions<boolean>) {
	return z.boolean().default(options.default).meta(meta(options, 'true or false'));
}

export function choice<const T extends readonly [string, ...string[]]>(values: T, options: FieldOptions<T[number]>) {
	return z
		.enum(values)
		.default(options.default as never)
		.meta(choiceMeta(options, values));
}

/** A choice of what may be left out: 'none', the default, is undefined in the config, so that it says nothing about what is not there. */
export function choiceOrNone<const T extends readonly [string, ...string[]]>(
	values: T,
	options: Omit<FieldOptions<T[number]>, 'default'>,
) {
	const all: readonly ['none', ...T] = ['none', ...values];
	return z
		.enum(all)
		.transform((value) => (value === 'none' ? undefined : (value as T[number])))
		.prefault('none' as never)
		.meta(choiceMeta(options, all));
}

/** `[low, high]` with low ≤ high. */
export function interval(options: RangeOptions<readonly [number, number]> & { readonly integers?: boolean }) {
	const bound = ranged(options.integers === true ? z.int() : z.number(), options);
	const noun = options.integers === true ? 'two ascending integers' : 'two ascending numbers';
	return z
		.tuple([bound, bound])
		.refine(([low, high]) => low <= high)
		.default([options.default[0], options.default[1]])
		.meta(meta(options, `[low, high], ${rangePhrase(noun, options)}`));
}

/** A list with at least one element. */
export function list<T extends z.ZodType>(
	element: T,
	options: FieldOptions<readonly z.infer<T>[]> & { readonly expected: string },
) {
	return z
		.array(element)
		.min(1)
		.default([...options.default] as never)
		.meta(meta(options, options.expected));
}
