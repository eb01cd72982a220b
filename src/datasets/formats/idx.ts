import { counted } from '../../counted.js';
import { badFile } from '../../files/file-system-error.js';
import { type LabelledImages, sharedBytes } from '../assemble.js';
import { DAMAGED_ADVICE, readDataFile } from '../content.js';
import {
	areOfficial,
	identifyFiles,
	type KnownDataset,
	refuseForeignFiles,
	refuseUnofficialFiles,
} from '../download/dataset-identity.js';
import type { DataFile } from '../download/locate.js';
import { PARTIAL_OPTION } from '../download/obtaining.js';
import type { DatasetDefinition } from '../download/sources.js';

/**
 * The IDX format of MNIST (https://yann.lecun.com/exdb/mnist/): two zero bytes, the element type (8: unsigned byte), the number
 * of dimensions, each dimension as a big-endian 32-bit integer, then the elements.
 * By hand, as npm's reader, idx-data, does not load as it installs (it lacks tslib) and would not say what is wrong with a file.
 */

/** The elements of an IDX file of unsigned bytes, which must have exactly the dimensions expected. */
export function parseIdx(bytes: Uint8Array, path: string, dimensions: readonly number[]): Uint8Array {
	const header = 4 + 4 * dimensions.length;
	if (bytes.length < header) {
		throw badFile(path, `it is truncated: ${counted(bytes.length, 'byte')}, less than an IDX header`, DAMAGED_ADVICE);
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
		const advice = `Is it the right file? A part of a data set takes ${PARTIAL_OPTION}`;
		throw badFile(path, `it holds ${found.join('×')} elements, not ${dimensions.join('×')}`, advice);
	}
	const size = dimensions.reduce((product, dimension) => product * dimension, 1);
	if (bytes.length < header + size) {
		throw badFile(path, `it is truncated: ${bytes.length} of ${header + size} bytes`, DAMAGED_ADVICE);
	}
	if (bytes.length > header + size) {
		throw badFile(path, `it has ${counted(bytes.length - header - size, 'byte')} too many`, DAMAGED_ADVICE);
	}
	return bytes.subarray(header);
}

/**
 * Reads the four IDX files of a data set; `files` in the order of `definition.files`.
 * @param partial accept fewer images than the data set has, and files that are not the official ones
 * @param known data sets whose files these must not be
 * @returns also whether they are the official files, where the definition says which these are
 */
export async function readIdxImages(
	definition: DatasetDefinition,
	files: readonly DataFile[],
	partial: boolean,
	known: readonly KnownDataset[],
): Promise<LabelledImages & { readonly official: boolean | undefined }> {
	const { shape, classes, trainPerFile, testCount } = definition;
	const [height, width] = shape;
	const pixels = height * width * shape[2];
	const [trainImages, trainLabels, testImages, testLabels] = files as [DataFile, DataFile, DataFile, DataFile];

	const readPart = async (imageFile: DataFile, labelFile: DataFile, expected: number) => {
		const labels = await readDataFile(labelFile, expected + 8);
		const count = partial ? countIn(labels, expected) : expected;
		const images = await readDataFile(imageFile, count * pixels + 16);
		return {
			count,
			images: { path: imageFile.path, content: images },
			labels: { path: labelFile.path, content: labels },
		};
	};
	const parts = await Promise.all([
		readPart(trainImages, trainLabels, trainPerFile),
		readPart(testImages, testLabels, testCount),
	]);
	const findings = identifyFiles(
		definition,
		parts.flatMap((part) => [part.images, part.labels]),
		known,
	);
	// First, because other faults do not matter in a file of another data set.
	refuseForeignFiles(definition, findings);
	const [train, test] = parts.map(({ count, images, labels }) => {
		const parsed = parseIdx(labels.content, labels.path, [count]);
		checkLabels(parsed, classes, labels.path);
		return { count, labels: parsed, images: parseIdx(images.content, images.path, [count, height, width]) };
	}) as [IdxPart, IdxPart];
	if (!partial) refuseUnofficialFiles(definition, findings);
	if (Buffer.compare(train.images, test.images) === 0) {
		throw badFile(testImages.path, `it holds the same images as ${trainImages.path}`, DAMAGED_ADVICE);
	}
	const images = sharedBytes((train.count + test.count) * pixels);
	const labels = sharedBytes(train.count + test.count);
	for (const [part, begin] of [
		[train, 0],
		[test, train.count],
	] as const) {
		images.set(part.images, begin * pixels);
		labels.set(part.labels, begin);
	}
	return { images, labels, shape, classes, trainCount: train.count, official: areOfficial(definition, findings) };
}

interface IdxPart {
	readonly count: number;
	readonly images: Uint8Array;
	readonly labels: Uint8Array;
}

/** Elements that a file of labels says it has, where that is at most the expected number; parseIdx reports what is wrong. */
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
