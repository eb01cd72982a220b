import type { z } from 'zod';
import { closest } from '../closest-word.js';
import { GannoError } from '../errors.js';
import { checkVersion, type FormatName, migrateSettings, VERSION } from '../files/migrations.js';
import { readTextFile } from '../files/text-file.js';
import { removedValue } from '../removed-values.js';
import {
	faultKey,
	type SettingFault,
	type SettingKey,
	settingFaults,
	settingKeys,
} from '../settings/check-settings.js';
import type { SettingsOf } from '../settings/setting-fields.js';
import { forbiddenKeys, showValue, valueAt } from '../settings/setting-values.js';
import { becameOf, type RenamedSetting } from './renamed-settings.js';

/** One source of settings, weakest first: a preset, a file, the command line. */
export interface ConfigLayer {
	/** As it stands in messages: `preset quick`, `my.json`, `the command line`. */
	readonly source: string;
	readonly values: Readonly<Record<string, unknown>>;
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

/** The config file of a run directory states its format; one that a user writes does not. */
type RunConfigFormat = Extract<FormatName, 'ganno-run' | 'ganno-search'>;

/**
 * Reads a config file: one JSON object.
 * @param format of a file of a run directory: one that states none is of ganno 0.1. Absent: a file of the user's, which may be a copy
 *   of a run's
 * @throws GannoError `INVALID_CONFIG` with the path and what is wrong; `BAD_FILE` for a version that this ganno does not read
 */
export function readConfigFile(path: string, format?: RunConfigFormat): ConfigLayer {
	const invalid = (problem: string, cause?: unknown) =>
		new GannoError('INVALID_CONFIG', `The config file ${path} ${problem}`, cause === undefined ? undefined : { cause });
	let text: string;
	try {
		text = readTextFile(path);
	} catch (error) {
		throw invalid(`cannot be read: ${(error as Error).message}`, error);
	}
	let values: unknown;
	try {
		values = JSON.parse(text);
	} catch (error) {
		throw invalid(`is no valid JSON: ${(error as Error).message}`, error);
	}
	if (!isRecord(values)) throw invalid('must hold one JSON object.');
	// `$schema` is for editors.
	const { $schema: _, ...said } = values;
	const { format: stated, version, ...settings } = said;
	if (stated !== 'ganno-run' && stated !== 'ganno-search') {
		return { source: path, values: format === undefined ? said : migrateSettings(said, 1) };
	}
	return { source: path, values: migrateSettings(settings, checkVersion(path, stated, version)) };
}

/** The text of a run directory's config file. */
export function formatRunConfig(format: RunConfigFormat, config: object): string {
	return `${JSON.stringify({ format, version: VERSION, ...config }, undefined, 2)}\n`;
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

/** What a setting is under the layers where nothing else is said; nothing is checked. */
export function settingUnder(layers: readonly ConfigLayer[], { key, default: otherwise }: SettingKey): unknown {
	return valueAt(mergeLayers(layers), key.split('.')) ?? otherwise;
}

interface LoadOptions {
	/** Where all keys are described. */
	readonly page: string;
	readonly renamed?: readonly RenamedSetting[];
}

/**
 * Merges the layers and checks the result against the schema; missing keys get their defaults.
 * @throws GannoError `INVALID_CONFIG` that names, for each fault, the key, the value, where it came from and what was expected
 */
export function parseLayers<S extends z.ZodType>(
	schema: S,
	layers: readonly ConfigLayer[],
	options: LoadOptions,
): SettingsOf<S> {
	const merged = mergeLayers(layers);
	const keys = settingKeys(schema);
	const forbidden = layers.flatMap(({ values, source }) =>
		forbiddenKeys(values).map((key) => unknownKey(key, source, keys, options)),
	);
	if (forbidden.length > 0) throw new GannoError('INVALID_CONFIG', forbidden.join('\n'));
	const result = schema.safeParse(merged);
	if (result.success) return result.data as SettingsOf<S>;
	const faults = settingFaults(schema, merged, result.error).map((fault) => {
		const path = fault.path.map(String);
		const source = sourceOf(path, layers);
		return fault.unknown === undefined
			? describeFault(fault, source, keys, options)
			: unknownKey(path.join('.'), source, keys, options);
	});
	throw new GannoError('INVALID_CONFIG', [...new Set(faults)].join('\n'));
}

function unknownKey(
	key: string,
	source: string,
	keys: readonly SettingKey[],
	{ page, renamed = [] }: LoadOptions,
): string {
	const now = renamed.find(({ from }) => from === key);
	if (now !== undefined) {
		return `Unknown config key ${key} in ${source}: it ${becameOf(now.to, now)}.`;
	}
	const close = closest(
		key,
		keys.map((known) => known.key),
	);
	const hint = close === undefined ? `See ${page} for all keys.` : `Did you mean ${close}?`;
	return `Unknown config key ${key} in ${source}. ${hint}`;
}

function describeFault(
	fault: SettingFault,
	source: string,
	keys: readonly SettingKey[],
	{ renamed = [] }: LoadOptions,
): string {
	const key = fault.path.map(String).join('.');
	if (fault.sentence !== undefined) return `${key} in ${source}: ${fault.sentence}`;
	const known = keys.find((entry) => key === entry.key || key.startsWith(`${entry.key}.`));
	const section = keys.some((entry) => entry.key.startsWith(`${key}.`));
	const received = showValue(fault.received);
	if (fault.check !== true && known !== undefined && known.key !== key) {
		// A fault inside a list is told with the element's place, but what is expected is said of the whole key.
		return `Expected ${known.expected} for ${key} but received ${received} in ${source} (expected ${fault.expected})`;
	}
	const own = fault.check === true ? fault.expected : known?.expected;
	const expected = own ?? (section || key === '' ? 'an object of settings' : fault.expected);
	const former = renamed.find(({ to }) => to === key)?.values ?? {};
	const now =
		typeof fault.received === 'string' && Object.hasOwn(former, fault.received) ? former[fault.received] : undefined;
	const removed = removedValue(key, fault.received);
	const hint = now !== undefined ? `. It is called '${now}' now` : removed === undefined ? '' : `. ${removed}`;
	return `Expected ${expected} for ${faultKey(key === '' ? 'the config' : key, fault)} but received ${received} in ${source}${hint}`;
}

/** The strongest layer that says anything about the path. */
function sourceOf(path: readonly string[], layers: readonly ConfigLayer[]): string {
	for (let depth = path.length; depth > 0; depth--) {
		const named = layers.findLast((layer) => valueAt(layer.values, path.slice(0, depth)) !== undefined);
		if (named !== undefined) return named.source;
	}
	return layers.at(-1)?.source ?? 'the config';
}
