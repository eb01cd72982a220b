import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { counted } from '../../counted.js';
import { GannoError, isError } from '../../errors.js';
import { fileSystemError } from '../../files/file-system-error.js';
import { decodeInPlace } from './content-encoding.js';
import { contentEncodings, httpGet, publicAddress, retryAfter } from './http-get.js';
import type { RemoteFile } from './sources.js';

// By hand on Node's own http, as downloaders on npm (ipull, easydl, node-downloader-helper) resume, but neither hold what arrived against a
// SHA-256 before it takes its name nor go on at another mirror.

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
	/** Attempts per address in a row without progress (default 4). */
	readonly attempts?: number;
	/** A connection without data for this long is given up (default 30,000). */
	readonly timeoutMilliseconds?: number;
	/** The wait before the second attempt (default 500); doubles with each further one. */
	readonly backoffMilliseconds?: number;
	/** Waits; replaced in tests. */
	readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** A server that asks to wait longer is given up. */
const MAXIMUM_WAIT_MILLISECONDS = 60_000;

interface FailureOptions extends ErrorOptions {
	/** Discard the bytes of this attempt and earlier ones. */
	readonly discard?: boolean;
	/** Milliseconds before the next attempt, at least. */
	readonly waitMilliseconds?: number | undefined;
}

/** Why an address failed, and whether to try it again. */
class TransferFailure extends Error {
	readonly again: boolean;
	readonly discard: boolean;
	readonly waitMilliseconds: number;

	constructor(reason: string, again: boolean, options: FailureOptions = {}) {
		super(reason, options);
		this.again = again;
		this.discard = options.discard ?? false;
		this.waitMilliseconds = options.waitMilliseconds ?? 0;
	}
}

async function waitFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
	// Cut short by a cancellation, which the next attempt notices.
	await delay(milliseconds, undefined, { signal }).catch(() => {});
}

/**
 * Downloads a file to `target`, which appears only when it is complete and its SHA-256 is right. Bytes gather in `target.part`;
 * an interrupted download goes on from there, by a Range request, even in another process. What a server sends with an encoding may be the
 * file as it is (a `.gz` that a server took for an encoding) or the encoded file: the checksum decides.
 * @param urls tried in order; a name and password in one are sent, and never shown
 * @throws GannoError `DOWNLOAD_FAILED` with every address and its reason, `FILE_SYSTEM`, `CANCELLED`
 */
export async function downloadFile(
	urls: readonly string[],
	file: RemoteFile,
	target: string,
	options: TransferOptions = {},
): Promise<void> {
	const { attempts = 4, backoffMilliseconds = 500, signal, wait = waitFor } = options;
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
					reasons.push(`  ${publicAddress(url)}: ${error.message}`);
					break;
				}
				const size = await sizeOf(part);
				if (size > furthest) {
					// A slow connection is no failure: only attempts without progress count.
					furthest = size;
					attempt = 0;
				}
				await wait(Math.max(backoffMilliseconds * 2 ** attempt, error.waitMilliseconds), signal);
			}
		}
	}
	throw new GannoError('DOWNLOAD_FAILED', `Could not download ${file.name}:\n${reasons.join('\n')}`);
}

async function transfer(url: string, file: RemoteFile, part: string, options: TransferOptions): Promise<void> {
	// A useless part is removed, never emptied: another process may just have moved it into place.
	if ((await sizeOf(part)) > file.bytes) await rm(part, { force: true });
	let received: Received;
	let digest: string;
	try {
		// Written at explicit positions: two processes that download the same file write the same bytes to the same places.
		const handle = await open(part, constants.O_RDWR | constants.O_CREAT, 0o666);
		try {
			received = await receive(url, file, handle, options);
			digest = await sha256(handle);
		} finally {
			await handle.close();
		}
		if (digest === file.sha256) return;
		if (received.encodings.length > 0 && (await decodeInPlace(part, received.encodings, file))) return;
	} catch (error) {
		if (error instanceof TransferFailure && error.discard) await rm(part, { force: true });
		if ((error as { syscall?: unknown }).syscall === undefined) throw error;
		throw fileSystemError('write', part, error, 'What has arrived is kept');
	}
	await rm(part, { force: true });
	// What an earlier attempt left may have been wrong; a whole file that is wrong will be wrong again.
	const encoded =
		received.encodings.length === 0 ? '' : ` (it came with the encoding ${received.encodings.join(', ')})`;
	throw new TransferFailure(`its SHA-256 is ${digest}, not ${file.sha256}${encoded}`, received.resumed);
}

interface Received {
	/** Whether bytes of an earlier attempt were kept. */
	readonly resumed: boolean;
	/** With which the server says it sent them. */
	readonly encodings: readonly string[];
}

/** Fetches what is missing. */
async function receive(
	url: string,
	file: RemoteFile,
	handle: FileHandle,
	{ onProgress, signal, timeoutMilliseconds = 30_000 }: TransferOptions,
): Promise<Received> {
	let offset = (await handle.stat()).size;
	if (offset === file.bytes) return { resumed: true, encodings: [] };

	const stalled = new AbortController();
	const giveUp = () => stalled.abort();
	let watchdog = setTimeout(giveUp, timeoutMilliseconds);
	const explain = (error: unknown): TransferFailure => {
		if (stalled.signal.aborted) return new TransferFailure(`nothing came for ${timeoutMilliseconds / 1000} s`, true);
		return new TransferFailure(`the connection failed (${reasonOf(error)})`, true, { cause: error });
	};
	let response: IncomingMessage | undefined;
	try {
		response = await httpGet(
			url,
			// identity: a file that a server would pack on the way needs no unpacking here.
			{ 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
			signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
		).catch((error: unknown) => {
			throw explain(error);
		});
		const encodings = contentEncodings(response);
		const start = startOf(response, offset, file);
		const resumed = start > 0;
		offset = start;
		// Encoded, what cannot be made smaller gets a little larger.
		const most = encodings.length === 0 ? file.bytes : Math.ceil(file.bytes * 1.1) + 4096;
		onProgress?.({ file: file.name, received: offset, total: file.bytes });
		const chunks = (response as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
		for (;;) {
			const next = await chunks.next().catch((error: unknown) => {
				throw explain(error);
			});
			if (next.done === true) break;
			clearTimeout(watchdog);
			watchdog = setTimeout(giveUp, timeoutMilliseconds);
			if (offset + next.value.length > most) {
				throw new TransferFailure(`it has more than the ${file.bytes} bytes expected`, false);
			}
			await writeAll(handle, next.value, offset);
			offset += next.value.length;
			onProgress?.({ file: file.name, received: Math.min(offset, file.bytes), total: file.bytes });
		}
		if (offset < file.bytes && encodings.length === 0) throw tooShort(response, offset, file);
		await handle.truncate(offset);
		await handle.sync();
		return { resumed, encodings };
	} finally {
		clearTimeout(watchdog);
		response?.destroy();
	}
}

/** What went wrong with a connection; several addresses of one host that all failed have an error without a message. */
function reasonOf(error: unknown): string {
	const { message, errors } = error as { readonly message?: string; readonly errors?: readonly unknown[] };
	if (message !== undefined && message !== '') return message;
	const first = errors?.[0];
	return isError(first) ? first.message : String(error);
}

function tooShort({ headers }: IncomingMessage, received: number, file: RemoteFile): TransferFailure {
	// A login or error page: the next attempt would get the same.
	if (headers['content-type']?.startsWith('text/html') === true) {
		return new TransferFailure('it answered with a web page, not with the file', false, { discard: true });
	}
	return new TransferFailure(`the connection closed after ${received} of ${file.bytes} bytes`, true);
}

/** Where in the file the answer's body begins. */
function startOf(response: IncomingMessage, offset: number, file: RemoteFile): number {
	const { statusCode: status = 0, headers } = response;
	if (status === 206) {
		const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
		if (range !== null && Number(range[1]) === offset && (range[2] === '*' || Number(range[2]) === file.bytes)) {
			return offset;
		}
		throw new TransferFailure('it answered with another part than was asked for', true, { discard: true });
	}
	if (status === 416) throw new TransferFailure('it cannot continue the download', true, { discard: true });
	if (status !== 200) throw refusal(response, status);
	const length = headers['content-length'];
	if (length !== undefined && Number(length) !== file.bytes && contentEncodings(response).length === 0) {
		throw new TransferFailure(`it has ${counted(Number(length), 'byte')}, not ${file.bytes}`, false);
	}
	// The server ignored the Range header and sends everything.
	return 0;
}

function refusal(response: IncomingMessage, status: number): TransferFailure {
	if (status === 401) {
		const advice = 'it wants a name and password, or other ones: https://NAME:PASSWORD@HOST/…';
		return new TransferFailure(`HTTP status 401 (${advice})`, false);
	}
	const waitMilliseconds = retryAfter(response, Date.now());
	if (waitMilliseconds !== undefined && waitMilliseconds > MAXIMUM_WAIT_MILLISECONDS) {
		const seconds = Math.ceil(waitMilliseconds / 1000);
		return new TransferFailure(`HTTP status ${status}, and it asks to be left alone for ${seconds} s`, false);
	}
	const again = status >= 500 || status === 408 || status === 425 || status === 429;
	return new TransferFailure(`HTTP status ${status}`, again, { waitMilliseconds });
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
		// Another process has downloaded the same file.
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
