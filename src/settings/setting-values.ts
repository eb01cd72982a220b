/** Values of settings as they came in, before anything checked them: looked up, searched and shown in messages. */

/** What lies at a path of own keys; undefined where there is nothing. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
	return path.reduce<unknown>(
		(inner, key) =>
			typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
				? (inner as Record<PropertyKey, unknown>)[key]
				: undefined,
		value,
	);
}

/** Names that no setting has, at any depth. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The dotted paths of keys that every object inherits: what reads an object that has one of its own (a library that checks it, a
 * spread) may skip it, or obey it.
 */
export function forbiddenKeys(value: unknown): string[] {
	const found: string[] = [];
	const seen = new Set<unknown>();
	const waiting: { readonly value: unknown; readonly path: string }[] = [{ value, path: '' }];
	for (const { value: inner, path } of waiting) {
		if (typeof inner !== 'object' || inner === null || seen.has(inner)) continue;
		seen.add(inner);
		for (const [key, deeper] of Object.entries(inner)) {
			const full = path === '' ? key : `${path}.${key}`;
			if (FORBIDDEN_KEYS.has(key)) found.push(full);
			else waiting.push({ value: deeper, path: full });
		}
	}
	return found;
}

/** A value in a message, shortened. */
export function showValue(value: unknown): string {
	if (value === undefined) return 'nothing';
	const text = asText(value);
	return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** As JSON where JSON has it: a config that a program made may hold functions, symbols, big integers and circles. */
function asText(value: unknown): string {
	try {
		// JSON would say null of an infinite number, which is what a file's 1e999 became.
		return JSON.stringify(value, markUnbounded)?.replaceAll(/"\\u0000(-?Infinity|NaN)"/g, '$1') ?? String(value);
	} catch {
		return typeof value === 'bigint' ? `${value}n` : typeof value;
	}
}

/** The NUL tells the number from a string that says the same. */
function markUnbounded(_: string, value: unknown): unknown {
	return typeof value === 'number' && !Number.isFinite(value) ? `\0${value}` : value;
}
