import { counted } from '../../counted.js';
import { badFile } from '../../files/file-system-error.js';
import { type LabelledImages, sharedBytes } from '../assemble.js';
import { DAMAGED_ADVICE, readDataFile } from '../content.js';
import type { DatasetLocation } from '../download/locate.js';
import type { DatasetDefinition } from '../download/sources.js';
import { readTarFiles } from './tar.js';

/**
 * The binary format of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label byte and three planes, red,
 * green, blue, each row by row. Here the planes are interleaved to height × width × channels.
 */
export async function readCifarImages(
	definition: DatasetDefinition,
	location: DatasetLocation,
): Promise<LabelledImages & { readonly trainFiles: number }> {
	const { shape, classes, trainPerFile, testCount } = definition;
	const pixels = shape[0] * shape[1] * shape[2];
	const present = location.kind === 'archive' ? definition.files : location.files.map(({ name }) => name);
	const trainFiles = present.length - 1;
	const trainCount = trainFiles * trainPerFile;
	const images = sharedBytes((trainCount + testCount) * pixels);
	const labels = sharedBytes(trainCount + testCount);
	const target = { images, labels, shape, classes };
	const countOf = (index: number) => (index === trainFiles ? testCount : trainPerFile);

	if (location.kind === 'files') {
		await Promise.all(
			location.files.map(async (file, i) => {
				const bytes = await readDataFile(file, countOf(i) * (pixels + 1));
				unpackRecords(bytes, file.path, target, i * trainPerFile, countOf(i));
			}),
		);
	} else {
		const { path } = location;
		const missing = new Set(present);
		for await (const { name, content } of readTarFiles(path, present, trainPerFile * (pixels + 1))) {
			const index = present.indexOf(name);
			if (!missing.delete(name)) throw badFile(path, `the archive holds ${name} twice`, DAMAGED_ADVICE);
			unpackRecords(content, `${path}: ${name}`, target, index * trainPerFile, countOf(index));
		}
		if (missing.size > 0) throw badFile(path, `the archive lacks ${[...missing].join(', ')}`, DAMAGED_ADVICE);
	}
	const bytesOf = (index: number) => Buffer.from(images.buffer, index * trainPerFile * pixels, countOf(index) * pixels);
	for (const [index, name] of present.entries()) {
		const twin = present.findIndex((_, other) => other < index && bytesOf(other).equals(bytesOf(index)));
		if (twin < 0) continue;
		const [path, other] =
			location.kind === 'files'
				? [location.files[index]?.path, location.files[twin]?.path]
				: [`${location.path}: ${name}`, present[twin]];
		throw badFile(path as string, `it holds the same images as ${other}`, DAMAGED_ADVICE);
	}
	return { ...target, trainCount, trainFiles };
}

function unpackRecords(
	bytes: Uint8Array,
	path: string,
	{ images, labels, shape, classes }: Omit<LabelledImages, 'trainCount'>,
	begin: number,
	count: number,
): void {
	const [height, width, channels] = shape;
	const plane = height * width;
	const record = 1 + plane * channels;
	if (bytes.length !== count * record) {
		const problem = bytes.length < count * record ? 'it is truncated' : 'it is too long';
		throw badFile(
			path,
			`${problem}: ${counted(bytes.length, 'byte')}, not ${counted(count, 'record')} of ${record}`,
			DAMAGED_ADVICE,
		);
	}
	for (let i = 0; i < count; i++) {
		const label = bytes[i * record] as number;
		if (label >= classes) {
			throw badFile(path, `label ${label} of image ${i} is out of range (0 to ${classes - 1})`, DAMAGED_ADVICE);
		}
		labels[begin + i] = label;
		const from = i * record + 1;
		const to = (begin + i) * plane * channels;
		for (let channel = 0; channel < channels; channel++) {
			for (let pixel = 0; pixel < plane; pixel++) {
				images[to + pixel * channels + channel] = bytes[from + channel * plane + pixel] as number;
			}
		}
	}
}
