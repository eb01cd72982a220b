import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadDatasetFrom } from '../../src/datasets/load.js';
import { matFile, TINY_SVHN, tinySvhnFile, UINT8 } from '../support/mat-files.js';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-svhn-'));
	vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
	vi.stubEnv('GANNO_DATA_DIR', '');
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(folder, { recursive: true, force: true });
});

const { trainPerFile, testCount } = TINY_SVHN;
const load = () => loadDatasetFrom(TINY_SVHN, { dataDirectory: folder, download: false });

function write(train: Buffer = tinySvhnFile(trainPerFile), test: Buffer = tinySvhnFile(testCount)): void {
	writeFileSync(join(folder, 'train_32x32.mat'), train);
	writeFileSync(join(folder, 'test_32x32.mat'), test);
}

const hdf5 = () => Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

describe('SVHN', () => {
	it.each([
		['deflated', { compressed: true }],
		['plain', { compressed: false }],
		['big-endian', { compressed: true, bigEndian: true }],
	])('is read from %s MAT-files: rows, columns, channels, and 10 for the digit 0', async (_, options) => {
		write(tinySvhnFile(trainPerFile, options), tinySvhnFile(testCount, options));
		const dataset = await load();
		expect(dataset.shape).toEqual([2, 4, 3]);
		expect([...dataset.labels.subarray(0, 11)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
		const { images } = dataset;
		for (const [i, own] of [
			[3, 3],
			[trainPerFile + 7, 7],
		] as const) {
			for (let row = 0; row < 2; row++) {
				for (let column = 0; column < 4; column++) {
					for (let channel = 0; channel < 3; channel++) {
						const pixel = images[((i * 2 + row) * 4 + column) * 3 + channel];
						expect(pixel).toBe((own + 10 * row + 20 * column + 80 * channel) % 256);
					}
				}
			}
		}
		const { train, validation, test } = dataset.splits;
		expect([train.length, validation.length, test.length]).toEqual([30, 10, 20]);
		expect(test[0]).toBe(trainPerFile);
	});

	it('is found in a folder of its name, also gzipped', async () => {
		const own = join(folder, TINY_SVHN.name);
		mkdirSync(own);
		writeFileSync(join(own, 'train_32x32.mat.gz'), gzipSync(tinySvhnFile(trainPerFile)));
		writeFileSync(join(own, 'test_32x32.mat'), tinySvhnFile(testCount));
		expect((await load()).files).toHaveLength(2);
	});

	const pixels = Array.from({ length: 24 * trainPerFile }, () => 1);
	const x = { name: 'X', dimensions: [2, 4, 3, trainPerFile], type: UINT8, values: pixels } as const;
	const y = (label: number) =>
		({
			name: 'y',
			dimensions: [trainPerFile, 1],
			type: UINT8,
			values: pixels.slice(0, trainPerFile).map(() => label),
		}) as const;
	const whole = tinySvhnFile(trainPerFile, { compressed: false });
	it.each([
		['cut off', whole.subarray(0, 600), /truncated/],
		['cut in its header', whole.subarray(0, 100), /truncated/],
		['of another format', Buffer.alloc(600), /no MAT-file/],
		['damaged', Buffer.concat([tinySvhnFile(trainPerFile).subarray(0, 160), Buffer.alloc(4000)]), /damaged|truncated/],
		['without labels', matFile([x]), /lacks the variable y/],
		['of another size', tinySvhnFile(testCount), /X is 2×4×3×20, not 2×4×3×40/],
		['with label 0', matFile([x, y(0)]), /label 0 of image 0 is out of range/],
		['with label 11', matFile([x, y(11)]), /label 11/],
		['with too few numbers', matFile([{ ...x, values: pixels.slice(1) }, y(1)]), /holds 959 numbers/],
		[
			'that inflates beyond measure',
			matFile([{ ...x, values: Array.from({ length: 2 ** 17 }, () => 0) }, y(1)]),
			/longer than expected/,
		],
	])('is refused when a file is %s', async (_, file, problem) => {
		write(file);
		await expect(load()).rejects.toMatchObject({ code: 'BAD_FILE', message: expect.stringMatching(problem) });
		await expect(load()).rejects.toThrow('train_32x32.mat');
	});

	it.each([
		['as MATLAB writes it', Buffer.concat([Buffer.from('MATLAB 7.3 MAT-file, Platform: GLNXA64'.padEnd(512)), hdf5()])],
		['of HDF5 without MATLAB’s text', Buffer.concat([hdf5(), Buffer.alloc(600)])],
		['cut after the text', Buffer.from('MATLAB 7.3 MAT-file, Platform: GLNXA64'.padEnd(128))],
	])('of version 7.3 (%s) says so, and what to do', async (_, bytes) => {
		write(bytes);
		await expect(load()).rejects.toMatchObject({
			code: 'BAD_FILE',
			message: expect.stringMatching(
				/train_32x32\.mat: it is a MAT-file of version 7\.3.*save\(file, 'X', 'y', '-v7'\)/,
			),
		});
	});
});
