import { type ConfigLayer, mergeLayers, parseAssignment, readConfigFile } from '../experiments/config-load.js';
import { resolveSearchConfig, type SearchConfig } from '../experiments/search/config.js';
import { SEARCH_PRESETS, type SearchPresetName } from '../experiments/search/presets.js';
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

/** Preset, then file, then options. */
export function searchConfigFromOptions(options: SearchConfigOptions): SearchConfig {
	const { preset, config } = options;
	const layers: ConfigLayer[] = [];
	if (preset !== undefined) layers.push({ source: `the preset '${preset}'`, values: SEARCH_PRESETS[preset] });
	if (config !== undefined) layers.push(readConfigFile(config));
	return resolveSearchConfig([...layers, searchOptionLayer(options)]);
}
