import type { SettingKey } from '../settings/check-settings.js';
import { showValue, valueAt } from '../settings/setting-values.js';
import type { ConfigLayer } from './config-load.js';

/** What settings start from, and what was laid over it. */
export interface ConfigOrigin {
	/** As the line begins: `Preset standard`. */
	readonly base: string;
	/** The base's settings, complete. */
	readonly from: object;
	/** The settings that came of it. */
	readonly to: object;
	readonly layers: readonly ConfigLayer[];
}

/** Changes that are told one by one. */
const MOST = 12;

/** Characters of a value. */
const WIDTH = 40;

/**
 * One line for the beginning of a run: `Preset standard, changed by mine.json and the command line: iterations 800 → 50, seed 0 → 7.`
 * @param keys of the config
 */
export function describeOrigin({ base, from, to, layers }: ConfigOrigin, keys: readonly SettingKey[]): string {
	const changes = keys.flatMap(({ key }) => {
		const path = key.split('.');
		const [before, after] = [valueAt(from, path), valueAt(to, path)];
		return JSON.stringify(before) === JSON.stringify(after) ? [] : [`${key} ${show(before)} → ${show(after)}`];
	});
	const sources = [
		...new Set(layers.filter(({ values }) => Object.keys(values).length > 0).map(({ source }) => source)),
	];
	const by = joined(sources);
	if (changes.length === 0) return sources.length === 0 ? `${base}.` : `${base}; ${by} changed nothing of it.`;
	const more = changes.length - MOST;
	const told = more > 1 ? [...changes.slice(0, MOST), `and ${more} more settings`] : changes;
	return `${base}, changed by ${by}: ${told.join(', ')}.`;
}

function joined(words: readonly string[]): string {
	return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** A list of one as its entry. */
function show(value: unknown): string {
	const [only, ...rest] = Array.isArray(value) ? value : [value];
	const text = showValue(rest.length === 0 && typeof only !== 'object' ? only : value);
	return text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text;
}
