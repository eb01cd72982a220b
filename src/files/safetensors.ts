import { readFileSync } from 'node:fs';
import { checkPath, invalidArgument, isArrayOf } from '../arguments.js';
import { counted } from '../counted.js';
import { writeFileAtomic } from './atomic-write.js';
import { badFile, fileSystemError } from './file-system-error.js';
import { isWellFormed, parseHeader } from './safetensors-header.js';

/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): eight bytes with the header's length (little
 * endian), a JSON header `{ name: { dtype, shape, data_offsets }, "__metadata__": { string: string } }`, then the tensors' bytes
 * without gaps. Any safetensors reader opens what is written here. Arrays are little endian, as on every platform Node runs on
 * that ganno supports. By hand, as npm has no writer, and its one reader (safetensors 0.0.1) is for browsers and checks nothing.
 */

const ARRAY_TYPES = {
	F64: Float64Array,
	F32: Float32Array,
	I32: Int32Array,
	U32: Uint32Array,
	U8: Uint8Array,
} as const;

export type TensorType = keyof typeof ARRAY_TYPES;
export type TensorData = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array;

/** A tensor of a file; the array's class is its type. A `NamedTensor` of the agents is one. */
export interface StoredTensor {
	readonly name: string;
	readonly shape: readonly number[];
	/** Row-major; as many elements as the shape has. */
	readonly data: TensorData;
}

export interface SafetensorsFile {
	/** In the order of the header: of writing, except that names which are plain integers come first. Each owns its buffer. */
	readonly tensors: readonly StoredTensor[];
	readonly metadata: Readonly<Record<string, string>>;
}

const METADATA = '__metadata__';
/** The limit of the reference implementation: a longer header is a mistake or an attack. */
const MAXIMUM_HEADER = 100_000_000;

function typeOf(data: unknown): TensorType | undefined {
	const types = Object.keys(ARRAY_TYPES) as TensorType[];
	return types.find((type) => isArrayOf<TensorData>(data, ARRAY_TYPES[type]));
}

function sizeOf(shape: readonly number[]): number {
	return shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * Writes tensors and metadata atomically: the file is complete or as it was.
 * @param metadata strings only; put structured values through `JSON.stringify`
 * @throws GannoError `INVALID_ARGUMENT` (a name twice, a shape that does not fit, a type the format lacks), `FILE_SYSTEM`
 */
export function writeSafetensors(
	path: string,
	tensors: readonly StoredTensor[],
	metadata: Readonly<Record<string, string>> = {},
): void {
	writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

/** The file's content, in parts. */
export function encodeSafetensors(
	tensors: readonly StoredTensor[],
	metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
	const names = new Set<string>();
	for (const [i, { name, shape, data }] of tensors.entries()) {
		if (typeof name !== 'string' || name === METADATA || names.has(name) || !isWellFormed(name)) {
			throw invalidArgument(`a unique string of whole characters other than ${METADATA}`, `tensors[${i}].name`, name);
		}
		names.add(name);
		if (typeOf(data) === undefined) {
			const types = Object.values(ARRAY_TYPES).map((type) => type.name);
			throw invalidArgument(`one of ${types.join(', ')}`, `the data of tensor ${name}`, data);
		}
		if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
			throw invalidArgument('integers of at least 0', `the shape of tensor ${name}`, shape);
		}
		if (sizeOf(shape) !== data.length) {
			throw invalidArgument(`${counted(sizeOf(shape), 'element')} ([${shape.join(', ')}])`, `tensor ${name}`, data);
		}
	}
	for (const [key, value] of Object.entries(metadata)) {
		if (typeof value !== 'string' || !isWellFormed(key) || !isWellFormed(value)) {
			throw invalidArgument('a string', `metadata.${key}`, value, 'UTF-8 has no half of a surrogate pair');
		}
	}

	// Wide elements first: each tensor then starts on a multiple of its element size, without gaps, which the format forbids.
	const byWidth = [...tensors].sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
	const begins = new Map<StoredTensor, number>();
	let end = 0;
	for (const tensor of byWidth) {
		begins.set(tensor, end);
		end += tensor.data.byteLength;
	}
	// Entry by entry: an object would move names that are integers, and swallow one that is `__proto__`.
	const entries = tensors.map((tensor) => {
		const begin = begins.get(tensor) as number;
		const entry = {
			dtype: typeOf(tensor.data),
			shape: tensor.shape,
			data_offsets: [begin, begin + tensor.data.byteLength],
		};
		return `${JSON.stringify(tensor.name)}:${JSON.stringify(entry)}`;
	});
	if (Object.keys(metadata).length > 0) entries.unshift(`${JSON.stringify(METADATA)}:${JSON.stringify(metadata)}`);
	const json = Buffer.from(`{${entries.join(',')}}`, 'utf8');
	const padded = Math.ceil(json.length / 8) * 8;
	const header = Buffer.alloc(8 + padded, ' ');
	header.writeBigUInt64LE(BigInt(padded), 0);
	json.copy(header, 8);
	return [header, ...byWidth.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/**
 * Reads a safetensors file strictly: every byte must be accounted for.
 * @throws GannoError `FILE_SYSTEM` when it cannot be read, `BAD_FILE` when it is truncated, overlapping, not JSON, of a type
 *   other than F64, F32, I32, U32 and U8, or otherwise inconsistent
 */
export function readSafetensors(path: string): SafetensorsFile {
	checkPath(path, 'path');
	let bytes: Buffer;
	try {
		bytes = readFileSync(path);
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	return decodeSafetensors(bytes, path);
}

/** As {@link readSafetensors}, from memory; `path` is for messages. */
export function decodeSafetensors(bytes: Uint8Array, path: string): SafetensorsFile {
	const { header, dataStart } = readHeader(bytes, path);
	const dataLength = bytes.byteLength - dataStart;
	const ranges: { name: string; begin: number; end: number }[] = [];
	const tensors: StoredTensor[] = [];
	let metadata: Record<string, string> = {};
	for (const [name, entry] of Object.entries(header)) {
		if (name === METADATA) {
			metadata = readMetadata(entry, path);
			continue;
		}
		const { type, shape, begin, end } = readEntry(name, entry, dataLength, path);
		ranges.push({ name, begin, end });
		// A copy (a Buffer's own slice() would be a view): aligned whatever the layout, and the file's buffer can go.
		const content = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
		tensors.push({ name, shape, data: new ARRAY_TYPES[type](content.buffer, 0, sizeOf(shape)) });
	}

	ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
	let covered = 0;
	for (const { name, begin, end } of ranges) {
		if (begin < covered) throw damaged(path, `tensor ${name} overlaps the one before it`);
		if (begin > covered)
			throw damaged(path, `there is a gap of ${counted(begin - covered, 'byte')} before tensor ${name}`);
		covered = end;
	}
	if (covered !== dataLength)
		throw damaged(
			path,
			`${counted(dataLength - covered, 'byte')} at its end belong${dataLength - covered === 1 ? 's' : ''} to no tensor`,
		);
	return { tensors, metadata };
}

function damaged(path: string, problem: string, cause?: unknown) {
	return badFile(path, `not a valid safetensors file: ${problem}`, 'Restore or write the file again', cause);
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readHeader(bytes: Uint8Array, path: string): { header: Record<string, unknown>; dataStart: number } {
	if (bytes.byteLength < 8) throw damaged(path, `it has ${counted(bytes.byteLength, 'byte')}, too few for a header`);
	const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
	if (length > MAXIMUM_HEADER) throw damaged(path, `its header would be ${counted(length, 'byte')} long`);
	const dataStart = 8 + Number(length);
	if (dataStart > bytes.byteLength) {
		throw damaged(path, `it is truncated: the header ends at byte ${dataStart}, the file at ${bytes.byteLength}`);
	}
	let header: unknown;
	try {
		// A byte order mark stays where it is: the format has none.
		const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
		header = parseHeader(decoder.decode(bytes.subarray(8, dataStart)));
	} catch (error) {
		throw damaged(path, `its header is not JSON as the format has it (${(error as Error).message})`, error);
	}
	if (!isRecord(header)) throw damaged(path, 'its header is not a JSON object');
	return { header, dataStart };
}

function readMetadata(value: unknown, path: string): Record<string, string> {
	// The reference implementation takes null for none.
	if (value === null) return {};
	if (!isRecord(value)) throw damaged(path, 'its metadata is not an object');
	for (const [key, text] of Object.entries(value)) {
		if (typeof text !== 'string') throw damaged(path, `its metadata entry ${key} is not a string`);
	}
	return value as Record<string, string>;
}

function readEntry(name: string, entry: unknown, dataLength: number, path: string) {
	if (!isRecord(entry)) throw damaged(path, `the entry of tensor ${name} is not an object`);
	const { dtype, shape, data_offsets: offsets } = entry;
	const type = (Object.keys(ARRAY_TYPES) as TensorType[]).find((known) => known === dtype);
	if (type === undefined) {
		const known = Object.keys(ARRAY_TYPES).join(', ');
		throw badFile(path, `tensor ${name} has type ${JSON.stringify(dtype)}; ganno reads ${known}`, 'Convert the file');
	}
	const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
	if (!Array.isArray(shape) || !shape.every(isCount)) throw damaged(path, `the shape of tensor ${name} is malformed`);
	if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
		throw damaged(path, `the data_offsets of tensor ${name} are malformed`);
	}
	const [begin, end] = offsets as [number, number];
	if (begin > end) throw damaged(path, `tensor ${name} ends before it begins`);
	if (end > dataLength) {
		throw damaged(path, `it is truncated: tensor ${name} ends at data byte ${end}, the data at ${dataLength}`);
	}
	const expected = sizeOf(shape) * ARRAY_TYPES[type].BYTES_PER_ELEMENT;
	if (end - begin !== expected) {
		throw damaged(
			path,
			`tensor ${name} should have ${counted(expected, 'byte')} ([${shape.join(', ')}]) but has ${end - begin}`,
		);
	}
	return { type, shape: shape as number[], begin, end };
}
