import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { type Duplex, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { RemoteFile } from './sources.js';

/** Content-Encoding of HTTP, undone on disk once a whole body is there. */

const DECODERS: Readonly<Record<string, () => Duplex>> = {
	gzip: createGunzip,
	'x-gzip': createGunzip,
	deflate: createInflate,
	br: createBrotliDecompress,
};

/**
 * Replaces a body by what it encodes, where that is the file.
 * @param encodings in the order they were applied
 * @returns whether it is; not where an encoding is unknown
 */
export async function decodeInPlace(path: string, encodings: readonly string[], file: RemoteFile): Promise<boolean> {
	if (!encodings.every((name) => Object.hasOwn(DECODERS, name))) return false;
	const decoders = encodings.map((name) => (DECODERS[name] as () => Duplex)()).reverse();
	// Random, so that two downloads of one file each have their own.
	const decoded = `${path}.${randomBytes(6).toString('hex')}`;
	const hash = createHash('sha256');
	let size = 0;
	const validator = new Transform({
		transform(chunk: Buffer, _, done) {
			size += chunk.length;
			if (size <= file.bytes) hash.update(chunk);
			done(size > file.bytes ? new RangeError('more than the file') : null, chunk);
		},
	});
	try {
		await pipeline([
			createReadStream(path),
			...decoders,
			validator,
			createWriteStream(decoded, { flags: 'wx', flush: true }),
		]);
		if (hash.digest('hex') !== file.sha256) return false;
		await rename(decoded, path);
		return true;
	} catch (error) {
		// A failing disk has a system call to name; anything else means that this is no encoding of the file.
		if ((error as { syscall?: unknown }).syscall !== undefined) throw error;
		return false;
	} finally {
		await rm(decoded, { force: true });
	}
}
