import {
	chmodSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GannoError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files/atomic-write.js';
import { makeFolder } from '../../src/files/make-folder.js';
import {
	decodeSafetensors,
	encodeSafetensors,
	readSafetensors,
	type StoredTensor,
	writeSafetensors,
} from '../../src/files/safetensors.js';

/** What the next calls of the file system should do instead of their work. */
const failures = vi.hoisted(() => ({
	write: undefined as (() => number) | undefined,
	rename: undefined as (() => void) | undefined,
}));

vi.mock('node:fs', async (importOriginal) => {
	const fs = await importOriginal<typeof import('node:fs')>();
	return {
		...fs,
		writeSync: (...parameters: Parameters<typeof fs.writeSync>) => {
			if (failures.write === undefined) return fs.writeSync(...parameters);
			// The disk takes the first bytes, then fails: the worst case for the file that was there.
			fs.writeSync(parameters[0], 'x');
			return failures.write();
		},
		renameSync: (...parameters: Parameters<typeof fs.renameSync>) =>
			failures.rename === undefined ? fs.renameSync(...parameters) : failures.rename(),
	};
});

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-files-'));
});
afterEach(() => {
	failures.write = undefined;
	failures.rename = undefined;
	rmSync(folder, { recursive: true, force: true });
});

function errorOf(action: () => unknown): GannoError {
	try {
		action();
	} catch (error) {
		expect(error).toBeInstanceOf(GannoError);
		return error as GannoError;
	}
	throw new Error('nothing was thrown');
}

function systemError(code: string): () => never {
	return () => {
		throw Object.assign(new Error(`${code}: made by the test`), { code });
	};
}

describe('an atomic write', () => {
	test('replaces a file whole, keeps its permissions and leaves nothing beside it', () => {
		const path = join(folder, 'a.json');
		writeFileAtomic(path, 'one');
		chmodSync(path, 0o640);
		writeFileAtomic(path, [Buffer.from('tw'), new Uint8Array(Buffer.from('o'))]);
		expect(readFileSync(path, 'utf8')).toBe('two');
		expect(statSync(path).mode & 0o777).toBe(0o640);
		expect(readdirSync(folder)).toEqual(['a.json']);
	});

	test('writes through a symbolic link', () => {
		const path = join(folder, 'real');
		const link = join(folder, 'link');
		writeFileAtomic(path, 'old');
		symlinkSync(path, link);
		writeFileAtomic(link, 'new');
		expect(readFileSync(path, 'utf8')).toBe('new');
		expect(statSync(link).ino).toBe(statSync(path).ino);
	});

	test.each([
		['ENOSPC', /disk is full: free some space/],
		['EDQUOT', /quota is used up/],
		['EIO', /check the hardware/],
	])('that fails with %s leaves the old file and nothing else', (code, advice) => {
		const path = join(folder, 'a');
		writeFileAtomic(path, 'old');
		failures.write = systemError(code);
		const error = errorOf(() => writeFileAtomic(path, 'newer and longer'));
		expect(error.code).toBe('FILE_SYSTEM');
		expect(error.message).toMatch(advice);
		expect(error.message).toContain('The old file is unchanged');
		expect(readFileSync(path, 'utf8')).toBe('old');
		expect(readdirSync(folder)).toEqual(['a']);
	});

	test('that fails at the rename leaves the old file and nothing else', () => {
		const path = join(folder, 'a');
		writeFileAtomic(path, 'old');
		failures.rename = systemError('EACCES');
		expect(errorOf(() => writeFileAtomic(path, 'new')).code).toBe('FILE_SYSTEM');
		expect(readFileSync(path, 'utf8')).toBe('old');
		expect(readdirSync(folder)).toEqual(['a']);
	});

	test('refuses what is not a regular file, and a folder that is not there', () => {
		mkdirSync(join(folder, 'sub'));
		expect(errorOf(() => writeFileAtomic('/dev/null', 'x')).message).toMatch(/not a regular file/);
		expect(errorOf(() => writeFileAtomic(join(folder, 'sub'), 'x')).message).toMatch(/not a regular file/);
		const missing = errorOf(() => writeFileAtomic(join(folder, 'none', 'a'), 'x'));
		expect(missing.code).toBe('FILE_SYSTEM');
		expect(missing.message).toMatch(/the folder must exist/);
	});
});

describe('a safetensors file', () => {
	const tensors: StoredTensor[] = [
		{ name: 'bytes', shape: [3], data: new Uint8Array([1, 2, 255]) },
		{ name: 'weights', shape: [2, 2], data: new Float32Array([1, -0.5, 1e-40, Number.NaN]) },
		{ name: 'empty', shape: [0, 4], data: new Float32Array(0) },
		{ name: 'scalar', shape: [], data: new Float64Array([Math.PI]) },
		{ name: 'counts', shape: [1], data: new Uint32Array([4294967295]) },
		{ name: 'signed', shape: [1, 1], data: new Int32Array([-7]) },
		{ name: '__proto__', shape: [1], data: new Float32Array([4]) },
	];

	test('comes back with names, order, shapes, types, bits and metadata', () => {
		const path = join(folder, 'a.safetensors');
		const metadata = { format: 'test', text: 'é "quoted" \n', __proto__x: '' };
		writeSafetensors(path, tensors, metadata);
		const file = readSafetensors(path);
		expect(file.metadata).toEqual(metadata);
		expect(file.tensors.map((tensor) => tensor.name)).toEqual(tensors.map((tensor) => tensor.name));
		for (const [i, tensor] of tensors.entries()) {
			expect(file.tensors[i]).toEqual(tensor);
			expect(file.tensors[i]?.data.constructor).toBe(tensor.data.constructor);
		}
		expect(readdirSync(folder)).toEqual(['a.safetensors']);
	});

	test('has an aligned header and aligned tensors without gaps', () => {
		const bytes = Buffer.concat(encodeSafetensors(tensors, { a: 'b' }));
		const length = Number(bytes.readBigUInt64LE(0));
		expect(length % 8).toBe(0);
		const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, { data_offsets?: number[] }>;
		const entries = new Map(Object.entries(header));
		for (const tensor of tensors) {
			const offsets = entries.get(tensor.name)?.data_offsets ?? [Number.NaN];
			expect((offsets[0] as number) % tensor.data.BYTES_PER_ELEMENT).toBe(0);
		}
	});

	test('can be written from shared memory', () => {
		const data = new Float32Array(new SharedArrayBuffer(8));
		data.set([3, 4]);
		const path = join(folder, 'shared');
		writeSafetensors(path, [{ name: 'a', shape: [2], data }]);
		expect(readSafetensors(path).tensors[0]?.data).toEqual(new Float32Array([3, 4]));
	});

	test('round-trips any tensors', () => {
		const tensor = fc
			.tuple(
				fc.array(fc.nat(3), { maxLength: 3 }),
				fc.constantFrom(Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array),
			)
			.map(([shape, type]) => {
				const data = new type(shape.reduce((a, b) => a * b, 1));
				for (let i = 0; i < data.length; i++) data[i] = i * 37 + 1;
				return { shape, data };
			});
		fc.assert(
			fc.property(
				fc.dictionary(
					fc.string().filter((name) => name !== '__metadata__'),
					tensor,
				),
				(table) => {
					const written = Object.entries(table).map(([name, value]) => ({ name, ...value }));
					const read = decodeSafetensors(Buffer.concat(encodeSafetensors(written)), 'x');
					expect(new Map(read.tensors.map((t) => [t.name, t]))).toEqual(new Map(written.map((t) => [t.name, t])));
				},
			),
		);
	});

	/** A file as another writer might make it: any header, no padding. */
	function file(header: string | object, data: Uint8Array = new Uint8Array(8)): Uint8Array {
		const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
		const length = Buffer.alloc(8);
		length.writeBigUInt64LE(BigInt(json.length));
		return Buffer.concat([length, json, data]);
	}
	const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
		dtype,
		shape,
		data_offsets: [begin, end],
	});

	test('written by others without alignment is read', () => {
		const data = new Uint8Array(new Float32Array([1.5, -2]).buffer);
		const bytes = file({ 'a.bc': entry(0, 8) }, data);
		expect((bytes.length - data.length) % 4).not.toBe(0);
		expect(decodeSafetensors(bytes, 'x').tensors[0]?.data).toEqual(new Float32Array([1.5, -2]));
	});

	test.each<[string, Uint8Array, RegExp]>([
		['empty', new Uint8Array(0), /too few for a header/],
		['a header beyond the end', file({ a: entry(0, 8) }).subarray(0, 20), /truncated: the header ends at/],
		['an absurd header length', Buffer.from('ffffffffffffffff00', 'hex'), /header would be 18446744073709551615/],
		[
			'truncated data',
			file({ a: entry(0, 8) }).subarray(0, -1),
			/truncated: tensor a ends at data byte 8, the data at 7/,
		],
		['trailing bytes', file({ a: entry(0, 8) }, new Uint8Array(9)), /1 byte at its end belongs to no tensor/],
		['overlapping tensors', file({ a: entry(0, 8), b: entry(4, 8) }), /tensor b overlaps/],
		['a gap', file({ a: entry(4, 8) }), /gap of 4 bytes before tensor a/],
		['bad JSON', file('{"a":'), /header is not JSON/],
		['bad UTF-8', Buffer.from('0100000000000000ff', 'hex'), /header is not JSON/],
		['a list as header', file('[]'), /not a JSON object/],
		['an unknown type', file({ a: entry(0, 8, [4], 'BF16') }), /tensor a has type "BF16"; ganno reads/],
		['an inherited name as type', file({ a: entry(0, 8, [2], 'constructor') }), /has type "constructor"/],
		['a shape that does not fit', file({ a: entry(0, 8, [3]) }), /should have 12 bytes \(\[3\]\) but has 8/],
		['a negative dimension', file({ a: entry(0, 8, [-2]) }), /shape of tensor a/],
		['reversed offsets', file({ a: entry(8, 0, [2]) }), /ends before it begins/],
		['malformed offsets', file({ a: { dtype: 'F32', shape: [2], data_offsets: [0] } }), /data_offsets of tensor a/],
		['an entry that is no object', file({ a: 1 }), /entry of tensor a/],
		['metadata that is no string', file({ __metadata__: { a: 1 }, b: entry(0, 8) }), /metadata entry a/],
	])('with %s is a bad file', (_, bytes, problem) => {
		const path = join(folder, 'bad.safetensors');
		writeFileSync(path, bytes);
		const error = errorOf(() => readSafetensors(path));
		expect(error.code).toBe('BAD_FILE');
		expect(error.message).toContain(path);
		expect(error.message).toMatch(problem);
	});

	/** Verdicts of the reference implementation, safetensors 0.8.0 of PyPI; but for `ours`, where the format's text is stricter than it. */
	describe('judges headers as the reference implementation does', () => {
		const plain = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
		const offsets = (text: string) => plain.replace('[0,8]', text);
		const shape = (text: string) => plain.replace('[2]', text);
		const metadata = (text: string) => `{"__metadata__":${text},${plain.slice(1)}`;
		const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
		test.each<[string, string]>([
			['spaces at the end', `${plain}   `],
			['a line break at the end', `${plain}\n`],
			['a shape of more dimensions', shape('[2,1]')],
			['metadata that are null', metadata('null')],
			['metadata that are empty', metadata('{}')],
			['a field it does not know, whatever its number', plain.replace('"dtype"', '"extra":1.5,"dtype"')],
			['a surrogate pair', plain.replace('"w"', '"\\ud83d\\ude00"')],
			['an escaped NUL', plain.replace('"w"', '"\\u0000"')],
			['an empty name', plain.replace('"w"', '""')],
			['a name that objects inherit', plain.replace('"w"', '"__proto__"')],
			['the word shape as a name', plain.replace('"w"', '"shape"')],
			['a name that holds JSON', plain.replace('"w"', '"{\\"a\\":0.5,\\\\"')],
		])('takes %s', (_, header) => {
			expect(decodeSafetensors(file(header), 'x').tensors).toHaveLength(1);
		});
		test.each<[string, string]>([
			['a byte order mark', `\ufeff${plain}`],
			['a NUL at the end', `${plain}\0`],
			['text at the end', `${plain}x`],
			['a space of another kind in front', `\u00a0${plain}`],
			['no object', 'null'],
			['nothing', ''],
			...[
				'[0.0,8]',
				'[0,8.0]',
				'[0,8e0]',
				'[-0,8]',
				'[-1,8]',
				'["0",8]',
				'[0,8,8]',
				'[0]',
				'[00,8]',
				'[NaN,8]',
				'null',
			].map((text): [string, string] => [`data_offsets ${text}`, offsets(text)]),
			['offsets beyond 64 bits', offsets('[0,18446744073709551616]')],
			...['[2.0]', '[2e0]', '[-2]', 'null', '["2"]', '[]', '[4294967296,4294967296,2]'].map(
				(text): [string, string] => [`shape ${text}`, shape(text)],
			),
			['a dtype twice', plain.replace('"dtype":"F32"', '"dtype":"F32","dtype":"F32"')],
			['a shape twice', plain.replace('"shape":[2]', '"shape":[2],"shape":[2]')],
			['offsets twice', plain.replace('"data_offsets":[0,8]', '"data_offsets":[0,8],"data_offsets":[0,8]')],
			['metadata twice', `{"__metadata__":{},${metadata('{}').slice(1)}`],
			...['{"a":1}', '{"a":{}}', '{"a":null}', '[]', '"a"'].map((text): [string, string] => [
				`metadata ${text}`,
				metadata(text),
			]),
			['no dtype', plain.replace('"dtype":"F32",', '')],
			['no shape', plain.replace('"shape":[2],', '')],
			['no offsets', plain.replace(',"data_offsets":[0,8]', '')],
			['a dtype in small letters', plain.replace('F32', 'f32')],
			['half of a surrogate pair in a name', plain.replace('"w"', '"\\ud800"')],
			['half of a surrogate pair in metadata', metadata('{"a":"\\udc00"}')],
			['a control character', plain.replace('"w"', '"w\u0001"')],
			['a comma at the end', `${plain.slice(0, -1)},}`],
			['a comment', `{/**/${plain.slice(1)}`],
			['lists that nest too deep', plain.replace('"dtype"', `"extra":${deep},"dtype"`)],
			// Ours.
			['a space in front', ` ${plain}`],
			['a line break in front', `\n${plain}`],
			['a tensor twice', `{${plain.slice(1, -1)},${plain.slice(1)}`],
			['a tensor twice, once escaped', `{${plain.slice(1, -1)},${plain.slice(1).replace('"w"', '"\\u0077"')}`],
			['a key of the metadata twice', metadata('{"a":"b","a":"c"}')],
			['a list as an entry', '{"w":["F32",[2],[0,8]]}'],
		])('refuses %s', (_, header) => {
			expect(errorOf(() => decodeSafetensors(file(header), 'x')).code).toBe('BAD_FILE');
		});
	});

	test('with any bit flipped in the header or any cut is read or rejected, never a crash', () => {
		const bytes = Buffer.concat(encodeSafetensors(tensors.slice(0, 2), { a: 'b' }));
		for (let cut = 0; cut < bytes.length; cut++) {
			expect(errorOf(() => decodeSafetensors(bytes.subarray(0, cut), 'x')).code).toBe('BAD_FILE');
		}
		for (let bit = 0; bit < bytes.length * 8; bit++) {
			const damaged = Buffer.from(bytes);
			damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
			try {
				decodeSafetensors(damaged, 'x');
			} catch (error) {
				expect((error as GannoError).code).toBe('BAD_FILE');
			}
		}
	});

	test('is not written from bad arguments', () => {
		const path = join(folder, 'a');
		const bad: [StoredTensor[], RegExp][] = [
			[[{ name: 'a', shape: [2], data: new Float32Array(3) }], /Expected 2 elements \(\[2\]\) for tensor a/],
			[
				[
					{ name: 'a', shape: [1], data: new Float32Array(1) },
					{ name: 'a', shape: [0], data: new Float32Array(0) },
				],
				/unique string/,
			],
			[[{ name: 'half \ud83d', shape: [0], data: new Float32Array(0) }], /unique string of whole characters/],
			[[{ name: '__metadata__', shape: [0], data: new Float32Array(0) }], /unique string/],
			[[{ name: 'a', shape: [1], data: new Int8Array(1) as unknown as Uint8Array }], /one of Float64Array/],
			[[{ name: 'a', shape: [-1], data: new Float32Array(1) }], /integers of at least 0/],
		];
		for (const [list, message] of bad) {
			const error = errorOf(() => writeSafetensors(path, list));
			expect(error.code).toBe('INVALID_ARGUMENT');
			expect(error.message).toMatch(message);
		}
		const error = errorOf(() => writeSafetensors(path, [], { a: 1 as unknown as string }));
		expect(error.message).toMatch(/a string for metadata.a/);
		expect(readdirSync(folder)).toEqual([]);
	});

	test('that cannot be read says so', () => {
		const error = errorOf(() => readSafetensors(join(folder, 'none')));
		expect(error.code).toBe('FILE_SYSTEM');
		expect(error.message).toMatch(/Could not read/);
	});
});

test('makes folders, or says why it cannot', () => {
	const folder = mkdtempSync(join(tmpdir(), 'ganno-folder-'));
	makeFolder(join(folder, 'a', 'b'));
	makeFolder(join(folder, 'a', 'b'));
	expect(existsSync(join(folder, 'a', 'b'))).toBe(true);
	writeFileSync(join(folder, 'file'), '');
	expect(() => makeFolder(join(folder, 'file', 'c', 'd'))).toThrow(GannoError);
	if (process.platform === 'linux') expect(() => makeFolder('/proc/none')).toThrow(/Could not create \/proc\/none/);
});
