import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { badFile, fileSystemError } from '../files/file-system-error.js';
import type { DataFile } from './download/locate.js';

const gunzipBuffer = promisify(gunzip);

export const DAMAGED_ADVICE = 'Delete the file and get it again';

/**
 * The content of a data set's file. Where it lies there both plain and gzipped, both must say the same: one of them may be of another
 * data set, or a part of a download.
 * @param maximum as in {@link readContent}
 */
export async function readDataFile({ path, gzipped }: DataFile, maximum: number): Promise<Buffer> {
	const content = await readContent(path, maximum);
	if (gzipped !== undefined && !content.equals(await readContent(gzipped, maximum))) {
		throw badFile(path, `it says something else than ${gzipped} beside it`, 'Delete the one that is wrong');
	}
	return content;
}

/**
 * A file's content, decompressed when it is gzip (recognised by its first bytes, not by its name). Decompression runs off the main
 * thread.
 * @param maximum more bytes than this are not what was asked for; a small file cannot fill the memory
 */
export async function readContent(path: string, maximum: number): Promise<Buffer> {
	let bytes: Buffer;
	try {
		bytes = await readFile(path);
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	if (!isGzip(bytes)) return bytes;
	try {
		return await gunzipBuffer(bytes, { maxOutputLength: maximum + 1 });
	} catch (error) {
		throw gzipError(path, error, maximum);
	}
}

export function isGzip(bytes: Uint8Array): boolean {
	return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

export function gzipError(path: string, error: unknown, maximum?: number) {
	const code = (error as { code?: unknown }).code;
	const problem =
		code === 'ERR_BUFFER_TOO_LARGE'
			? `it decompresses to more than the ${maximum} bytes expected`
			: code === 'Z_BUF_ERROR'
				? 'it is truncated: the gzip stream ends too early'
				: `its gzip stream is damaged (${(error as Error).message})`;
	return badFile(path, problem, DAMAGED_ADVICE, error);
}
