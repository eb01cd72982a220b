import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { checkInteger, checkNumber, invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import { fileSystemError } from './file-system-error.js';

/**
 * TensorBoard event files. A file is a sequence of TFRecords,
 *
 *     uint64 length | uint32 masked CRC-32C of the length | data | uint32 masked CRC-32C of the data     (little endian)
 *
 * whose data are protocol buffers of type `Event` (tensorflow/core/util/event.proto): wall_time = 1 (double), step = 2 (int64),
 * file_version = 3 (string), summary = 5 { value = 1 { tag = 1 (string), simple_value = 2 (float) } }, session_log = 7
 * { status = 1 (enum; START = 1) }. By hand, as the one writer on npm is
 * that of tfjs-node, which brings TensorFlow's C library along.
 */

export interface EventFile extends Disposable {
	readonly path: string;
	/**
	 * Appends one point of a curve. It is in the file, whole, when this returns.
	 * @param tag the curve's name; slashes group curves in TensorBoard
	 * @param value stored as float32; NaN and infinities are allowed, TensorBoard marks them
	 * @param step a safe integer of at least 0
	 * @param wallTime seconds since 1970 (default: now)
	 * @throws GannoError `INVALID_ARGUMENT`, `DISPOSED` after `close`, `FILE_SYSTEM`; the file then ends with the last whole record
	 */
	scalar(tag: string, value: number, step: number, wallTime?: number): void;
	/** Makes what was appended survive a power cut. */
	flush(): void;
	/** Flushes and closes; further calls do nothing. */
	close(): void;
}

let opened = 0;

/**
 * Opens a new event file in a directory, which is made if need be. TensorBoard reads all files of a directory as one run, so a
 * resumed run opens another one.
 * @param options.resumedAt the step a resumed run goes on from: TensorBoard forgets points at this step and later
 */
export function openEventFile(directory: string, options: { readonly resumedAt?: number } = {}): EventFile {
	const { resumedAt } = options;
	if (resumedAt !== undefined) checkInteger(resumedAt, 'resumedAt', 0);
	const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
	// TensorBoard reads files in the order of their names and wants "tfevents" in them.
	const path = join(directory, `events.out.tfevents.${seconds}.ganno.${process.pid}.${opened++}`);
	let file: number | undefined;
	try {
		mkdirSync(directory, { recursive: true });
		file = openSync(path, 'wx');
	} catch (error) {
		throw fileSystemError('create', path, error);
	}
	let size = 0;

	const append = (event: readonly Uint8Array[]): void => {
		if (file === undefined) throw new GannoError('DISPOSED', `The event file ${path} is closed. Open another one.`);
		const record = encodeRecord(Buffer.concat(event));
		try {
			for (let offset = 0; offset < record.length; ) {
				offset += writeSync(file, record, offset, record.length - offset, size + offset);
			}
			size += record.length;
		} catch (error) {
			// Half a record would hide everything after it.
			try {
				ftruncateSync(file, size);
			} catch {
				// The first error is the one to report.
			}
			throw fileSystemError('write', path, error, 'The file ends with the last whole record');
		}
	};

	const events: EventFile = {
		path,
		scalar(tag, value, step, wallTime = Date.now() / 1000) {
			if (typeof tag !== 'string' || tag === '') throw invalidArgument('a name', 'tag', tag);
			if (typeof value !== 'number') throw invalidArgument('a number', 'value', value);
			checkInteger(step, 'step', 0);
			checkNumber(wallTime, 'wallTime', 0);
			const point = [bytesField(1, Buffer.from(tag, 'utf8')), floatField(2, value)];
			const summary = bytesField(1, Buffer.concat(point));
			append([doubleField(1, wallTime), integerField(2, step), bytesField(5, summary)]);
		},
		flush() {
			if (file === undefined) return;
			try {
				fsyncSync(file);
			} catch (error) {
				throw fileSystemError('write', path, error);
			}
		},
		close() {
			if (file === undefined) return;
			const open = file;
			try {
				events.flush();
			} finally {
				file = undefined;
				closeSync(open);
			}
		},
		[Symbol.dispose]() {
			events.close();
		},
	};

	const now = Date.now() / 1000;
	append([doubleField(1, now), bytesField(3, Buffer.from('brain.Event:2'))]);
	if (resumedAt !== undefined) {
		append([doubleField(1, now), integerField(2, resumedAt), bytesField(7, integerField(1, 1))]);
	}
	return events;
}

function encodeRecord(data: Uint8Array): Buffer {
	const record = Buffer.alloc(12 + data.length + 4);
	record.writeBigUInt64LE(BigInt(data.length), 0);
	record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
	record.set(data, 12);
	record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
	return record;
}

// Protocol buffers: a field is its number and wire type in one varint, then the value.
function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	// Division, not shifts: steps may pass 2^31.
	for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
	return Buffer.from([...bytes, rest]);
}

function integerField(field: number, value: number): Buffer {
	return Buffer.concat([varint(field * 8), varint(value)]);
}

function doubleField(field: number, value: number): Buffer {
	const bytes = Buffer.alloc(9, field * 8 + 1);
	bytes.writeDoubleLE(value, 1);
	return bytes;
}

function bytesField(field: number, value: Uint8Array): Buffer {
	return Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
}

function floatField(field: number, value: number): Buffer {
	const bytes = Buffer.alloc(5, field * 8 + 5);
	bytes.writeFloatLE(value, 1);
	return bytes;
}

/** CRC-32C (Castagnoli): polynomial 0x1edc6f41, reflected. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
	let crc = byte;
	for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
	return crc;
});

/** The checksum of TFRecords: CRC-32C, rotated and shifted so that a checksum of checksums is no problem. */
function maskedCrc32c(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
	crc = ~crc >>> 0;
	return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
