import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DATASETS, type DatasetDefinition } from '../../src/datasets/download/sources.js';

/** Small files in the formats of the real data sets, and definitions that fit them. */

export const TINY_IDX: DatasetDefinition = {
	...DATASETS['fashion-mnist'],
	name: 'tiny-idx',
	title: 'Tiny IDX',
	shape: [4, 6, 1],
	classes: 3,
	trainPerFile: 30,
	testCount: 9,
	validationSize: 6,
	contents: [],
	firstLabels: [],
	debian: { package: 'dataset-tiny', folder: '/nonexistent/datasets/tiny' },
};

export const TINY_CIFAR: DatasetDefinition = {
	...DATASETS['cifar-10'],
	name: 'tiny-cifar',
	title: 'Tiny CIFAR',
	shape: [2, 4, 3],
	classes: 5,
	trainPerFile: 20,
	testCount: 20,
	validationSize: 10,
};

export function idxFile(dimensions: readonly number[], content: Uint8Array): Buffer {
	const header = Buffer.alloc(4 + 4 * dimensions.length);
	header.writeUInt32BE(0x0800 + dimensions.length);
	for (const [i, dimension] of dimensions.entries()) header.writeUInt32BE(dimension, 4 + 4 * i);
	return Buffer.concat([header, content]);
}

/** Pixel k of image i is (7 i + k) mod 256; its label is i mod classes. */
export function tinyIdxFiles(): Map<string, Buffer> {
	const [height, width] = TINY_IDX.shape;
	const files = new Map<string, Buffer>();
	for (const [part, count] of [
		['train', TINY_IDX.trainPerFile],
		['t10k', TINY_IDX.testCount],
	] as const) {
		const pixels = Buffer.alloc(count * height * width);
		for (let i = 0; i < count; i++) {
			for (let k = 0; k < height * width; k++) pixels[i * height * width + k] = (7 * i + k) % 256;
		}
		const labels = Buffer.from(Array.from({ length: count }, (_, i) => i % TINY_IDX.classes));
		files.set(`${part}-images-idx3-ubyte`, idxFile([count, height, width], pixels));
		files.set(`${part}-labels-idx1-ubyte`, idxFile([count], labels));
	}
	return files;
}

/** Image i of file f: label (i + f) mod classes; plane c, pixel p is 100 c + 10 f + p + i. */
export function tinyCifarFiles(): Map<string, Buffer> {
	const files = new Map<string, Buffer>();
	for (const [f, name] of TINY_CIFAR.files.entries()) {
		const records: number[] = [];
		for (let i = 0; i < TINY_CIFAR.trainPerFile; i++) {
			records.push((i + f) % TINY_CIFAR.classes);
			for (let c = 0; c < 3; c++) for (let p = 0; p < 8; p++) records.push((100 * c + 10 * f + p + i) % 256);
		}
		files.set(name, Buffer.from(records));
	}
	return files;
}

export function writeFiles(folder: string, files: ReadonlyMap<string, Buffer>, compress = false): void {
	mkdirSync(folder, { recursive: true });
	for (const [name, content] of files) {
		writeFileSync(join(folder, compress ? `${name}.gz` : name), compress ? gzipSync(content) : content);
	}
}

/** A POSIX ustar archive. */
export function tarArchive(
	entries: readonly { name: string; content: Buffer; type?: string; prefix?: string }[],
): Buffer {
	const blocks: Buffer[] = [];
	for (const { name, content, type = '0', prefix = '' } of entries) {
		const header = Buffer.alloc(512);
		header.write(name, 0);
		header.write('0000644\0', 100);
		header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
		header.write('        ', 148);
		header.write(type, 156);
		header.write('ustar\x0000', 257);
		header.write(prefix, 345);
		const sum = header.reduce((total, byte) => total + byte, 0);
		header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
		blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
	}
	return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
