import { z } from 'zod';

/**
 * The kinds of field that settings are made of. A setting is declared once, with its default, range, unit, one sentence and, where it has one,
 * its command-line option; types, checks, defaults, `--help`, the tables of the documentation and the JSON Schema follow from that.
 */

/** What a field says of itself beside what zod checks. */
export type FieldDescription = {
	readonly description: string;
	/** Stands after "Expected" in messages. */
	readonly expected: string;
	/** Empty where the value has none. */
	readonly unit: string;
	/** What it can be, where that is one of several words. */
	readonly choices?: readonly string[] | undefined;
	/** Its command-line option, as `--seed <n>`. */
	readonly option?: string | undefined;
	/** The heading that the option stands under in `--help`. */
	readonly group?: string | undefined;
};

declare module 'zod' {
	interface GlobalMeta {
		expected?: string;
		unit?: string;
		choices?: readonly string[] | undefined;
		option?: string | undefined;
		group?: string | undefined;
	}
}

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Settings as a schema gives them: complete. */
export type SettingsOf<S extends z.ZodType> = DeepReadonly<z.output<S>>;

/** Settings as a user gives them: what has a default may be left out. */
export type SettingsInput<S extends z.ZodType> = DeepReadonly<z.input<S>>;

interface FieldOptions<T> extends Pick<FieldDescription, 'description' | 'option' | 'group'> {
	readonly default: T;
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

function meta(
	{ description, unit = '', option, group }: Omit<FieldOptions<unknown>, 'default'>,
	expected: string,
	choices?: readonly string[],
): FieldDescription {
	return { description, expected, unit, choices, option, group };
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

interface ListOptions {
	/** Whether there may be none. */
	readonly empty?: boolean;
}

function listOf<T extends z.ZodType>(element: T, { empty = false }: ListOptions) {
	return empty ? z.array(element) : z.array(element).min(1);
}

/** Several integers, or one in place of a list of one. */
export function integers(options: RangeOptions<readonly number[]> & ListOptions) {
	const element = ranged(z.int(), options);
	return z
		.union([element, listOf(element, options)])
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

export function text(options: FieldOptions<string> & { readonly expected: string; readonly pattern?: RegExp }) {
	const { pattern } = options;
	return (pattern === undefined ? z.string() : z.string().regex(pattern))
		.default(options.default)
		.meta(meta(options, options.expected));
}

export function choice<const T extends readonly [string, ...string[]]>(values: T, options: FieldOptions<T[number]>) {
	return z
		.enum(values)
		.default(options.default as never)
		.meta(meta(options, `one of ${values.map((value) => `'${value}'`).join(', ')}`, values));
}

/** `[low, high]` with low ≤ high. */
export function interval(options: RangeOptions<readonly [number, number]>) {
	return ascending(ranged(z.number(), options))
		.default([options.default[0], options.default[1]])
		.meta(meta(options, `[low, high], ${rangePhrase('two ascending numbers', options)}`));
}

/** A list. */
export function list<T extends z.ZodType>(
	element: T,
	options: FieldOptions<readonly z.infer<T>[]> & ListOptions & { readonly expected: string },
) {
	return listOf(element, options)
		.default([...options.default] as never)
		.meta(meta(options, options.expected));
}

/** A field of a kind of its own, with its default. */
export function field<T extends z.ZodType>(
	schema: T,
	options: FieldOptions<z.input<T>> & { readonly expected: string },
) {
	return schema.prefault(options.default as never).meta(meta(options, options.expected));
}

/** `[low, high]` as a part of a field. */
export function ascending<T extends z.ZodNumber>(bound: T) {
	return z
		.tuple([bound, bound])
		.refine(([low, high]) => (low as number) <= (high as number), 'the first number must not be above the second');
}

type CheckOf<T extends z.ZodRawShape> = (payload: z.core.ParsePayload<SettingsOf<z.ZodObject<T>>>) => void;

/** Settings by their keys, and no others. @param check what no single one of them can say of itself; asked where each is sound */
export function settings<T extends z.ZodRawShape>(shape: T, check?: CheckOf<T>) {
	const object = z.strictObject(shape);
	if (check === undefined) return object;
	return object.check((payload) => {
		if (payload.issues.length === 0) check(payload as never);
	});
}

/** Settings under one key. */
export function section<T extends z.ZodRawShape>(shape: T, check?: CheckOf<T>) {
	return settings(shape, check).prefault({} as never);
}
