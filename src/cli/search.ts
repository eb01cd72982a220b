import { Command, Option } from 'commander';
import { GannoError } from '../errors.js';
import { IMAGE_SIZES, SEARCH_PRESET_NAMES, type SearchPresetName } from '../experiments/search/presets.js';
import { FITS } from '../search/space.js';

interface SearchOptions {
	readonly preset?: SearchPresetName;
	readonly config?: string;
	readonly set?: readonly string[];
	readonly describe?: boolean;
	readonly maxDepth?: string;
	readonly imageSize?: string;
	readonly fit?: string;
	readonly json?: boolean;
}

const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

export function searchCommand(): Command {
	return new Command('search')
		.description('Search for architectures as MetaQNN does: Q-learning, layer by layer, paid by validation accuracy.')
		.addOption(new Option('--preset <name>', 'named settings to start from').choices(SEARCH_PRESET_NAMES))
		.option('--config <file>', 'JSON file with settings; stronger than the preset, weaker than the options')
		.option('--set <key=value>', 'any setting, e.g. --set learner.parallel=2 (repeatable)', collect)
		.option('--max-depth <n>', 'layers before the softmax at most')
		.addOption(new Option('--fit <rule>', 'windows smaller than the bucketed size, or at most as large').choices(FITS))
		.option('--describe', 'only count the architectures and states of the search space (default: that of cifar-10)')
		.option('--image-size <n>', 'with --describe: rows of the images (default: those of the data set)')
		.option('--json', 'with --describe: as one JSON object')
		.addHelpText(
			'after',
			`
Settings come from the preset, then --config, then the options; docs/search.md lists all keys.

Examples:
  $ ganno search --describe
  $ ganno search --describe --max-depth 12 --image-size 28 --fit inclusive --json`,
		)
		.action(async (options: SearchOptions) => {
			if (options.describe !== true) {
				throw new GannoError('INVALID_ARGUMENT', 'Searching itself is not there yet: use --describe');
			}
			await describeSpace(options);
		});
}

async function describeSpace(options: SearchOptions): Promise<void> {
	const { searchConfigFromOptions } = await import('./search-options.js');
	const { spaceOf } = await import('../experiments/search/config.js');
	const { countArchitectures, countStates } = await import('../search/count.js');
	const config = searchConfigFromOptions({ preset: 'cifar-10', ...options });
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
