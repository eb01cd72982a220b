import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GannoError, isError } from '../errors.js';
import { fileSystemError } from '../files/file-system-error.js';
import type { RemoteFile } from './sources.js';

export interface DownloadProgress {
	/** Name of the file. */
	readonly file: string;
	/** Bytes on disk, those of an earlier attempt included. */
	readonly received: number;
	readonly total: number;
}

export interface TransferOptions {
	readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
	/** Cancels: rejects with `CANCELLED`; what has arrived stays for the next time. */
	readonly signal?: AbortSignal | undefined;
	/** Attempts per address in a row that bring nothing new (default 4). */
	readonly attempts?: number;
	/** A connection that brings nothing for so long is given up (default 30,000). */
	readonly timeoutMilliseconds?: number;
	/** The wait before the second attempt (default 500); doubles with each further one. */
	readonly backoffMilliseconds?: number;
}

/** Why an address did not deliver, whether to ask it again, and whether to forget what an earlier attempt left. */
class TransferFailure extends Error {
	readonly again: boolean;
	readonly discard: boolean;

	constructor(reason: string, again: boolean, options: ErrorOptions & { readonly discard?: boolean } = {}) {
		super(reason, options);
		this.again = again;
		this.discard = options.discard ?? false;
	}
}

/**
 * Downloads a file to `target`, which appears only when it is complete and its SHA-256 is right. Bytes gather in `target.part`;
 * an interrupted download goes on from there, by a Range request, even in another process.
 * @param urls tried in order
 * @throws GannoError `DOWNLOAD_FAILED` with every address and its reason, `FILE_SYSTEM`, `CANCELLED`
 */
export async function downloadFile(
	urls: readonly string[],
	file: RemoteFile,
	target: string,
	options: TransferOptions = {},
): Promise<void> {
	const { attempts = 4, backoffMilliseconds = 500, signal } = options;
	const part = `${target}.part`;
	// It only ever gets this name when it is complete and verified.
	if ((await sizeOf(target)) === file.bytes) return;
	await mkdir(dirname(target), { recursive: true }).catch((error: unknown) => {
		throw fileSystemError('create', dirname(target), error);
	});
	const reasons: string[] = [];
	for (const url of urls) {
		let furthest = 0;
		for (let attempt = 1; attempt <= attempts; attempt++) {
			try {
				await transfer(url, file, part, options);
				await moveIntoPlace(part, target);
				return;
			} catch (error) {
				if (signal?.aborted === true) {
					throw new GannoError('CANCELLED', `The download of ${file.name} was cancelled; it will go on from there.`, {
						cause: error,
					});
				}
				if (!(error instanceof TransferFailure)) throw error;
				if (!error.again || attempt === attempts) {
					reasons.push(`  ${url}: ${error.message}`);
					break;
				}
				const size = await sizeOf(part);
				if (size > furthest) {
					// Slow and shaky, but it moves: only attempts without progress count.
					furthest = size;
					attempt = 0;
				}
				await delay(backoffMilliseconds * 2 ** attempt, undefined, { signal }).catch(() => {});
			}
		}
	}
	throw new GannoError('DOWNLOAD_FAILED', `Could not download ${file.name}:\n${reasons.join('\n')}`);
}

async function transfer(url: string, file: RemoteFile, part: string, options: TransferOptions): Promise<void> {
	// A part that is no use is removed, never emptied: another process may just have moved it into place.
	if ((await sizeOf(part)) > file.bytes) await rm(part, { force: true });
	let resumed: boolean;
	let digest: string;
	try {
		// Written at explicit positions: two processes that download the same file write the same bytes to the same places.
		const handle = await open(part, constants.O_RDWR | constants.O_CREAT, 0o666);
		try {
			resumed = await receive(url, file, handle, options);
			digest = await sha256(handle);
		} finally {
			await handle.close();
		}
	} catch (error) {
		if (error instanceof TransferFailure && error.discard) await rm(part, { force: true });
		if ((error as { syscall?: unknown }).syscall === undefined) throw error;
		throw fileSystemError('write', part, error, 'What has arrived is kept');
	}
	if (digest === file.sha256) return;
	await rm(part, { force: true });
	// What an earlier attempt left may have been wrong; a whole file that is wrong will be wrong again.
	throw new TransferFailure(`its SHA-256 is ${digest}, not ${file.sha256}`, resumed);
}

/** Fetches what is missing. @returns whether bytes of an earlier attempt were kept */
async function receive(
	url: string,
	file: RemoteFile,
	handle: FileHandle,
	{ onProgress, signal, timeoutMilliseconds = 30_000 }: TransferOptions,
): Promise<boolean> {
	let offset = (await handle.stat()).size;
	if (offset === file.bytes) return true;

	const stalled = new AbortController();
	const giveUp = () => stalled.abort();
	let watchdog = setTimeout(giveUp, timeoutMilliseconds);
	const explain = (error: unknown): TransferFailure => {
		if (stalled.signal.aborted) return new TransferFailure(`nothing came for ${timeoutMilliseconds / 1000} s`, true);
		const { cause, message } = error as Error;
		const reason = isError(cause) && cause.message !== '' ? cause.message : message;
		return new TransferFailure(`the connection failed (${reason})`, true, { cause: error });
	};
	try {
		const response = await fetch(url, {
			// identity: the file as it lies there; a .gz must not be unpacked on the way.
			headers: { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
			signal: signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
		}).catch((error: unknown) => {
			throw explain(error);
		});
		const start = await startOf(response, offset, file);
		const resumed = start > 0;
		offset = start;
		if (response.body === null) throw new TransferFailure('the answer is empty', true);
		onProgress?.({ file: file.name, received: offset, total: file.bytes });
		const chunks = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
		for (;;) {
			const next = await chunks.next().catch((error: unknown) => {
				throw explain(error);
			});
			if (next.done === true) break;
			clearTimeout(watchdog);
			watchdog = setTimeout(giveUp, timeoutMilliseconds);
			if (offset + next.value.length > file.bytes) {
				await chunks.return?.();
				throw new TransferFailure(`it has more than the ${file.bytes} bytes expected`, false);
			}
			await writeAll(handle, next.value, offset);
			offset += next.value.length;
			onProgress?.({ file: file.name, received: offset, total: file.bytes });
		}
		if (offset < file.bytes) {
			throw new TransferFailure(`the connection closed after ${offset} of ${file.bytes} bytes`, true);
		}
		await handle.sync();
		return resumed;
	} finally {
		clearTimeout(watchdog);
	}
}

/** Where in the file the answer's body begins. */
async function startOf(response: Response, offset: number, file: RemoteFile): Promise<number> {
	const { status } = response;
	const refuse = async (reason: string, again: boolean, discard = false): Promise<never> => {
		await response.body?.cancel();
		throw new TransferFailure(reason, again, { discard });
	};
	if (status === 206) {
		const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
		if (range !== null && Number(range[1]) === offset && (range[2] === '*' || Number(range[2]) === file.bytes)) {
			return offset;
		}
		return refuse('it answered with another part than was asked for', true, true);
	}
	if (status === 416) return refuse('it cannot continue the download', true, true);
	if (status !== 200) {
		return refuse(`HTTP status ${status}`, status >= 500 || status === 408 || status === 425 || status === 429);
	}
	const length = response.headers.get('content-length');
	if (length !== null && Number(length) !== file.bytes) {
		return refuse(`it has ${length} bytes, not ${file.bytes}`, false);
	}
	// The server ignored the Range header and sends everything.
	return 0;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
	for (let written = 0; written < chunk.length; ) {
		const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, position + written);
		written += bytesWritten;
	}
}

async function moveIntoPlace(part: string, target: string): Promise<void> {
	try {
		await rename(part, target);
	} catch (error) {
		// Another process that downloaded the same file was faster.
		if ((error as { code?: unknown }).code === 'ENOENT' && (await sizeOf(target)) > 0) return;
		throw fileSystemError('write', target, error);
	}
}

async function sizeOf(path: string): Promise<number> {
	return stat(path).then(
		({ size }) => size,
		() => 0,
	);
}

async function sha256(handle: FileHandle): Promise<string> {
	const hash = createHash('sha256');
	const options = { start: 0, autoClose: false, highWaterMark: 1 << 20 };
	for await (const chunk of handle.createReadStream(options)) hash.update(chunk as Uint8Array);
	return hash.digest('hex');
}
