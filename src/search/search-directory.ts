import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigLayer, formatRunConfig, readConfigFile } from '../config/config-load.js';
import { withAbsoluteData, withRecordedData } from '../config/data-directory.js';
import { GannoError } from '../errors.js';
import { writeFileAtomic } from '../files/atomic-write.js';
import type { FileLock } from '../files/lock-file.js';
import { makeFolder } from '../files/make-folder.js';
import { layersModelArtifacts } from '../networks/layers-model.js';
import type { NetworkSpec } from '../networks/spec.js';
import { ganno } from '../own-command.js';
import { RUN_FILES } from '../runs/run-directory.js';
import { lockRunDirectory } from '../runs/run-lock.js';
import { resolveSearchConfig, type SearchConfig } from './search-config.js';

export const SEARCH_FILES = {
	config: 'config.json',
	log: 'search.jsonl',
	retrained: 'retrained.jsonl',
	results: 'search.json',
	chart: 'search.svg',
	report: 'report.html',
} as const;

/** What a search leaves behind, in one folder, held by one process at a time. */
export class SearchDirectory implements Disposable {
	readonly path: string;
	readonly config: SearchConfig;
	readonly #lock: FileLock;

	private constructor(path: string, config: SearchConfig, lock: FileLock) {
		this.path = path;
		this.config = config;
		this.#lock = lock;
	}

	/** @throws GannoError `INVALID_ARGUMENT` where a search lies already, `RUN_LOCKED`, `FILE_SYSTEM` */
	static create(path: string, given: SearchConfig): SearchDirectory {
		const config = withAbsoluteData(given);
		makeFolder(path);
		const lock = lockRunDirectory(path);
		try {
			if ([SEARCH_FILES.log, SEARCH_FILES.retrained, RUN_FILES.metrics].some((name) => existsSync(join(path, name)))) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					`There is a run in ${path} already. Choose another --run-dir, or continue it with: ${ganno`search --resume ${path}`}`,
				);
			}
			writeFileAtomic(join(path, SEARCH_FILES.config), formatRunConfig('ganno-search', config));
			return new SearchDirectory(path, config, lock);
		} catch (error) {
			lock.release();
			throw error;
		}
	}

	/**
	 * A search that exists.
	 * @param machine where it goes on: nothing that decides the result
	 * @throws GannoError as `RunDirectory.open`
	 */
	static open(path: string, machine?: ConfigLayer): SearchDirectory {
		const config = withRecordedData(readSearchConfig(path, machine), path, machine);
		return new SearchDirectory(path, config, lockRunDirectory(path));
	}

	file(name: keyof typeof SEARCH_FILES): string {
		return join(this.path, SEARCH_FILES[name]);
	}

	/** Writes a trained network as a tfjs layers model. @returns the path of its model.json */
	writeModel(name: string, spec: NetworkSpec, parameters: Float32Array, metadata: object): string {
		const folder = join(this.path, 'models', name);
		makeFolder(folder);
		const { weightSpecs, weightData, ...model } = layersModelArtifacts(spec, parameters, metadata);
		const path = join(folder, 'model.json');
		// The weights first: a model.json that is there has all it names.
		writeFileAtomic(join(folder, 'weights.bin'), new Uint8Array(weightData));
		const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
		writeFileAtomic(path, `${JSON.stringify({ ...model, weightsManifest })}\n`);
		return path;
	}

	[Symbol.dispose](): void {
		this.#lock.release();
	}
}

/** @throws GannoError `FILE_SYSTEM` where there is no search */
export function readSearchConfig(directory: string, ...changes: readonly (ConfigLayer | undefined)[]): SearchConfig {
	const path = join(directory, SEARCH_FILES.config);
	if (!existsSync(path)) {
		throw new GannoError(
			'FILE_SYSTEM',
			`There is no search in ${directory}: ${path} is missing. Give the directory of a run that ganno search has written.`,
		);
	}
	return resolveSearchConfig([
		readConfigFile(path, 'ganno-search'),
		...changes.filter((change) => change !== undefined),
	]);
}
