import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { counted } from '../../counted.js';
import { GannoError } from '../../errors.js';
import { badFile, fileSystemError } from '../../files/file-system-error.js';
import { DAMAGED_ADVICE, gzipError, isGzip } from '../content.js';

/** What an archive may unpack to: so many times what is wanted of it, and a megabyte. A small one cannot fill memory or time. */
const MOST = 8;

/**
 * The wanted files of a tar archive (gzipped or not), one at a time: the archive is streamed and only one of its files is in memory.
 * Every header's checksum is verified. Reads to the end, so that gzip's own checksum is verified too.
 * @param wanted base names of the files to yield
 * @param size bytes each of them must have
 * @throws GannoError `BAD_FILE` when it is truncated, damaged or a file has another size; `FILE_SYSTEM` when it cannot be read
 */
export async function* readTarFiles(
	path: string,
	wanted: readonly string[],
	size: number,
): AsyncGenerator<{ name: string; content: Uint8Array }> {
	// 3.1.7: from 3.1.8 on it installs seven megabytes of binaries for another runtime (bare-fs).
	const { extract } = await import('tar-stream');
	const archive = extract({ allowUnknownFormat: true }); // before ustar, as old tars write
	const gzipped = await startsAsGzip(path);
	const file = createReadStream(path);
	// An error of one stream reaches whoever reads the last.
	const bytes = gzipped ? pipeline(file, createGunzip({ chunkSize: 1 << 18 }), () => {}) : file;
	pipeline(upTo(bytes, MOST * wanted.length * size + 2 ** 20, path), archive, () => {});
	try {
		for await (const entry of archive) {
			const { name, size: length, type } = entry.header;
			if (length === undefined || !Number.isSafeInteger(length) || length < 0) {
				throw badFile(path, 'it has a file of unreadable size', DAMAGED_ADVICE);
			}
			const baseName = name.slice(name.lastIndexOf('/') + 1);
			if (type !== 'file' || !wanted.includes(baseName)) {
				entry.resume();
				continue;
			}
			if (length !== size) {
				throw badFile(path, `its file ${name} has ${counted(length, 'byte')}, not ${size}`, DAMAGED_ADVICE);
			}
			const chunks: Uint8Array[] = [];
			for await (const chunk of entry) chunks.push(chunk as Uint8Array);
			yield { name: baseName, content: Buffer.concat(chunks) };
		}
	} catch (error) {
		throw archiveError(path, error);
	}
}

async function startsAsGzip(path: string): Promise<boolean> {
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
	return isGzip(start);
}

async function* upTo(bytes: AsyncIterable<Uint8Array>, most: number, path: string): AsyncGenerator<Uint8Array> {
	let total = 0;
	for await (const chunk of bytes) {
		total += chunk.length;
		if (total > most) {
			throw badFile(
				path,
				`it unpacks to more than ${most} bytes, far more than the files that are wanted`,
				DAMAGED_ADVICE,
			);
		}
		yield chunk;
	}
}

function archiveError(path: string, error: unknown): GannoError {
	if (error instanceof GannoError) return error;
	const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
	if (typeof code === 'string') {
		return code.startsWith('Z_') ? gzipError(path, error) : fileSystemError('read', path, error);
	}
	const problem =
		message === 'Unexpected end of data'
			? 'it is truncated: the archive ends in the middle of a file'
			: 'not a tar archive, or a damaged one';
	return badFile(path, problem, DAMAGED_ADVICE, error);
}
