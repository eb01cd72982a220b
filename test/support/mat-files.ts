import { deflateSync } from 'node:zlib';
import { DATASETS, type DatasetDefinition } from '../../src/datasets/download/sources.js';

/** Small MAT-files of level 5, written element by element, and a definition that fits them. */

export const TINY_SVHN: DatasetDefinition = {
	...DATASETS.svhn,
	name: 'tiny-svhn',
	title: 'Tiny SVHN',
	shape: [2, 4, 3],
	trainPerFile: 40,
	testCount: 20,
	validationSize: 10,
};

export const UINT8 = 2;
export const DOUBLE = 9;

export interface MatOptions {
	readonly compressed?: boolean;
	readonly bigEndian?: boolean;
}

/** An element: small ones go into their tag, as MATLAB writes them. */
function element(type: number, content: Buffer, bigEndian: boolean): Buffer {
	const word = (value: number) => {
		const bytes = Buffer.alloc(4);
		if (bigEndian) bytes.writeUInt32BE(value);
		else bytes.writeUInt32LE(value);
		return bytes;
	};
	if (content.length > 0 && content.length <= 4) {
		return Buffer.concat([word(content.length * 65536 + type), content, Buffer.alloc(4 - content.length)]);
	}
	return Buffer.concat([word(type), word(content.length), content, Buffer.alloc((8 - (content.length % 8)) % 8)]);
}

export interface MatArray {
	readonly name: string;
	readonly dimensions: readonly number[];
	readonly type: typeof UINT8 | typeof DOUBLE;
	readonly values: readonly number[];
}

export function matFile(
	arrays: readonly MatArray[],
	{ compressed = true, bigEndian = false }: MatOptions = {},
): Buffer {
	const header = Buffer.alloc(128, ' ');
	header.write('MATLAB 5.0 MAT-file', 0);
	header.write(bigEndian ? 'MI' : 'IM', 126);
	const integers = (values: readonly number[]) => {
		const bytes = Buffer.alloc(4 * values.length);
		for (const [i, value] of values.entries()) {
			if (bigEndian) bytes.writeInt32BE(value, 4 * i);
			else bytes.writeInt32LE(value, 4 * i);
		}
		return bytes;
	};
	const variables = arrays.map(({ name, dimensions, type, values }) => {
		const content = Buffer.alloc(values.length * (type === UINT8 ? 1 : 8));
		for (const [i, value] of values.entries()) {
			if (type === UINT8) content[i] = value;
			else if (bigEndian) content.writeDoubleBE(value, 8 * i);
			else content.writeDoubleLE(value, 8 * i);
		}
		const parts = [
			element(6, integers([type === UINT8 ? 9 : 6, 0]), bigEndian),
			element(5, integers(dimensions), bigEndian),
			element(1, Buffer.from(name), bigEndian),
			element(type, content, bigEndian),
		];
		const matrix = element(14, Buffer.concat(parts), bigEndian);
		if (!compressed) return matrix;
		const deflated = deflateSync(matrix);
		return Buffer.concat([integers([15, deflated.length]), deflated]);
	});
	return Buffer.concat([header, ...variables]);
}

/** Image i: pixel at (row, column, channel) is (i + 10 row + 20 column + 80 channel) mod 256; label 1 + i mod 10. */
export function tinySvhnFile(count: number, options: MatOptions = {}): Buffer {
	const [height, width, channels] = TINY_SVHN.shape;
	const values: number[] = [];
	for (let i = 0; i < count; i++) {
		for (let channel = 0; channel < channels; channel++) {
			for (let column = 0; column < width; column++) {
				for (let row = 0; row < height; row++) values.push((i + 10 * row + 20 * column + 80 * channel) % 256);
			}
		}
	}
	return matFile(
		[
			{ name: 'X', dimensions: [height, width, channels, count], type: UINT8, values },
			{
				name: 'y',
				dimensions: [count, 1],
				type: DOUBLE,
				values: Array.from({ length: count }, (_, i) => 1 + (i % 10)),
			},
		],
		options,
	);
}
