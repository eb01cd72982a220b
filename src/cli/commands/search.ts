import { Command, Option } from 'commander';
import { GannoError } from '../../errors.js';
import { searchConfigReference } from '../../search/search-config.js';
import type { SearchDirectory } from '../../search/search-directory.js';
import { IMAGE_SIZES, SEARCH_PRESET_NAMES, SEARCH_PRESETS } from '../../search/search-presets.js';
import type { SettingKey } from '../../settings/check-settings.js';
import { type Foreground, inForeground } from '../foreground.js';
import { addHelpEnd } from '../help.js';
import { pathOption, pathsOption } from '../options/path-option.js';
import { addRunDirectoryOptions, newRunFolder, type RunDirectoryOptions } from '../options/run-options.js';
import type { SearchConfigOptions } from '../options/search-options.js';
import { addSettingOptions } from '../options/setting-options.js';
import type { SearchSessionOptions } from '../search-session.js';

interface SearchOptions extends SearchConfigOptions, SearchSessionOptions, RunDirectoryOptions {
	readonly resume?: string;
	readonly describe?: boolean;
	readonly imageSize?: string;
	readonly json?: boolean;
}

export function searchCommand(): Command {
	const presets = SEARCH_PRESET_NAMES.map((name) => ({
		name,
		layers: [{ source: name, values: SEARCH_PRESETS[name] }],
	}));
	const config = { name: 'config', layers: [] };
	const command = new Command('search').description(
		'Search for architectures as MetaQNN does: Q-learning, layer by layer, paid by validation accuracy.',
	);
	const preset = new Option('--preset <name>', "named settings to start from; 'small' is for a CPU");
	const settings = {
		keys: searchConfigReference(),
		origins: [config, ...presets],
		// The data are what a search is about.
		silent: ({ group, key }: SettingKey) => group === 'Data' || key === 'precision',
	};
	addSettingOptions(command, preset.choices(SEARCH_PRESET_NAMES), settings, 'learner.parallel=2')
		.optionsGroup('Settings:')
		.option('--random', 'random search of the same length, the rival')
		.optionsGroup('Afterwards:')
		.addOption(
			pathOption('--policy <policy>', "train the best under this policy too: a file, a run directory or 'default'"),
		)
		.addOption(
			pathsOption('--compare <run>', 'hold the search against this other one in tables and chart (repeatable)'),
		)
		.option('--network <architecture>', "search nothing, train this: 'C(32,3,1)-P(2,2)-FC(64)-SM'");
	addRunDirectoryOptions(command)
		.addOption(pathOption('--resume <run>', 'go on with a search, to the same log'))
		.optionsGroup('Counting:')
		.option('--describe', 'only count the architectures and states of the search space (default: that of cifar-10)')
		.option('--image-size <n>', 'with --describe: rows of the images (default: those of the data set)')
		.option('--json', 'with --describe: as one JSON object');
	return addHelpEnd(
		command,
		[
			'ganno search --preset small --seed 1 --run-dir runs/search',
			'ganno search --preset small --random --run-dir runs/random --compare runs/search',
			'ganno search --resume runs/search --policy default',
			"ganno search --preset small --network 'C(32,3,1)-P(2,2)-FC(64)-SM' --policy default",
			'ganno search --describe --max-depth 12 --image-size 28 --fit inclusive --json',
		],
		[
			'Settings come from the preset, then --config, then the options; docs/search.md lists all keys.',
			'Ctrl-C keeps every finished model and says how to go on; another one, a second later or more, ends at once.',
		],
	).action(async (options: SearchOptions) => {
		if (options.describe === true) {
			await describeSpace(options);
			return;
		}
		for (const key of ['imageSize', 'json'] as const) {
			if (options[key] === undefined) continue;
			throw new GannoError('INVALID_ARGUMENT', `--${key === 'json' ? 'json' : 'image-size'} goes with --describe`);
		}
		const { runSearchSession } = await import('../search-session.js');
		await inForeground(async (foreground) => {
			using directory = await openDirectory(options, foreground);
			await runSearchSession(directory, options, foreground);
		});
	});
}

async function openDirectory(options: SearchOptions, { progress }: Foreground): Promise<SearchDirectory> {
	const { decisiveSearchOptions, searchConfigFromOptions, searchOptionLayer } = await import(
		'../options/search-options.js'
	);
	const { RESUMABLE_SEARCH_SETTINGS } = await import('../../search/search-config.js');
	const { SearchDirectory } = await import('../../search/search-directory.js');
	if (options.resume === undefined) {
		if (options.preset === undefined && options.config === undefined) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`Say what to search: --preset ${SEARCH_PRESET_NAMES.join(', ')}, or --config; 'small' is for a CPU`,
			);
		}
		const { config, origin } = searchConfigFromOptions(options);
		const name = `search-${options.preset ?? config.dataset}`;
		const directory = SearchDirectory.create(newRunFolder(options, name, config), config);
		progress.finish(origin);
		return directory;
	}
	const fresh = [...decisiveSearchOptions(), 'runDir', 'output'];
	const forbidden = fresh.filter((key) => options[key] !== undefined);
	if (forbidden.length > 0) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`A resumed search keeps its config: ${forbidden.join(', ')} cannot be changed. Only ${RESUMABLE_SEARCH_SETTINGS.join(', ')} can; start a new search for anything else.`,
		);
	}
	return SearchDirectory.open(options.resume, searchOptionLayer(options));
}

async function describeSpace(options: SearchOptions): Promise<void> {
	const { searchConfigFromOptions } = await import('../options/search-options.js');
	const { spaceOf } = await import('../../search/search-config.js');
	const { countArchitectures, countStates } = await import('../../search/count.js');
	const { config } = searchConfigFromOptions({ preset: 'cifar-10', ...options });
	const own = Math.floor(IMAGE_SIZES[config.dataset] / config.downsample);
	const imageSize = options.imageSize === undefined ? own : Number(options.imageSize);
	const space = spaceOf(config, imageSize);
	const architectures = countArchitectures(space).toString();
	const states = countStates(space);
	if (options.json === true) {
		process.stdout.write(`${JSON.stringify({ architectures, states })}\n`);
		return;
	}
	const lines = [
		['images', `${imageSize}×${imageSize}`],
		['layers', `at most ${space.maximumDepth} before the softmax`],
		['fit', space.fit],
		['architectures', architectures],
		['states', `${states} that are not the end, sizes bucketed`],
	] as const;
	for (const [name, value] of lines) process.stdout.write(`${name.padEnd(14)} ${value}\n`);
}
