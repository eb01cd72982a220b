import { Option } from 'commander';
import { describeOrigin } from '../../config/config-changes.js';
import type { ConfigLayer } from '../../config/config-load.js';
import {
	RESUMABLE_SEARCH_SETTINGS,
	resolveSearchConfig,
	type SearchConfig,
	searchConfigReference,
} from '../../search/search-config.js';
import { SEARCH_PRESETS, type SearchPresetName } from '../../search/search-presets.js';
import { optionLayer, ownLayers, type SettingOptions } from './setting-options.js';

/** The options of `ganno search` that make its config. */
export interface SearchConfigOptions extends SettingOptions {
	readonly preset?: SearchPresetName;
	readonly random?: boolean;
}

/** What the options say, as a layer of the config. */
export function searchOptionLayer(options: SearchConfigOptions): ConfigLayer {
	const strategy = options.random === true ? { 'learner.strategy': 'random' } : {};
	return optionLayer(options, searchConfigReference(), strategy);
}

/** The config of a search, and a line that says what it starts from and what was changed. */
export interface NewSearchConfig {
	readonly config: SearchConfig;
	readonly origin: string;
}

/** Preset, then file, then options. */
export function searchConfigFromOptions(options: SearchConfigOptions): NewSearchConfig {
	const { preset } = options;
	const base: ConfigLayer[] =
		preset === undefined ? [] : [{ source: `the preset '${preset}'`, values: SEARCH_PRESETS[preset] }];
	const layers = ownLayers(options, searchOptionLayer(options));
	const [from, config] = [resolveSearchConfig(base), resolveSearchConfig([...base, ...layers])];
	const name = preset === undefined ? 'No preset (the defaults of docs/search.md)' : `Preset ${preset}`;
	return { config, origin: describeOrigin({ base: name, from, to: config, layers }, searchConfigReference()) };
}

/** The options that change the log of a search, as messages name them. */
export function decisiveSearchOptions(): string[] {
	const resumable: readonly string[] = RESUMABLE_SEARCH_SETTINGS;
	const settings = searchConfigReference().flatMap(({ key, option }) =>
		option === undefined || resumable.includes(key) ? [] : [new Option(option).attributeName()],
	);
	return ['preset', 'config', 'set', 'random', ...settings];
}
