import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { GannoError } from '../errors.js';
import type { Config } from './config.js';
import { type ConfigLayer, readConfigFile } from './config-load.js';

/** Where a run finds its data set, from whichever folder it goes on. */

type DataSettings = Pick<Config, 'dataset' | 'dataDirectory'>;

/** The config as a run keeps it: its data folder absolute. */
export function withAbsoluteData<C extends DataSettings>(config: C): C {
	const { dataDirectory } = config;
	return dataDirectory === '' ? config : { ...config, dataDirectory: resolve(dataDirectory) };
}

/**
 * The config of a run that is there. Those of ganno 0.1 kept a relative data folder as it was typed: it is looked for from here.
 * @param changes what the config was resolved with: a data folder among it is the user's of now
 * @throws GannoError `DATASET_NOT_FOUND` where the recorded one is not there
 */
export function withRecordedData<C extends DataSettings>(config: C, run: string, changes?: ConfigLayer): C {
	const { dataset, dataDirectory } = config;
	const absolute = withAbsoluteData(config);
	const recorded = changes?.values.dataDirectory === undefined && dataset !== 'synthetic' && dataDirectory !== '';
	if (recorded && !isAbsolute(dataDirectory) && !existsSync(absolute.dataDirectory)) {
		throw new GannoError(
			'DATASET_NOT_FOUND',
			`The run in ${run} was begun with the data folder ${dataDirectory}, without a record of where that starts from; from here it is ${absolute.dataDirectory}, which is not there. Say where the data are with --data-dir, or go on from the folder where the run was begun.`,
		);
	}
	return absolute;
}

/**
 * The data folder that a run directory keeps, '' where it is none of a run, or of a run on another data set.
 * @throws GannoError `INVALID_CONFIG`, `DATASET_NOT_FOUND`
 */
export function recordedDataDirectory(directory: string, name: Config['dataset']): string {
	const path = join(directory, 'config.json');
	if (!existsSync(path)) return '';
	const { dataset, dataDirectory } = readConfigFile(path).values;
	if (dataset !== name || typeof dataDirectory !== 'string') return '';
	return withRecordedData({ dataset: name, dataDirectory }, directory).dataDirectory;
}
