import { describeOrigin } from '../config/config-changes.js';
import { type ConfigLayer, mergeLayers, parseAssignment, readConfigFile } from '../config/config-load.js';
import { resolveSearchConfig, type SearchConfig, searchConfigReference } from '../search/search-config.js';
import { SEARCH_PRESETS, type SearchPresetName } from '../search/search-presets.js';
import { scalar, withoutUndefined } from './config-options.js';

/** The options of `ganno search` that make its config. */
export interface SearchConfigOptions {
	readonly preset?: SearchPresetName;
	readonly config?: string;
	readonly set?: readonly string[];
	readonly seed?: string;
	readonly workers?: string;
	readonly device?: string;
	readonly precision?: string;
	readonly dataset?: string;
	readonly dataDir?: string;
	readonly random?: boolean;
	readonly maxDepth?: string;
	readonly fit?: string;
}

/** What the options say, as a layer of the config. */
export function searchOptionLayer(options: SearchConfigOptions): ConfigLayer {
	const source = 'the command line';
	const flags = {
		seed: scalar(options.seed),
		workers: scalar(options.workers),
		device: options.device,
		precision: options.precision,
		dataset: options.dataset,
		dataDirectory: options.dataDir,
		space: { maximumDepth: scalar(options.maxDepth), fit: options.fit },
		learner: { strategy: options.random === true ? 'random' : undefined },
	};
	const assignments = (options.set ?? []).map((assignment) => ({ source, values: parseAssignment(assignment) }));
	return { source, values: mergeLayers([{ source, values: withoutUndefined(flags) }, ...assignments]) };
}

/** The config of a search, and a line that says what it starts from and what was changed. */
export interface NewSearchConfig {
	readonly config: SearchConfig;
	readonly origin: string;
}

/** Preset, then file, then options. */
export function searchConfigFromOptions(options: SearchConfigOptions): NewSearchConfig {
	const { preset, config: file } = options;
	const base: ConfigLayer[] =
		preset === undefined ? [] : [{ source: `the preset '${preset}'`, values: SEARCH_PRESETS[preset] }];
	const layers = [...(file === undefined ? [] : [readConfigFile(file)]), searchOptionLayer(options)];
	const [from, config] = [resolveSearchConfig(base), resolveSearchConfig([...base, ...layers])];
	const name = preset === undefined ? 'No preset (the defaults of docs/search.md)' : `Preset ${preset}`;
	return { config, origin: describeOrigin({ base: name, from, to: config, layers }, searchConfigReference()) };
}
