import { types } from 'node:util';
import { closest } from './closest-word.js';
import { GannoError } from './errors.js';
import { removedValue } from './removed-values.js';

/** Argument checks: each throws `INVALID_ARGUMENT` with the sentence of the design. */

function describe(value: unknown): string {
	if (value === null) return 'null';
	if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
	if (types.isDataView(value)) return 'DataView'; // a detached one throws when asked for its length
	if (ArrayBuffer.isView(value)) {
		const length = (value as unknown as { length?: number }).length ?? value.byteLength;
		return `${value.constructor?.name ?? 'array'}(${length})`;
	}
	if (Array.isArray(value)) return `Array(${value.length})`;
	if (typeof value === 'function') return `function ${value.name}`;
	if (typeof value === 'object') return value.constructor?.name ?? 'object';
	return String(value as number | boolean | bigint | symbol | undefined);
}

/** `Expected <what> for <name> but received <value> of type <type>`. */
export function invalidArgument(what: string, name: string, value: unknown, advice?: string): GannoError {
	const sentence = `Expected ${what} for ${name} but received ${describe(value)} of type ${typeof value}`;
	return new GannoError('INVALID_ARGUMENT', advice === undefined ? sentence : `${sentence}. ${advice}`);
}

export function checkInteger(value: unknown, name: string, low: number, high = Number.MAX_SAFE_INTEGER): number {
	if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
		const range =
			high === Number.MAX_SAFE_INTEGER ? `an integer of at least ${low}` : `an integer from ${low} to ${high}`;
		throw invalidArgument(range, name, value);
	}
	return value;
}

export function checkNumber(value: unknown, name: string, low: number, high = Number.POSITIVE_INFINITY): number {
	if (typeof value !== 'number' || !(value >= low && value <= high) || !Number.isFinite(value)) {
		const range =
			high === Number.POSITIVE_INFINITY ? `a finite number of at least ${low}` : `a number from ${low} to ${high}`;
		throw invalidArgument(range, name, value);
	}
	return value;
}

export function checkObject(value: unknown, name: string): void {
	if (typeof value !== 'object' || value === null) throw invalidArgument('an object', name, value);
}

/**
 * The keys of an options type as a list. The compiler holds it complete: a key that is left out, or is none, does not compile.
 * @param keys of `ClipOptions`, for example: `{ layerNorm: true, globalNorm: true }`
 */
export function keysOf<T>(keys: Readonly<Record<keyof T, true>>): readonly string[] {
	return Object.keys(keys);
}

/** What programs write options as: an object of its own, or an imported module. No array, Map or forgotten Promise. */
const OPTIONS_TAGS: readonly string[] = ['[object Object]', '[object Module]'];

/** Options of ganno 0.1 under another name, and what they are called now. */
const RENAMED: Readonly<Record<string, string>> = { agents: 'granularity', ends: 'dataset', replicas: 'networks' };

/**
 * An object with no key but the known ones: a misspelt option would go unnoticed otherwise.
 * @param name of the object, for messages; keys of `options` themselves are named without it
 * @param former keys of earlier versions, and what became of each: `{ cancel: 'is called cancellation now' }`
 * @throws GannoError `INVALID_ARGUMENT`: `Unknown option clip.norm; known ones are layerNorm, globalNorm. …`, or of a former key
 * `Unknown option cancel: it is called cancellation now`
 */
export function checkKeys(
	value: unknown,
	name: string,
	known: readonly string[],
	former: Readonly<Record<string, string>> = {},
): void {
	checkObject(value, name);
	if (!OPTIONS_TAGS.includes(Object.prototype.toString.call(value))) throw invalidArgument('an object', name, value);
	for (const key of Object.keys(value as object)) {
		if (known.includes(key)) continue;
		const path = name === 'options' ? key : `${name}.${key}`;
		const renamed = Object.hasOwn(RENAMED, key) ? RENAMED[key] : undefined;
		const became =
			(Object.hasOwn(former, key) ? former[key] : undefined) ??
			(renamed !== undefined && known.includes(renamed) ? `is called ${renamed} now` : undefined);
		if (became !== undefined) {
			throw new GannoError('INVALID_ARGUMENT', `Unknown option ${path}: it ${became}`);
		}
		const close = closest(key, known);
		throw new GannoError(
			'INVALID_ARGUMENT',
			`Unknown option ${path}; known ones are ${known.join(', ')}${close === undefined ? '' : `. Did you mean ${close}?`}`,
		);
	}
}

/** @returns the value, or `absent` where there is none */
export function checkBoolean(value: unknown, name: string, absent = false): boolean {
	if (value === undefined) return absent;
	if (typeof value !== 'boolean') throw invalidArgument('true or false', name, value);
	return value;
}

/** A function, or nothing. */
export function checkFunction(value: unknown, name: string): void {
	if (value !== undefined && typeof value !== 'function') throw invalidArgument('a function', name, value);
}

/** An AbortSignal, or nothing. */
export function checkSignal(value: unknown): void {
	if (value !== undefined && !(value instanceof AbortSignal)) throw invalidArgument('an AbortSignal', 'signal', value);
}

/** Not a number above all: Node would take it for a file descriptor, and wait for ever on that of a terminal. */
export function checkPath(value: unknown, name: string): string {
	if (typeof value !== 'string' || value === '') throw invalidArgument('a path (a string, not empty)', name, value);
	return value;
}

export function checkOneOf<T extends string>(value: unknown, name: string, choices: readonly T[]): T {
	if (!choices.includes(value as T)) {
		const expected = `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`;
		throw invalidArgument(expected, name, value, removedValue(name, value));
	}
	return value as T;
}

const arrayTag = Reflect.getOwnPropertyDescriptor(
	Object.getPrototypeOf(Float32Array.prototype) as object,
	Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

/** Whether a value is a typed array of this type, of whichever realm; `types` of node:util says so for each type alone. */
export function isArrayOf<T extends ArrayBufferView>(
	value: unknown,
	type: { readonly name: string; readonly prototype: T },
): value is T {
	return arrayTag.call(value) === type.name;
}

/** A Float32Array of exactly `length` elements; a detached one has length 0 and is named as such. */
export function checkFloat32Array(value: unknown, name: string, length: number, shape?: string): Float32Array {
	if (!types.isFloat32Array(value)) throw invalidArgument(`a Float32Array of length ${length}`, name, value);
	if (value.length !== length) {
		const detached =
			value.length === 0 && isDetached(value.buffer) ? 'Its buffer was detached (transferred).' : undefined;
		throw invalidArgument(
			`a Float32Array of length ${length}${shape === undefined ? '' : ` (${shape})`}`,
			name,
			value,
			detached,
		);
	}
	return value;
}

/** A Float32Array of at least `length` elements, of which the first ones count. */
export function checkCapacity(value: unknown, name: string, length: number, shape: string): void {
	if (!types.isFloat32Array(value) || value.length < length) checkFloat32Array(value, name, length, shape);
}

function isDetached(buffer: ArrayBufferLike): boolean {
	if (!types.isArrayBuffer(buffer)) return false;
	if (buffer.byteLength !== 0) return false;
	try {
		new Uint8Array(buffer);
		return false;
	} catch {
		return true;
	}
}

/** Every element finite and at least `low`. */
export function checkFiniteElements(values: Float32Array, name: string, low: number): void {
	for (let i = 0; i < values.length; i++) {
		const value = values[i] as number;
		if (!(value >= low && value < Number.POSITIVE_INFINITY)) {
			throw invalidArgument(`finite numbers of at least ${low}`, `${name}[${i}]`, value);
		}
	}
}
