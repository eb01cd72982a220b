import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { counted } from '../../counted.js';
import { badFile, fileSystemError } from '../../files/file-system-error.js';
import { DAMAGED_ADVICE, gzipError, isGzip } from '../content.js';

const BLOCK = 512;

/**
 * The wanted files of a tar archive (POSIX ustar, gzipped or not), one at a time: the archive is streamed and only one of its
 * files is in memory. Strict: every header's checksum is verified, nothing is guessed. Reads to the end, so that gzip's own
 * checksum is verified too.
 * @param wanted base names of the files to yield
 * @param size bytes each of them must have
 * @throws GannoError `BAD_FILE` when it is truncated, damaged or a file has another size; `FILE_SYSTEM` when it cannot be read
 */
export async function* readTarFiles(
	path: string,
	wanted: readonly string[],
	size: number,
): AsyncGenerator<{ name: string; content: Uint8Array }> {
	const reader = new StreamReader(await openArchive(path), path);
	for (;;) {
		const header = await reader.take(BLOCK, true);
		// The end is two blocks of zeros; an archive that lacks them but ends at a block is complete all the same.
		if (header === undefined || header.every((byte) => byte === 0)) break;
		const { name, length, isFile } = parseHeader(header, path);
		const baseName = name.slice(name.lastIndexOf('/') + 1);
		if (isFile && wanted.includes(baseName)) {
			if (length !== size)
				throw badFile(path, `its file ${name} has ${counted(length, 'byte')}, not ${size}`, DAMAGED_ADVICE);
			yield { name: baseName, content: (await reader.take(length)) as Uint8Array };
			await reader.skip(padding(length));
		} else {
			await reader.skip(length + padding(length));
		}
	}
	await reader.drain();
}

async function openArchive(path: string): Promise<AsyncIterable<Uint8Array>> {
	const start = new Uint8Array(2);
	try {
		const file = await open(path);
		try {
			await file.read(start, 0, 2, 0);
		} finally {
			await file.close();
		}
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	const source = createReadStream(path);
	if (!isGzip(start)) return source;
	const gunzip = createGunzip({ chunkSize: 1 << 18 });
	// An error of the source reaches the reader of the stream.
	pipeline(source, gunzip, () => {});
	return gunzip;
}

function padding(length: number): number {
	return (BLOCK - (length % BLOCK)) % BLOCK;
}

function parseHeader(header: Uint8Array, path: string): { name: string; length: number; isFile: boolean } {
	const text = (begin: number, length: number) => {
		const field = header.subarray(begin, begin + length);
		const end = field.indexOf(0);
		return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
	};
	const octal = (begin: number, length: number) => {
		const digits = text(begin, length).trim();
		return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
	};
	// The checksum is the sum of all bytes, its own field counted as spaces.
	let sum = 0;
	for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] as number);
	if (octal(148, 8) !== sum) throw badFile(path, 'not a tar archive, or a damaged one', DAMAGED_ADVICE);
	const length = octal(124, 12);
	if (!Number.isSafeInteger(length)) throw badFile(path, 'it has a file of unreadable size', DAMAGED_ADVICE);
	const prefix = text(257, 5) === 'ustar' ? text(345, 155) : '';
	const name = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
	const type = header[156];
	return { name, length, isFile: type === 0x30 || type === 0 };
}

/** Takes exact numbers of bytes from a stream of chunks. */
class StreamReader {
	readonly #chunks: AsyncIterator<Uint8Array>;
	readonly #path: string;
	#rest: Uint8Array = new Uint8Array(0);

	constructor(chunks: AsyncIterable<Uint8Array>, path: string) {
		this.#chunks = chunks[Symbol.asyncIterator]();
		this.#path = path;
	}

	/** @param orEnd give undefined when the stream has ended, instead of an error */
	async take(length: number, orEnd = false): Promise<Uint8Array | undefined> {
		const bytes = new Uint8Array(length);
		for (let filled = 0; filled < length; ) {
			if (!(await this.#fill())) {
				if (orEnd && filled === 0) return undefined;
				throw badFile(this.#path, 'it is truncated: the archive ends in the middle of a file', DAMAGED_ADVICE);
			}
			const part = this.#rest.subarray(0, length - filled);
			bytes.set(part, filled);
			filled += part.length;
			this.#rest = this.#rest.subarray(part.length);
		}
		return bytes;
	}

	async skip(length: number): Promise<void> {
		for (let left = length; left > 0; ) {
			if (!(await this.#fill())) {
				throw badFile(this.#path, 'it is truncated: the archive ends in the middle of a file', DAMAGED_ADVICE);
			}
			const part = Math.min(left, this.#rest.length);
			this.#rest = this.#rest.subarray(part);
			left -= part;
		}
	}

	async drain(): Promise<void> {
		while (await this.#fill()) this.#rest = new Uint8Array(0);
	}

	/** Reads a chunk if none is left; false at the end. */
	async #fill(): Promise<boolean> {
		while (this.#rest.length === 0) {
			let next: IteratorResult<Uint8Array>;
			try {
				next = await this.#chunks.next();
			} catch (error) {
				const code = (error as { code?: unknown }).code;
				throw typeof code === 'string' && code.startsWith('Z_')
					? gzipError(this.#path, error)
					: fileSystemError('read', this.#path, error);
			}
			if (next.done === true) return false;
			this.#rest = next.value;
		}
		return true;
	}
}
