import { join } from 'node:path';
import {
	checkBoolean,
	checkFunction,
	checkInteger,
	checkKeys,
	checkOneOf,
	checkSignal,
	invalidArgument,
	keysOf,
} from '../arguments.js';
import { GannoError } from '../errors.js';
import { assembleDataset, type LabelledImages } from './assemble.js';
import type { Dataset } from './dataset.js';
import { KNOWN_DATASETS, type KnownDataset } from './download/dataset-identity.js';
import { type DownloadProgress, downloadFile, type TransferOptions } from './download/download.js';
import { publicAddress } from './download/http-get.js';
import { cacheDirectory, type DatasetLocation, searchDataset } from './download/locate.js';
import { obtainingAdvice } from './download/obtaining.js';
import { DATASET_NAMES, DATASETS, type DatasetDefinition, type DatasetName } from './download/sources.js';
import { downsampleByTwo } from './downsample.js';
import { readCifarImages } from './formats/cifar.js';
import { readIdxImages } from './formats/idx.js';
import { readSvhnImages } from './formats/svhn.js';

export interface LoadDatasetOptions {
	/** Searched first, before `$GANNO_DATA_DIR`, the cache and the Debian package's folder; must be there. */
	readonly dataDirectory?: string | undefined;
	/** Images of the training part that become the validation split (default 10,000; CIFAR-10 and SVHN: 5,000; in part: a quarter at most). */
	readonly validationSize?: number | undefined;
	/** Which images those are: uint32 (default 0). */
	readonly seed?: number | undefined;
	/** 2: images of half the height and width, each pixel the mean of 2 × 2 (default 1). */
	readonly downsample?: 1 | 2 | undefined;
	/** Download from the official address into the cache what is nowhere on disk (default true). */
	readonly download?: boolean | undefined;
	/**
	 * Accept a part of the data set; the name of the result states it (default false). CIFAR-10: the training batches
	 * that are there, one at least, and the test batch. MNIST and Fashion-MNIST: IDX files of fewer images, or of one's own.
	 */
	readonly partial?: boolean | undefined;
	readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
	/** Cancels a download: rejects with `CANCELLED`. */
	readonly signal?: AbortSignal | undefined;
}

const OPTION_NAMES = keysOf<LoadDatasetOptions>({
	dataDirectory: true,
	validationSize: true,
	seed: true,
	downsample: true,
	download: true,
	partial: true,
	onProgress: true,
	signal: true,
});

/**
 * Loads a data set from disk, or downloads it. The official test part is the test split, whole; the
 * validation split comes from the training part, stratified and seeded. Everything large lies in SharedArrayBuffers: posting
 * the data set to a worker copies nothing.
 * @throws GannoError `INVALID_ARGUMENT`; `DATASET_NOT_FOUND` and `DOWNLOAD_FAILED` list where it was looked for and what to do;
 *   `BAD_FILE` names the file and what is wrong with it; `FILE_SYSTEM`; `CANCELLED`
 */
export async function loadDataset(name: DatasetName, options: LoadDatasetOptions = {}): Promise<Dataset> {
	return loadDatasetFrom(DATASETS[checkOneOf(name, 'name', DATASET_NAMES)], options);
}

/** As {@link loadDataset}, for any definition: other files of the same formats. */
export async function loadDatasetFrom(
	definition: DatasetDefinition,
	options: LoadDatasetOptions = {},
	transfer: TransferOptions = {},
	known: readonly KnownDataset[] = KNOWN_DATASETS,
): Promise<Dataset> {
	checkKeys(options, 'options', OPTION_NAMES);
	const { dataDirectory, validationSize, seed = 0, downsample = 1, partial = false } = options;
	if (validationSize !== undefined) checkInteger(validationSize, 'validationSize', 1);
	checkInteger(seed, 'seed', 0, 0xffffffff);
	if (downsample !== 1 && downsample !== 2) throw invalidArgument('1 or 2', 'downsample', downsample);
	for (const key of ['download', 'partial'] as const) {
		// Another value would count as one of the two, and a download could start that was meant to be forbidden.
		checkBoolean(options[key], key);
	}
	checkFunction(options.onProgress, 'onProgress');
	checkSignal(options.signal);
	if (dataDirectory !== undefined && (typeof dataDirectory !== 'string' || dataDirectory === '')) {
		throw invalidArgument('the path of a folder', 'dataDirectory', dataDirectory);
	}

	const location = await obtain(definition, dataDirectory, partial, options, transfer);
	const { images: source, remark } = await read(definition, location, partial, known);
	const images = downsample === 2 ? downsampleByTwo(source) : source;
	const remarks = [
		...(remark === undefined ? [] : [remark]),
		...(downsample === 2 ? [`${images.shape[0]}x${images.shape[1]}`] : []),
	];
	return assembleDataset(images, {
		name: remarks.length === 0 ? definition.name : `${definition.name} (${remarks.join(', ')})`,
		validationSize: validationSize ?? defaultValidationSize(definition, images.trainCount),
		seed,
		files: location.kind === 'archive' ? [location.path] : location.files.map(({ path }) => path),
	});
}

/** Of a part of a data set: the definition's, but a quarter of the training part at most. */
function defaultValidationSize({ validationSize }: DatasetDefinition, trainCount: number): number {
	return Math.min(validationSize, Math.max(1, Math.floor(trainCount / 4)));
}

async function obtain(
	definition: DatasetDefinition,
	dataDirectory: string | undefined,
	partial: boolean,
	{ download = true, onProgress, signal }: LoadDatasetOptions,
	transfer: TransferOptions,
): Promise<DatasetLocation> {
	const found = searchDataset(definition, dataDirectory, partial);
	if (found.location !== undefined) return found.location;
	const lookedAt = `Looked for ${definition.files.join(', ')} (each plain or .gz)${definition.archives.length > 0 ? ` or ${definition.archives.join(', ')}` : ''} in:\n${found.places
		.map(({ folder, finding }) => `  ${folder}: ${finding}`)
		.join('\n')}`;
	const folder = join(cacheDirectory(), definition.name);
	if (!download) {
		throw new GannoError(
			'DATASET_NOT_FOUND',
			`${definition.title} was not found, and downloading is off.\n${lookedAt}\n${obtainingAdvice(definition, folder, found, false)}`,
		);
	}
	try {
		for (const file of definition.downloads) {
			const urls = addresses(definition, file.name);
			await downloadFile(urls, file, join(folder, file.name), { onProgress, signal, ...transfer });
		}
	} catch (error) {
		if (!(error instanceof GannoError) || error.code !== 'DOWNLOAD_FAILED') throw error;
		throw new GannoError(
			'DOWNLOAD_FAILED',
			`${error.message}\n${lookedAt}\n${obtainingAdvice(definition, folder, found, true)}`,
			{
				cause: error,
			},
		);
	}
	const downloaded = searchDataset(definition, folder, false).location;
	if (downloaded === undefined) {
		throw new GannoError('INTERNAL', `${definition.title} was downloaded to ${folder} but is not there. Report this.`);
	}
	return downloaded;
}

/** `$GANNO_DATA_URL/<data set>/<file>` if that is set, else the mirrors. */
function addresses(definition: DatasetDefinition, file: string): string[] {
	const base = process.env.GANNO_DATA_URL;
	if (base === undefined || base === '') return definition.mirrors.map((mirror) => new URL(file, mirror).href);
	const url = `${base.replace(/\/+$/, '')}/${definition.name}/${file}`;
	if (!URL.canParse(url) || !/^https?:/.test(url))
		throw invalidArgument('an http or https address', 'GANNO_DATA_URL', publicAddress(base));
	return [url];
}

async function read(
	definition: DatasetDefinition,
	location: DatasetLocation,
	partial: boolean,
	known: readonly KnownDataset[],
): Promise<{ images: LabelledImages; remark?: string }> {
	if (definition.format === 'cifar') {
		const { trainFiles, ...images } = await readCifarImages(definition, location);
		const all = definition.files.length - 1;
		return trainFiles === all ? { images } : { images, remark: `${trainFiles} of ${all} training batches` };
	}
	if (location.kind === 'archive') throw new GannoError('INTERNAL', `No archives are known for ${definition.name}.`);
	if (definition.format === 'svhn') return { images: await readSvhnImages(definition, location.files) };
	const { official, ...images } = await readIdxImages(definition, location.files, partial, known);
	const { trainPerFile, testCount } = definition;
	const tests = images.labels.length - images.trainCount;
	if (images.trainCount < trainPerFile || tests < testCount) {
		return {
			images,
			remark: `${images.trainCount} of ${trainPerFile} training, ${tests} of ${testCount} test images`,
		};
	}
	return official === false ? { images, remark: 'not the official files' } : { images };
}
