import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KNOWN_DATASETS } from '../../src/datasets/download/dataset-identity.js';
import { DATASETS, type DatasetDefinition } from '../../src/datasets/download/sources.js';
import { type LoadDatasetOptions, loadDataset, loadDatasetFrom } from '../../src/datasets/load.js';
import { GannoError } from '../../src/errors.js';
import {
	idxFile,
	TINY_CIFAR,
	TINY_IDX,
	tarArchive,
	tinyCifarFiles,
	tinyIdxFiles,
	writeFiles,
} from '../support/dataset-files.js';
import { TINY_SVHN, tinySvhnFile } from '../support/mat-files.js';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-identity-'));
	vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
	vi.stubEnv('GANNO_DATA_DIR', '');
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

/** Four files of the same names and sizes as `tinyIdxFiles`, but every byte of their content moved on. */
function otherIdxFiles(shift: number): Map<string, Buffer> {
	return new Map(
		[...tinyIdxFiles()].map(([name, file]) => {
			const header = name.includes('images') ? 16 : 8;
			const content = file
				.subarray(header)
				.map((byte) => (name.includes('images') ? byte + shift : (byte + shift) % 3));
			return [name, Buffer.concat([file.subarray(0, header), content])];
		}),
	);
}

const digestsOf = (files: ReadonlyMap<string, Buffer>) =>
	TINY_IDX.files.map((name) => createHash('sha256').update(files.get(name)!).digest('hex'));

/** Sets with files of the same names: one that is asked for, one that is known too, one that nobody knows. */
const OWN = tinyIdxFiles();
const OTHER = otherIdxFiles(1);
const UNKNOWN = otherIdxFiles(2);
const SETS = { own: OWN, other: OTHER, unknown: UNKNOWN } as const;
const ownDefinition: DatasetDefinition = { ...TINY_IDX, contents: digestsOf(OWN) };
const known = [
	{ ...TINY_IDX, name: 'other-idx', title: 'Other IDX', contents: digestsOf(OTHER), firstLabels: [] },
] as const;
const load = (options: LoadDatasetOptions = {}) =>
	loadDatasetFrom(ownDefinition, { dataDirectory: folder, download: false, ...options }, {}, known);

/** Every way to fill four places from some sources. */
function combinations<T>(sources: readonly T[]): T[][] {
	return TINY_IDX.files.reduce<T[][]>(
		(lists) => lists.flatMap((list) => sources.map((source) => [...list, source])),
		[[]],
	);
}

describe('a folder whose files are of several data sets', () => {
	const mixtures = combinations(['own', 'other', 'unknown'] as const);

	test.each([false, true])('is refused (gzip: %s), but for the one mixture that is the data set', async (compress) => {
		for (const mixture of mixtures) {
			rmSync(folder, { recursive: true });
			writeFiles(folder, new Map(TINY_IDX.files.map((name, i) => [name, SETS[mixture[i]!].get(name)!])), compress);
			if (mixture.every((source) => source === 'own')) {
				expect((await load()).name).toBe('tiny-idx');
				continue;
			}
			const { code, message } = await failure(load());
			expect(code).toBe('BAD_FILE');
			// A file that is known is the one to name; and in any case whose each of them is.
			const wrong = mixture.includes('other') ? mixture.indexOf('other') : mixture.indexOf('unknown');
			expect(message).toContain(`${join(folder, TINY_IDX.files[wrong]!)}${compress ? '.gz' : ''}: it `);
			if (mixture.includes('other')) expect(message).toContain('it belongs to Other IDX, not to Tiny IDX');
			const titles = { own: 'Tiny IDX', other: 'Other IDX', unknown: 'of no data set known' };
			expect(message).toContain(TINY_IDX.files.map((name, i) => `${name}: ${titles[mixture[i]!]}`).join(', '));
		}
	});

	test('is taken in part where nobody else is known to own a file, and the name says so', async () => {
		for (const mixture of mixtures) {
			writeFiles(folder, new Map(TINY_IDX.files.map((name, i) => [name, SETS[mixture[i]!].get(name)!])));
			if (mixture.includes('other')) {
				expect((await failure(load({ partial: true }))).message).toContain('belongs to Other IDX');
			} else {
				const remark = mixture.includes('unknown') ? ' (not the official files)' : '';
				expect((await load({ partial: true })).name).toBe(`tiny-idx${remark}`);
			}
		}
	});

	test('is refused whichever files of the data set itself changed places', async () => {
		const orders = combinations(TINY_IDX.files).filter((names) => names.some((name, i) => name !== TINY_IDX.files[i]));
		for (const order of orders) {
			writeFiles(folder, new Map(TINY_IDX.files.map((name, i) => [name, OWN.get(order[i]!)!])));
			for (const partial of [false, true]) expect((await failure(load({ partial }))).code).toBe('BAD_FILE');
		}
		const swapped = await failure(load());
		expect(swapped.message).toMatch(/it is [\w-]+ of Tiny IDX, not [\w-]+ \(here are/);
	});

	test('is refused where one bit of an official file is wrong', async () => {
		for (const name of TINY_IDX.files) {
			const file = Buffer.from(OWN.get(name)!);
			// The last pixel, or the first label, which is 0.
			const at = name.includes('images') ? file.length - 1 : 8;
			file[at] = file[at]! ^ 1;
			writeFiles(folder, new Map([...OWN, [name, file]]));
			expect((await failure(load())).message).toContain(`${join(folder, name)}: it is not the file of Tiny IDX`);
		}
	});

	test('is refused in part where the training labels begin as those of another', async () => {
		writeFiles(folder, OWN);
		const alike = [{ title: 'Namesake', firstLabels: [0, 1, 2, 0] }];
		const partly = { ...ownDefinition, contents: [] };
		const error = await failure(
			loadDatasetFrom(partly, { dataDirectory: folder, download: false, partial: true }, {}, alike),
		);
		expect(error.message).toMatch(/train-labels-idx1-ubyte: it belongs to Namesake, not to Tiny IDX/);
	});
});

test('a training part that is the test part too is refused', async () => {
	const definition = { ...TINY_IDX, testCount: TINY_IDX.trainPerFile };
	const files = tinyIdxFiles();
	for (const part of ['images-idx3', 'labels-idx1']) {
		files.set(`t10k-${part}-ubyte`, files.get(`train-${part}-ubyte`)!);
	}
	writeFiles(folder, files);
	const error = await failure(loadDatasetFrom(definition, { dataDirectory: folder, download: false }));
	expect(error.message).toMatch(/t10k-images-idx3-ubyte: it holds the same images as .*train-images/);
});

describe('a batch of CIFAR-10 that is there twice is refused', () => {
	const pairs = TINY_CIFAR.files.flatMap((from) =>
		TINY_CIFAR.files.filter((to) => to !== from).map((to) => [from, to] as const),
	);
	const twice = (from: string, to: string) => new Map([...tinyCifarFiles(), [to, tinyCifarFiles().get(from)!]]);
	const cifar = () => loadDatasetFrom(TINY_CIFAR, { dataDirectory: folder, download: false });

	test.each(pairs)('%s as %s', async (from, to) => {
		writeFiles(folder, twice(from, to));
		expect((await failure(cifar())).message).toMatch(/\.bin: it holds the same images as .*\.bin/);
		rmSync(folder, { recursive: true });
		mkdirSync(folder);
		const entries = [...twice(from, to)].map(([name, content]) => ({ name, content }));
		writeFileSync(join(folder, 'cifar-10-binary.tar'), tarArchive(entries));
		expect((await failure(cifar())).message).toMatch(/\.bin: it holds the same images as .*\.bin/);
	});

	test('under one name, in an archive', async () => {
		const entries = [...tinyCifarFiles()].map(([name, content]) => ({ name: `a/${name}`, content }));
		const again = { name: 'b/data_batch_2.bin', content: tinyCifarFiles().get('data_batch_3.bin')! };
		writeFileSync(join(folder, 'cifar-10-binary.tar'), tarArchive([...entries, again]));
		expect((await failure(cifar())).message).toMatch(/holds data_batch_2\.bin twice/);
	});
});

describe('a file beside its gzipped version', () => {
	const svhn = () =>
		new Map([
			['train_32x32.mat', tinySvhnFile(TINY_SVHN.trainPerFile)],
			['test_32x32.mat', tinySvhnFile(TINY_SVHN.testCount)],
		]);
	test.each<[string, DatasetDefinition, () => Map<string, Buffer>]>([
		['IDX', TINY_IDX, tinyIdxFiles],
		['CIFAR-10', TINY_CIFAR, tinyCifarFiles],
		['SVHN', TINY_SVHN, svhn],
	])('is taken where both say the same, refused where not: %s', async (_, definition, files) => {
		const read = () => loadDatasetFrom(definition, { dataDirectory: folder, download: false });
		writeFiles(folder, files());
		writeFiles(folder, files(), true);
		await read();
		for (const [name, content] of files()) {
			const changed = Buffer.from(content);
			changed[changed.length - 9] = changed[changed.length - 9]! ^ 1;
			for (const other of [gzipSync(changed), gzipSync(content.subarray(0, -1)), gzipSync(content).subarray(0, -20)]) {
				writeFileSync(join(folder, `${name}.gz`), other);
				const error = await failure(read());
				expect(error.code).toBe('BAD_FILE');
				expect(error.message).toContain(`${name}.gz`);
			}
			writeFiles(folder, new Map([[name, content]]), true);
		}
	});
});

describe('a folder that somebody named', () => {
	// What is found elsewhere: it must not be taken in silence.
	beforeEach(() => writeFiles(join(folder, 'cache', 'ganno', 'tiny-idx'), tinyIdxFiles()));
	const named = {
		option: (path: string) =>
			loadDatasetFrom(TINY_IDX, { dataDirectory: path, download: false }).catch((error: unknown) => error),
		variable: (path: string) => {
			vi.stubEnv('GANNO_DATA_DIR', path);
			return loadDatasetFrom(TINY_IDX, { download: false }).catch((error: unknown) => error);
		},
	};

	test.each(['option', 'variable'] as const)('by the %s must be there and readable', async (how) => {
		writeFileSync(join(folder, 'file'), '');
		symlinkSync('loop', join(folder, 'loop'));
		mkdirSync(join(folder, 'inside'));
		symlinkSync('tiny-idx', join(folder, 'inside', 'tiny-idx'));
		for (const [name, reason] of [
			['typo', /typo: ENOENT.*the folder must exist/],
			['file', /file: ENOTDIR/],
			['loop', /loop: ELOOP/],
			['inside', /inside\/tiny-idx: ELOOP/],
		] as const) {
			const error = await named[how](join(folder, name));
			expect(error).toMatchObject({ code: 'FILE_SYSTEM', message: expect.stringMatching(reason) });
		}
	});

	test('and that lacks the data set leaves the other places', async () => {
		mkdirSync(join(folder, 'empty'));
		expect(await named.option(join(folder, 'empty'))).toMatchObject({ name: 'tiny-idx' });
	});
});

test('the known data sets with files of the same names say what these hold', () => {
	for (const definition of [DATASETS.mnist, DATASETS['fashion-mnist']] as DatasetDefinition[]) {
		expect(definition.contents).toHaveLength(definition.files.length);
		for (const digest of definition.contents!) expect(digest).toMatch(/^[0-9a-f]{64}$/);
	}
	const all = KNOWN_DATASETS.flatMap(({ contents = [] }) => contents);
	expect(new Set(all).size).toBe(all.length);
});

const FASHION = '/usr/share/datasets/fashion-mnist';
describe.skipIf(!existsSync(FASHION))('the real Fashion-MNIST', () => {
	test('is known by its content, plain or gzipped anew, and as no other data set', async () => {
		const name = 't10k-labels-idx1-ubyte';
		const content = gunzipSync(readFileSync(join(FASHION, `${name}.gz`)));
		for (const file of DATASETS['fashion-mnist'].files) {
			if (file !== name) symlinkSync(join(FASHION, `${file}.gz`), join(folder, `${file}.gz`));
		}
		for (const bytes of [content, gzipSync(content, { level: 1 })]) {
			writeFileSync(join(folder, name), bytes);
			const dataset = await loadDataset('fashion-mnist', { dataDirectory: folder, download: false });
			expect(dataset.name).toBe('fashion-mnist');
		}
		const error = await failure(loadDataset('mnist', { dataDirectory: folder, download: false }));
		expect(error.message).toMatch(/train-images-idx3-ubyte\.gz: it belongs to Fashion-MNIST, not to MNIST/);
		// Somebody's own test labels of the right size.
		writeFileSync(join(folder, name), idxFile([10_000], Buffer.alloc(10_000)));
		const own = await failure(loadDataset('fashion-mnist', { dataDirectory: folder, download: false }));
		expect(own.message).toMatch(/t10k-labels-idx1-ubyte: it is not the file of Fashion-MNIST/);
	});
});
