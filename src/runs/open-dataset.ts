import { checkFunction, checkKeys, checkSignal, keysOf } from '../arguments.js';
import type { Config } from '../config/config.js';
import type { Dataset } from '../datasets/dataset.js';
import type { DownloadProgress } from '../datasets/download/download.js';
import type { DatasetName } from '../datasets/download/sources.js';
import { loadDataset } from '../datasets/load.js';
import { syntheticDataset } from '../datasets/synthetic.js';

export interface OpenDatasetOptions {
	readonly onProgress?: (progress: DownloadProgress) => void;
	readonly signal?: AbortSignal;
}

const OPTION_NAMES = keysOf<OpenDatasetOptions>({
	onProgress: true,
	signal: true,
});

/** The data set a config names; downloaded where it is nowhere on this machine. */
export async function openDataset(config: Config, options: OpenDatasetOptions = {}): Promise<Dataset> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSignal(options.signal);
	checkFunction(options.onProgress, 'onProgress');
	if (config.dataset === 'synthetic') return syntheticDataset({ size: syntheticSize(config) });
	return openNamedDataset(config.dataset, config, options);
}

/** A data set of files, as a config says where they are and what is wanted of them. */
export function openNamedDataset(
	name: DatasetName,
	config: Pick<Config, 'dataDirectory' | 'downsample' | 'partialDataset'>,
	options: OpenDatasetOptions = {},
): Promise<Dataset> {
	return loadDataset(name, {
		...options,
		dataDirectory: config.dataDirectory === '' ? undefined : config.dataDirectory,
		downsample: config.downsample as 1 | 2,
		partial: config.partialDataset,
	});
}

/** As many images as the tasks ask for: three fifths are for training, one for validation; a multiple of five per class. */
function syntheticSize({ tasks: { sliceSize, validationSize } }: Config): number {
	const least = Math.max(640, (Math.max(...sliceSize) * 5) / 3, validationSize * 5);
	return Math.ceil(least / 20) * 20;
}
