import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DownloadProgress, downloadFile, type TransferOptions } from '../../src/datasets/download/download.js';
import type { DatasetDefinition, RemoteFile } from '../../src/datasets/download/sources.js';
import { loadDatasetFrom } from '../../src/datasets/load.js';
import { GannoError } from '../../src/errors.js';
import { TINY_IDX, tinyIdxFiles } from '../support/dataset-files.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let folder: string;
let server: Server;
let base: string;
/** `path` or `path range` of every request, in order. */
let requests: string[];
/** What the server does with the n-th request; the last one stands for all that follow. */
let handlers: Handler[];

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-download-'));
	requests = [];
	handlers = [];
	server = createServer((request, response) => {
		const { range } = request.headers;
		requests.push(range === undefined ? (request.url as string) : `${request.url} ${range}`);
		(handlers[Math.min(requests.length, handlers.length) - 1] as Handler)(request, response);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
	vi.stubEnv('GANNO_DATA_DIR', '');
	vi.stubEnv('GANNO_DATA_URL', '');
});
afterEach(async () => {
	vi.unstubAllEnvs();
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
	rmSync(folder, { recursive: true, force: true });
});

// Larger than one chunk of the network, so that "in the middle" is really in the middle.
const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 256));

function remote(name: string, content: Buffer): RemoteFile {
	return { name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** As a good server does it: whole, or from the byte asked for. */
function serve(content: Buffer): Handler {
	return (request, response) => {
		const begin = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
		const range = { 'content-range': `bytes ${begin}-${content.length - 1}/${content.length}` };
		response.writeHead(begin > 0 ? 206 : 200, {
			'content-length': content.length - begin,
			...(begin > 0 ? range : {}),
		});
		response.end(content.subarray(begin));
	};
}

/** Sends the bytes up to `end`, then cuts the connection. */
function cutAfter(content: Buffer, end: number): Handler {
	return (request, response) => {
		const begin = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
		response.writeHead(begin > 0 ? 206 : 200, {
			'content-length': content.length - begin,
			...(begin > 0 ? { 'content-range': `bytes ${begin}-${content.length - 1}/${content.length}` } : {}),
		});
		response.write(content.subarray(begin, end), () => response.socket?.destroy());
	};
}

const status =
	(code: number): Handler =>
	(_, response) => {
		response.writeHead(code);
		response.end('nothing for you');
	};

/** Byte by byte in one call: a deep comparison of 300,000 elements takes half a second. */
function expectContent(path: string): void {
	expect(readFileSync(path).equals(CONTENT)).toBe(true);
}

/** Sends content without saying how long it is. */
const chunked =
	(content: Buffer): Handler =>
	(_, response) => {
		response.writeHead(200, { 'transfer-encoding': 'chunked' });
		response.end(content);
	};

async function failure(action: Promise<unknown>): Promise<GannoError> {
	const error = await action.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(GannoError);
	return error as GannoError;
}

describe('a download', () => {
	const file = remote('data.bin', CONTENT);
	const target = () => join(folder, 'a', 'b', 'data.bin');
	const download = (options: TransferOptions = {}, urls = [`${base}/data.bin`]) =>
		downloadFile(urls, file, target(), { backoffMilliseconds: 0, ...options });

	test('arrives whole, verified, with its progress told', async () => {
		handlers = [serve(CONTENT)];
		const progress: DownloadProgress[] = [];
		await download({ onProgress: (event) => progress.push(event) });
		expectContent(target());
		expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['data.bin']);
		expect(progress[0]).toEqual({ file: 'data.bin', received: 0, total: CONTENT.length });
		expect(progress.at(-1)).toEqual({ file: 'data.bin', received: CONTENT.length, total: CONTENT.length });
		// What is there is not asked for again.
		await download();
		expect(requests).toEqual(['/data.bin']);
	});

	test('goes on after a cut connection, with a Range request', async () => {
		handlers = [cutAfter(CONTENT, 200_000), serve(CONTENT)];
		await download();
		expectContent(target());
		expect(requests).toHaveLength(2);
		const offset = Number(/^\/data\.bin bytes=(\d+)-$/.exec(requests[1] as string)?.[1]);
		expect(offset).toBeGreaterThan(0);
		expect(offset).toBeLessThanOrEqual(200_000);
	});

	test('goes on from what an earlier process left', async () => {
		mkdirSync(join(folder, 'a', 'b'), { recursive: true });
		writeFileSync(`${target()}.part`, CONTENT.subarray(0, 123_456));
		handlers = [serve(CONTENT)];
		const received: number[] = [];
		await download({ onProgress: (event) => received.push(event.received) });
		expect(requests).toEqual(['/data.bin bytes=123456-']);
		expect(received[0]).toBe(123_456);
		expectContent(target());
	});

	test('needs no server for a part that was complete', async () => {
		mkdirSync(join(folder, 'a', 'b'), { recursive: true });
		writeFileSync(`${target()}.part`, CONTENT);
		await download();
		expect(requests).toEqual([]);
		expectContent(target());
	});

	test('starts again when what was left is wrong or too long', async () => {
		mkdirSync(join(folder, 'a', 'b'), { recursive: true });
		handlers = [serve(CONTENT)];
		for (const [left, asked] of [
			[Buffer.alloc(1000, 7), ['/data.bin bytes=1000-', '/data.bin']],
			[Buffer.alloc(CONTENT.length + 1), ['/data.bin']],
			[Buffer.alloc(CONTENT.length), ['/data.bin']],
		] as const) {
			requests = [];
			rmSync(target(), { force: true });
			writeFileSync(`${target()}.part`, left);
			await download();
			expect(requests).toEqual(asked);
			expectContent(target());
		}
	});

	test('copes with a server that ignores Range', async () => {
		const whole: Handler = (_, response) => {
			response.writeHead(200, { 'content-length': CONTENT.length });
			response.end(CONTENT);
		};
		handlers = [cutAfter(CONTENT, 150_000), whole];
		await download();
		expect(requests[1]).toMatch(/bytes=\d+-/);
		expectContent(target());
	});

	test('copes with a server that answers with another part, or cannot continue', async () => {
		mkdirSync(join(folder, 'a', 'b'), { recursive: true });
		const wrongPart: Handler = (_, response) => {
			response.writeHead(206, { 'content-range': `bytes 0-9/${CONTENT.length}`, 'content-length': 10 });
			response.end(CONTENT.subarray(0, 10));
		};
		for (const bad of [wrongPart, status(416)]) {
			requests = [];
			rmSync(target(), { force: true });
			writeFileSync(`${target()}.part`, CONTENT.subarray(0, 5000));
			handlers = [bad, serve(CONTENT)];
			await download();
			expect(requests).toEqual(['/data.bin bytes=5000-', '/data.bin']);
			expectContent(target());
		}
	});

	test('tries again after a server error, and goes to the next address after a refusal', async () => {
		handlers = [status(503), status(404), serve(CONTENT)];
		await download({}, [`${base}/one`, `${base}/two`]);
		expect(requests).toEqual(['/one', '/one', '/two']);
		expectContent(target());
	});

	test('moves forward through any number of cuts, as long as each attempt brings something', async () => {
		handlers = [...Array.from({ length: 10 }, (_, i) => cutAfter(CONTENT, (i + 1) * 25_000)), serve(CONTENT)];
		await download({ attempts: 2 });
		expectContent(target());
	});

	test.each<[string, () => Handler, number, RegExp]>([
		['404', () => status(404), 1, /HTTP status 404/],
		['500', () => status(500), 3, /HTTP status 500/],
		[
			'content with a wrong checksum',
			() => serve(Buffer.from(CONTENT).fill(0, 77, 99)),
			1,
			/its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}/,
		],
		['another size', () => serve(CONTENT.subarray(1)), 1, /it has 299999 bytes, not 300000/],
		[
			'more than it should, without saying',
			() => chunked(Buffer.concat([CONTENT, CONTENT])),
			1,
			/more than the 300000 bytes expected/,
		],
		['less than it should, without saying', () => chunked(Buffer.alloc(0)), 3, /closed after 0 of 300000 bytes/],
		['cut connections', () => (request) => request.socket.destroy(), 3, /the connection failed/],
	])('that gives %s fails after the right number of attempts', async (_, handler, asked, reason) => {
		handlers = [handler()];
		const error = await failure(download({ attempts: 3 }));
		expect(error.code).toBe('DOWNLOAD_FAILED');
		expect(error.message).toContain(`${base}/data.bin: `);
		expect(error.message).toMatch(reason);
		expect(requests).toHaveLength(asked);
		expect(existsSync(target())).toBe(false);
	});

	test('gives up a connection on which nothing comes', async () => {
		handlers = [() => {}];
		const error = await failure(download({ attempts: 1, timeoutMilliseconds: 20 }));
		expect(error.message).toMatch(/nothing came for 0.02 s/);
	});

	test('says why nobody answered', async () => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
		const error = await failure(download({ attempts: 1 }));
		expect(error.message).toMatch(/ECONNREFUSED/);
	});

	test('can be cancelled, and then keeps what has arrived', async () => {
		const abort = new AbortController();
		handlers = [
			(_, response) => {
				response.writeHead(200, { 'content-length': CONTENT.length });
				response.write(CONTENT.subarray(0, 100_000));
			},
			serve(CONTENT),
		];
		const onProgress = ({ received }: DownloadProgress) => {
			if (received > 0) abort.abort();
		};
		const error = await failure(download({ signal: abort.signal, onProgress }));
		expect(error.code).toBe('CANCELLED');
		expect(existsSync(target())).toBe(false);
		expect(statSync(`${target()}.part`).size).toBeGreaterThan(0);
		await download();
		expect(requests[1]).toMatch(/bytes=\d+-/);
		expectContent(target());
	});

	test('done twice at once gives the file once', async () => {
		handlers = [serve(CONTENT)];
		await Promise.all([download(), download(), download()]);
		expectContent(target());
		expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['data.bin']);
	});

	test('into a place that cannot be written says so, without asking anybody', async () => {
		writeFileSync(join(folder, 'a'), 'a file where a folder should be');
		const error = await failure(download());
		expect(error.code).toBe('FILE_SYSTEM');
		expect(requests).toEqual([]);
	});

	test('passes on what its progress callback throws', async () => {
		handlers = [serve(CONTENT)];
		const onProgress = () => {
			throw new RangeError('mine');
		};
		await expect(download({ onProgress })).rejects.toThrow(RangeError);
	});
});

describe('a data set that is nowhere on disk', () => {
	const packed = new Map([...tinyIdxFiles()].map(([name, content]) => [`${name}.gz`, gzipSync(content)]));
	const definition = (): DatasetDefinition => ({
		...TINY_IDX,
		downloads: [...packed].map(([name, content]) => remote(name, content)),
		mirrors: [`${base}/mirror/`],
	});
	const byName: Handler = (request, response) => {
		const content = packed.get((request.url as string).split('/').at(-1) as string);
		if (content === undefined) status(404)(request, response);
		else serve(content)(request, response);
	};
	const cache = () => join(folder, 'cache', 'ganno', 'tiny-idx');

	test('is downloaded into the cache, once', async () => {
		handlers = [byName];
		const files: string[] = [];
		const onProgress = ({ file }: DownloadProgress) => void (files.includes(file) || files.push(file));
		const dataset = await loadDatasetFrom(definition(), { onProgress });
		expect(dataset.splits.test.length).toBe(9);
		expect(dataset.files?.[0]).toBe(join(cache(), 'train-images-idx3-ubyte.gz'));
		expect(files).toEqual([...packed.keys()]);
		expect(requests).toEqual([...packed.keys()].map((name) => `/mirror/${name}`));
		await loadDatasetFrom(definition());
		expect(requests).toHaveLength(4);
		// Only what is missing is fetched.
		rmSync(join(cache(), 't10k-labels-idx1-ubyte.gz'));
		await loadDatasetFrom(definition());
		expect(requests).toHaveLength(5);
	});

	test('comes from GANNO_DATA_URL when that is set', async () => {
		handlers = [byName];
		vi.stubEnv('GANNO_DATA_URL', `${base}/own/`);
		await loadDatasetFrom({ ...definition(), mirrors: ['http://127.0.0.1:1/'] });
		expect(requests[0]).toBe('/own/tiny-idx/train-images-idx3-ubyte.gz');
		vi.stubEnv('GANNO_DATA_URL', 'ftp://somewhere');
		rmSync(cache(), { recursive: true });
		expect((await failure(loadDatasetFrom(definition()))).message).toMatch(/http or https address for GANNO_DATA_URL/);
	});

	test('and cannot be had: the error lists every address, every place and what to do', async () => {
		handlers = [status(404)];
		mkdirSync(join(folder, 'mine'));
		const error = await failure(
			loadDatasetFrom(definition(), { dataDirectory: join(folder, 'mine') }, { backoffMilliseconds: 0 }),
		);
		expect(error.code).toBe('DOWNLOAD_FAILED');
		for (const text of [
			`${base}/mirror/train-images-idx3-ubyte.gz: HTTP status 404`,
			`${join(folder, 'mine', 'tiny-idx')}: no such folder`,
			`${join(folder, 'mine')}: none of the files`,
			`${cache()}: no such folder`,
			'apt-get install dataset-tiny\n',
			`${[...packed.keys()].join(', ')} into ${cache()}`,
			'GANNO_DATA_DIR',
			'--dataset synthetic',
		]) {
			expect(error.message).toContain(text);
		}
	});

	const curl = spawnSync('curl', ['--version']).status === 0;
	test.runIf(curl)('comes by the command that the error prints', async () => {
		handlers = [status(404)];
		const error = await failure(loadDatasetFrom(definition(), {}, { backoffMilliseconds: 0 }));
		const command = /^ {6}(curl .*)$/m.exec(error.message)?.[1] as string;
		handlers = [byName];
		await promisify(execFile)('sh', ['-c', command]);
		const dataset = await loadDatasetFrom(definition(), { download: false });
		expect(dataset.files?.[0]).toBe(join(cache(), 'train-images-idx3-ubyte.gz'));
	});
});
