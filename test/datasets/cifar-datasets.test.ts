import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Dataset } from '../../src/datasets/dataset.js';
import { type LoadDatasetOptions, loadDataset, loadDatasetFrom } from '../../src/datasets/load.js';
import { GannoError } from '../../src/errors.js';
import { TINY_CIFAR, tarArchive, tinyCifarFiles, writeFiles } from '../support/dataset-files.js';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-cifar-'));
	vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
	vi.stubEnv('GANNO_DATA_DIR', '');
});
afterEach(() => {
	vi.unstubAllEnvs();
	rmSync(folder, { recursive: true, force: true });
});

const load = (options: LoadDatasetOptions = {}) =>
	loadDatasetFrom(TINY_CIFAR, { dataDirectory: folder, download: false, ...options });

async function failure(action: Promise<unknown>): Promise<GannoError> {
	const error = await action.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(GannoError);
	return error as GannoError;
}

function officialEntries() {
	return [
		{ name: 'cifar-10-batches-bin/', content: Buffer.alloc(0), type: '5' },
		// In the official archive's order, which is not ours, and with a file nobody asked for.
		...[...tinyCifarFiles()].reverse().map(([name, content]) => ({ name: `cifar-10-batches-bin/${name}`, content })),
		{ name: 'cifar-10-batches-bin/readme.html', content: Buffer.from('<a href="…">') },
	];
}

/** An archive whose first header says another size, its checksum right. */
function resized(archive: Buffer, size: string): Buffer {
	const header = archive.subarray(0, 512);
	header.fill(0, 124, 136).write(size, 124, 'latin1');
	header.fill(' ', 148, 156);
	header.write(
		`${header
			.reduce((sum, byte) => sum + byte, 0)
			.toString(8)
			.padStart(6, '0')}\0 `,
		148,
		'latin1',
	);
	return archive;
}

/** Everything but where it came from. */
function content(dataset: Dataset) {
	return { ...dataset, files: undefined };
}

describe('CIFAR-10 binary files', () => {
	test('are read with their planes interleaved', async () => {
		writeFiles(folder, tinyCifarFiles());
		const dataset = await load();
		expect(dataset.name).toBe('tiny-cifar');
		expect(dataset.shape).toEqual([2, 4, 3]);
		expect(dataset.splits.train.length).toBe(90);
		expect(dataset.splits.validation.length).toBe(10);
		expect([...dataset.splits.test]).toEqual(Array.from({ length: 20 }, (_, i) => 100 + i));
		// Image 3 of batch 2 (f = 1): pixel p is (10 + p + 3, 110 + p + 3, 210 + p + 3).
		const pixels = [...dataset.images.subarray(23 * 24, 24 * 24)];
		expect(pixels).toEqual(Array.from({ length: 24 }, (_, k) => 100 * (k % 3) + 13 + Math.floor(k / 3)));
		expect(dataset.labels[23]).toBe(4);
		expect(dataset.labels[100]).toBe(0);
		expect(dataset.mean).toHaveLength(3);
		const byClass = [...dataset.splits.validation].map((index) => dataset.labels[index]);
		expect(byClass).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
	});

	test('are the same gzipped, in a tar and in a tar.gz, in any of the usual folders', async () => {
		writeFiles(folder, tinyCifarFiles());
		const plain = content(await load());
		const archive = tarArchive(officialEntries());
		const layouts: [string, (place: string) => void][] = [
			['gz', (place) => writeFiles(place, tinyCifarFiles(), true)],
			['unpacked', (place) => writeFiles(join(place, 'cifar-10-batches-bin'), tinyCifarFiles())],
			['named', (place) => writeFiles(join(place, 'tiny-cifar'), tinyCifarFiles())],
			['tar', (place) => writeFileSync(join(place, 'cifar-10-binary.tar'), archive)],
			['tgz', (place) => writeFileSync(join(place, 'cifar-10-binary.tar.gz'), gzipSync(archive))],
		];
		for (const [name, write] of layouts) {
			const place = join(folder, name);
			mkdirSync(place);
			write(place);
			const dataset = await load({ dataDirectory: place });
			expect(content(dataset), name).toEqual(plain);
			expect(dataset.files?.[0]).toContain(place);
		}
	});

	test('can be used in part when asked to, and the data set says so', async () => {
		const files = tinyCifarFiles();
		for (const gone of ['data_batch_1.bin', 'data_batch_4.bin', 'data_batch_5.bin']) files.delete(gone);
		writeFiles(folder, files);
		const error = await failure(load());
		expect(error.code).toBe('DATASET_NOT_FOUND');
		expect(error.message).toContain('lacks data_batch_1.bin, data_batch_4.bin, data_batch_5.bin');
		expect(error.message).toContain('the option partial');
		const dataset = await load({ partial: true });
		expect(dataset.name).toBe('tiny-cifar (2 of 5 training batches)');
		expect(dataset.files).toHaveLength(3);
		expect(dataset.splits.train.length).toBe(30);
		expect(dataset.splits.test.length).toBe(20);
		expect(dataset.labels[0]).toBe(1);
		rmSync(join(folder, 'test_batch.bin'));
		expect((await failure(load({ partial: true }))).code).toBe('DATASET_NOT_FOUND');
	});

	test.each<[string, (file: Buffer) => Buffer, RegExp]>([
		['cut short', (file) => file.subarray(0, -1), /truncated: 499 bytes, not 20 records of 25/],
		['with bytes too many', (file) => Buffer.concat([file, Buffer.alloc(1)]), /too long: 501 bytes/],
		[
			'with a label out of range',
			(file) => Buffer.from(file).fill(5, 50, 51),
			/label 5 of image 2 is out of range \(0 to 4\)/,
		],
		['of gzip cut short', (file) => gzipSync(file).subarray(0, -9), /truncated: the gzip stream/],
	])('%s are a bad file', async (_, damage, problem) => {
		writeFiles(folder, tinyCifarFiles());
		const path = join(folder, 'data_batch_3.bin');
		writeFileSync(path, damage(readFileSync(path)));
		const error = await failure(load());
		expect(error.code).toBe('BAD_FILE');
		expect(error.message).toContain(path);
		expect(error.message).toMatch(problem);
	});
});

describe('a CIFAR-10 archive', () => {
	const path = () => join(folder, 'cifar-10-binary.tar.gz');
	const good = tarArchive(officialEntries());

	test('may lack the blocks of zeros at its end, and have a path prefix', async () => {
		const entries = officialEntries().map((entry) => ({ ...entry, prefix: 'a/b' }));
		writeFileSync(path(), tarArchive(entries).subarray(0, -1024));
		expect((await load()).labels.length).toBe(120);
	});

	test.each<[string, () => Buffer, RegExp]>([
		['that is empty', () => Buffer.alloc(0), /the archive lacks data_batch_1.bin/],
		['that is no archive', () => Buffer.alloc(2000, 'x'), /not a tar archive, or a damaged one/],
		['cut in a header', () => good.subarray(0, 700), /truncated: the archive ends in the middle/],
		['cut in a file', () => good.subarray(0, 1100), /truncated: the archive ends in the middle/],
		[
			'cut in a file nobody asked for',
			() => good.subarray(0, good.length - 1024 - 512),
			/truncated: the archive ends in/,
		],
		['cut between files', () => good.subarray(0, 512 + 1024), /the archive lacks data_batch_1.bin, data_batch_2.bin/],
		['whose gzip is cut', () => gzipSync(good).subarray(0, -20), /truncated: the gzip stream/],
		[
			'whose gzip checksum is wrong',
			() => {
				const bytes = gzipSync(good);
				bytes[bytes.length - 8] = (bytes[bytes.length - 8] as number) ^ 1;
				return bytes;
			},
			/gzip stream is damaged/,
		],
		['with a damaged header', () => Buffer.from(good).fill('z', 515, 516), /not a tar archive, or a damaged one/],
		[
			'with a file of another size',
			() => tarArchive([{ name: 'test_batch.bin', content: Buffer.alloc(499) }]),
			/test_batch.bin has 499 bytes, not 500/,
		],
		[
			'that unpacks to far more than is wanted',
			() => gzipSync(tarArchive([...officialEntries(), { name: 'zeros', content: Buffer.alloc(2 ** 21) }])),
			/unpacks to more than \d+ bytes/,
		],
		[
			'with a file of no size',
			() => resized(tarArchive([{ name: 'other', content: Buffer.alloc(0) }, ...officialEntries()]), 'no size'),
			/a file of unreadable size/,
		],
		[
			'with a label out of range',
			() =>
				tarArchive(
					officialEntries().map((entry) => ({
						...entry,
						content: entry.content.length === 500 ? Buffer.alloc(500, 9) : entry.content,
					})),
				),
			/test_batch.bin: label 9 of image 0/,
		],
		[
			'with a folder in place of a file',
			() =>
				tarArchive(
					officialEntries().map((entry) => ({
						...entry,
						content: entry.name.endsWith('5.bin') ? Buffer.alloc(0) : entry.content,
						type: entry.name.endsWith('5.bin') ? '5' : '0',
					})),
				),
			/the archive lacks data_batch_5.bin/,
		],
	])('%s is a bad file', async (_, bytes, problem) => {
		writeFileSync(path(), bytes());
		const error = await failure(load());
		expect(error.code).toBe('BAD_FILE');
		expect(error.message).toContain(path());
		expect(error.message).toMatch(problem);
	});
});

// CIFAR-10 itself is in no Debian package; this runs where somebody has put it.
const real = [process.env.GANNO_DATA_DIR, join(import.meta.dirname, '..', '..', '..', 'shared', 'data')].find(
	(root) => root !== undefined && existsSync(join(root, 'cifar-10', 'test_batch.bin.gz')),
);
test.skipIf(real === undefined)('the real CIFAR-10 has plausible moments', async () => {
	const dataset = await loadDataset('cifar-10', { dataDirectory: real, partial: true, download: false });
	// Published over all 50,000: mean 0.491, 0.482, 0.447; standard deviation 0.247, 0.243, 0.262.
	for (const [i, mean] of [0.491, 0.482, 0.447].entries()) {
		expect(Math.abs((dataset.mean[i] as number) - mean)).toBeLessThan(0.005);
	}
	for (const [i, deviation] of [0.247, 0.243, 0.262].entries()) {
		expect(Math.abs((dataset.standardDeviation[i] as number) - deviation)).toBeLessThan(0.005);
	}
	expect(dataset.splits.validation.length).toBe(5000);
	expect(dataset.splits.test.length).toBe(10_000);
});
