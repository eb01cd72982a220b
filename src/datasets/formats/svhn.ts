import { types } from 'node:util';
import { counted } from '../../counted.js';
import { badFile } from '../../files/file-system-error.js';
import { type LabelledImages, sharedBytes } from '../assemble.js';
import { DAMAGED_ADVICE, readDataFile } from '../content.js';
import type { DataFile } from '../download/locate.js';
import type { DatasetDefinition } from '../download/sources.js';
import { readMatVariables } from './mat5.js';

/**
 * The cropped digits of SVHN (http://ufldl.stanford.edu/housenumbers/, format 2): MAT-files with `X`, height × width × 3 × images, and `y`,
 * where 10 stands for the digit 0. `files` in the order of `definition.files`: training part, test part.
 */
export async function readSvhnImages(
	definition: DatasetDefinition,
	files: readonly DataFile[],
): Promise<LabelledImages> {
	const { shape, classes, trainPerFile, testCount } = definition;
	const pixels = shape[0] * shape[1] * shape[2];
	const images = sharedBytes((trainPerFile + testCount) * pixels);
	const labels = sharedBytes(trainPerFile + testCount);
	const target = { images, labels, shape, classes };
	const parts = [trainPerFile, testCount];
	// One after the other: two inflated parts side by side would double the memory.
	for (const [part, file] of files.entries()) {
		const count = parts[part] as number;
		await readPart(file, count, target, part === 0 ? 0 : trainPerFile);
	}
	return { ...target, trainCount: trainPerFile };
}

async function readPart(
	file: DataFile,
	count: number,
	{ images, labels, shape, classes }: Omit<LabelledImages, 'trainCount'>,
	begin: number,
): Promise<void> {
	const [height, width, channels] = shape;
	const pixels = height * width * channels;
	const { path } = file;
	const bytes = await readDataFile(file, count * (pixels + 8) + 2 ** 16);
	const [x, y] = await readMatVariables(bytes, path, ['X', 'y'], count * pixels);
	const expected = [height, width, channels, count];
	if (x === undefined || y === undefined || expected.some((edge, i) => x.dimensions[i] !== edge)) {
		throw badFile(path, `X is ${x?.dimensions.join('×')}, not ${expected.join('×')}`, 'Is it the right file?');
	}
	if (!types.isUint8Array(x.values)) throw badFile(path, 'X does not hold unsigned bytes', 'Is it the right file?');
	if (y.values.length !== count) {
		throw badFile(path, `y holds ${counted(y.values.length, 'label')}, not ${count}`, 'Is it the right file?');
	}
	for (let i = 0; i < count; i++) {
		const label = y.values[i] as number;
		if (!Number.isInteger(label) || label < 1 || label > classes) {
			throw badFile(path, `label ${label} of image ${i} is out of range (1 to ${classes})`, DAMAGED_ADVICE);
		}
		labels[begin + i] = label % classes;
		// Columns lie together, then channels.
		const from = i * pixels;
		const to = (begin + i) * pixels;
		for (let channel = 0; channel < channels; channel++) {
			for (let column = 0; column < width; column++) {
				const source = from + (channel * width + column) * height;
				for (let row = 0; row < height; row++) {
					images[to + (row * width + column) * channels + channel] = x.values[source + row] as number;
				}
			}
		}
	}
}
