import { badFile } from '../files/file-system-error.js';
import { type LabelledImages, sharedBytes } from './assemble.js';
import { DAMAGED_ADVICE, readContent } from './content.js';
import { DATASETS, type DatasetDefinition } from './sources.js';

/**
 * The IDX format of MNIST (https://yann.lecun.com/exdb/mnist/): two zero bytes, the element type (8: unsigned byte), the number
 * of dimensions, each dimension as a big-endian 32-bit integer, then the elements.
 */

/** The elements of an IDX file of unsigned bytes, which must have exactly the dimensions expected. */
export function parseIdx(bytes: Uint8Array, path: string, dimensions: readonly number[]): Uint8Array {
	const header = 4 + 4 * dimensions.length;
	if (bytes.length < header) {
		throw badFile(path, `it is truncated: ${bytes.length} bytes, less than an IDX header`, DAMAGED_ADVICE);
	}
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const magic = view.getUint32(0);
	const expectedMagic = 0x0800 + dimensions.length;
	if (magic !== expectedMagic) {
		const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;
		throw badFile(
			path,
			`it starts with the magic number ${hex(magic)}, not ${hex(expectedMagic)} (IDX, unsigned bytes, ${dimensions.length} dimension${dimensions.length === 1 ? '' : 's'})`,
			'Is it the right file?',
		);
	}
	const found = dimensions.map((_, i) => view.getUint32(4 + 4 * i));
	if (found.some((dimension, i) => dimension !== dimensions[i])) {
		const advice = 'Is it the right file? A part of a data set takes the option partial (partialDataset in a config)';
		throw badFile(path, `it holds ${found.join('×')} elements, not ${dimensions.join('×')}`, advice);
	}
	const size = dimensions.reduce((product, dimension) => product * dimension, 1);
	if (bytes.length < header + size) {
		throw badFile(path, `it is truncated: ${bytes.length} of ${header + size} bytes`, DAMAGED_ADVICE);
	}
	if (bytes.length > header + size) {
		throw badFile(path, `it has ${bytes.length - header - size} bytes too many`, DAMAGED_ADVICE);
	}
	return bytes.subarray(header);
}

/**
 * Reads the four IDX files of a data set; `paths` in the order of `definition.files`.
 * @param partial accept fewer images than the data set has
 */
export async function readIdxImages(
	definition: DatasetDefinition,
	paths: readonly string[],
	partial = false,
): Promise<LabelledImages> {
	const { shape, classes, trainPerFile, testCount } = definition;
	const [height, width] = shape;
	const pixels = height * width * shape[2];
	const [trainImages, trainLabels, testImages, testLabels] = paths as [string, string, string, string];

	const readPart = async (imagePath: string, labelPath: string, expected: number) => {
		// Labels first and small: a mix-up is found before 47 MB are decompressed.
		const content = await readContent(labelPath, expected + 8);
		const count = partial ? countIn(content, expected) : expected;
		const labels = parseIdx(content, labelPath, [count]);
		checkLabels(labels, classes, labelPath);
		if (labelPath === trainLabels) checkIdentity(definition, labels, labelPath);
		const size = count * pixels + 16;
		return { count, labels, images: parseIdx(await readContent(imagePath, size), imagePath, [count, height, width]) };
	};
	const [train, test] = await Promise.all([
		readPart(trainImages, trainLabels, trainPerFile),
		readPart(testImages, testLabels, testCount),
	]);
	const images = sharedBytes((train.count + test.count) * pixels);
	const labels = sharedBytes(train.count + test.count);
	for (const [part, begin] of [
		[train, 0],
		[test, train.count],
	] as const) {
		images.set(part.images, begin * pixels);
		labels.set(part.labels, begin);
	}
	return { images, labels, shape, classes, trainCount: train.count };
}

/** Elements that a file of labels says it has, where that is at most what is expected; what is wrong is parseIdx's to say. */
function countIn(bytes: Uint8Array, expected: number): number {
	if (bytes.length < 8) return expected;
	const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
	return count >= 1 && count <= expected ? count : expected;
}

function checkLabels(labels: Uint8Array, classes: number, path: string): void {
	const wrong = labels.findIndex((label) => label >= classes);
	if (wrong >= 0) {
		const problem = `label ${labels[wrong]} of image ${wrong} is out of range (0 to ${classes - 1})`;
		throw badFile(path, problem, DAMAGED_ADVICE);
	}
}

/** MNIST and Fashion-MNIST have the same file names and sizes; their first labels differ. */
function checkIdentity(definition: DatasetDefinition, labels: Uint8Array, path: string): void {
	const others: DatasetDefinition[] = Object.values(DATASETS).filter((other) => other.name !== definition.name);
	const other = others.find(({ firstLabels }) => firstLabels?.every((label, i) => labels[i] === label));
	if (other !== undefined) {
		throw badFile(
			path,
			`it belongs to ${other.title}, not to ${definition.title}`,
			`Put each data set in a folder of its own name, ${other.name} and ${definition.name}`,
		);
	}
}
