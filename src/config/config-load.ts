import type { z } from 'zod';
import { closest } from '../closest-word.js';
import { GannoError } from '../errors.js';
import { readTextFile } from '../files/text-file.js';
import { removedValue } from '../removed-values.js';
import { forbiddenKeys, showValue, valueAt } from './settings-value.js';

/** One source of settings, weakest first: a preset, a file, the command line. */
export interface ConfigLayer {
	/** As it stands in messages: `preset quick`, `my.json`, `the command line`. */
	readonly source: string;
	readonly values: Readonly<Record<string, unknown>>;
}

/** A key of the config as the reference prints it. */
export interface ConfigKey {
	/** Dotted, e.g. `learner.clip`. */
	readonly key: string;
	readonly description: string;
	readonly expected: string;
	readonly unit: string;
	readonly default: unknown;
	/** What it can be, where that is one of several words. */
	readonly choices?: readonly string[] | undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Objects are merged key by key; lists, and objects that state their `type` (a network, say), are replaced whole. */
export function mergeLayers(layers: readonly ConfigLayer[]): Record<string, unknown> {
	const merge = (below: unknown, above: unknown): unknown => {
		if (!isRecord(below) || !isRecord(above) || Object.hasOwn(above, 'type')) return above;
		const merged = new Map(Object.entries(below));
		for (const [key, value] of Object.entries(above)) {
			if (value !== undefined) merged.set(key, merged.has(key) ? merge(merged.get(key), value) : value);
		}
		// Not key by key into an object: `__proto__` would not become a key, but everybody's settings.
		return Object.fromEntries(merged);
	};
	return layers.reduce<Record<string, unknown>>(
		(merged, layer) => merge(merged, layer.values) as Record<string, unknown>,
		{},
	);
}

/**
 * Reads a config file: one JSON object.
 * @throws GannoError `INVALID_CONFIG` with the path and what is wrong
 */
export function readConfigFile(path: string): ConfigLayer {
	let text: string;
	try {
		text = readTextFile(path);
	} catch (error) {
		throw new GannoError('INVALID_CONFIG', `The config file ${path} cannot be read: ${(error as Error).message}`, {
			cause: error,
		});
	}
	let values: unknown;
	try {
		values = JSON.parse(text);
	} catch (error) {
		throw new GannoError('INVALID_CONFIG', `The config file ${path} is no valid JSON: ${(error as Error).message}`, {
			cause: error,
		});
	}
	if (!isRecord(values)) throw new GannoError('INVALID_CONFIG', `The config file ${path} must hold one JSON object.`);
	return { source: path, values };
}

/** `learner.clip=0.1` → `{ learner: { clip: 0.1 } }`; the value is JSON, or else a plain string. */
export function parseAssignment(assignment: string): Record<string, unknown> {
	const at = assignment.indexOf('=');
	if (at < 1) {
		throw new GannoError(
			'INVALID_CONFIG',
			`Expected KEY=VALUE for --set but received ${JSON.stringify(assignment)}, e.g. --set learner.clip=0.1`,
		);
	}
	const text = assignment.slice(at + 1);
	let value: unknown = text;
	try {
		value = JSON.parse(text);
	} catch {
		// A bare word: --set dataset=mnist
	}
	return assignment
		.slice(0, at)
		.split('.')
		.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>;
}

interface SchemaNode {
	readonly def: { readonly type: string; readonly innerType?: SchemaNode; readonly defaultValue?: unknown };
	readonly shape?: Readonly<Record<string, SchemaNode>>;
	meta(): { description?: string; expected?: string; unit?: string; choices?: readonly string[] } | undefined;
}

/** The object behind `.default()` and `.prefault()`, where there is one. */
function objectShape(node: SchemaNode): Readonly<Record<string, SchemaNode>> | undefined {
	if (node.def.type === 'object') return node.shape;
	return node.def.innerType === undefined ? undefined : objectShape(node.def.innerType);
}

/** Every key of a schema, in the order of its declaration. */
export function configKeys(schema: z.ZodType, prefix = ''): ConfigKey[] {
	const shape = objectShape(schema as unknown as SchemaNode);
	if (shape === undefined) return [];
	return Object.entries(shape).flatMap(([name, node]) => {
		const key = `${prefix}${name}`;
		if (objectShape(node) !== undefined) return configKeys(node as unknown as z.ZodType, `${key}.`);
		const { description = '', expected = '', unit = '', choices } = node.meta() ?? {};
		return [{ key, description, expected, unit, default: node.def.defaultValue, choices }];
	});
}

/** What a setting is under the layers where nothing else is said; nothing is checked. */
export function settingUnder(layers: readonly ConfigLayer[], { key, default: otherwise }: ConfigKey): unknown {
	return valueAt(mergeLayers(layers), key.split('.')) ?? otherwise;
}

/**
 * Merges the layers and checks the result against the schema; missing keys get their defaults.
 * @param page where all keys are described
 * @throws GannoError `INVALID_CONFIG` that names, for each fault, the key, the value, where it came from and what was expected
 */
export function parseLayers<S extends z.ZodType>(
	schema: S,
	layers: readonly ConfigLayer[],
	page = 'docs/meta-training.md',
): z.infer<S> {
	const merged = mergeLayers(layers);
	const keys = configKeys(schema);
	const forbidden = layers.flatMap(({ values, source }) =>
		forbiddenKeys(values).map((key) => unknownKey(key, source, keys, page)),
	);
	if (forbidden.length > 0) throw new GannoError('INVALID_CONFIG', forbidden.join('\n'));
	const result = schema.safeParse(merged);
	if (result.success) return result.data;
	const faults = result.error.issues.flatMap((issue) => describeIssue(issue, merged, layers, keys, page));
	throw new GannoError('INVALID_CONFIG', [...new Set(faults)].join('\n'));
}

function unknownKey(key: string, source: string, keys: readonly ConfigKey[], page: string): string {
	const close = closest(
		key,
		keys.map((known) => known.key),
	);
	const hint = close === undefined ? `See ${page} for all keys.` : `Did you mean ${close}?`;
	return `Unknown config key ${key} in ${source}. ${hint}`;
}

function describeIssue(
	issue: z.core.$ZodIssue,
	merged: unknown,
	layers: readonly ConfigLayer[],
	keys: readonly ConfigKey[],
	page: string,
): string[] {
	const path = issue.path.map(String);
	if (issue.code === 'unrecognized_keys') {
		return issue.keys.map((key) => unknownKey([...path, key].join('.'), sourceOf([...path, key], layers), keys, page));
	}
	const key = path.join('.');
	const known = keys.find((entry) => key === entry.key || key.startsWith(`${entry.key}.`));
	const section = keys.some((entry) => entry.key.startsWith(`${key}.`));
	const expected = known?.expected ?? (section || key === '' ? 'an object of settings' : issue.message);
	// A fault inside a list is told with the element's place, but what is expected is said of the whole key.
	const detail = known !== undefined && known.key !== key && issue.code !== 'custom' ? ` (${issue.message})` : '';
	const value = valueAt(merged, path);
	const removed = removedValue(key, value);
	return [
		`Expected ${expected} for ${key === '' ? 'the config' : key} but received ${showValue(value)} in ${sourceOf(path, layers)}${detail}${removed === undefined ? '' : `. ${removed}`}`,
	];
}

/** The strongest layer that says anything about the path. */
function sourceOf(path: readonly string[], layers: readonly ConfigLayer[]): string {
	for (let depth = path.length; depth > 0; depth--) {
		const named = layers.findLast((layer) => valueAt(layer.values, path.slice(0, depth)) !== undefined);
		if (named !== undefined) return named.source;
	}
	return layers.at(-1)?.source ?? 'the config';
}
