import type { Dataset } from '../datasets/dataset.js';
import type { DownloadProgress } from '../datasets/download.js';
import { loadDataset } from '../datasets/load.js';
import { syntheticDataset } from '../datasets/synthetic.js';
import type { Config } from './config.js';

/** The data set a config names; downloaded where it is nowhere on this machine. */
export async function openDataset(
	config: Config,
	options: { readonly onProgress?: (progress: DownloadProgress) => void; readonly signal?: AbortSignal } = {},
): Promise<Dataset> {
	if (config.dataset === 'synthetic') return syntheticDataset();
	return loadDataset(config.dataset, {
		...options,
		dataDirectory: config.dataDirectory === '' ? undefined : config.dataDirectory,
		downsample: config.downsample as 1 | 2,
		partial: config.partialDataset,
	});
}
