import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { downloadFile, type TransferOptions } from '../../src/datasets/download/download.js';
import { publicAddress } from '../../src/datasets/download/http-get.js';
import { loadDatasetFrom } from '../../src/datasets/load.js';
import { GannoError } from '../../src/errors.js';
import { TINY_IDX } from '../support/dataset-files.js';

/** Servers as people have them. Two, so that one can lead to another origin. */

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const PASSWORD = 's3cr+t@home';
const ADDRESS_CREDENTIALS = `al%20ice:${encodeURIComponent(PASSWORD)}`;
const AUTHORIZATION = `Basic ${Buffer.from(`al ice:${PASSWORD}`).toString('base64')}`;

// Incompressible, so that an encoded body is longer than the file, and gzipped, as data sets lie on servers.
const CONTENT = gzipSync(createHash('sha512').update('content').digest());
const FILE = { name: 'data.gz', bytes: CONTENT.length, sha256: createHash('sha256').update(CONTENT).digest('hex') };

let folder: string;
let servers: Server[];
let [base, elsewhere] = ['', ''];
let handler: Handler;
/** Path, authorization and range of every request, in order. */
let requests: {
	readonly path: string;
	readonly authorization: string | undefined;
	readonly range: string | undefined;
}[];

async function listen(): Promise<string> {
	const server = createServer((request, response) => {
		const { authorization, range } = request.headers;
		requests.push({ path: request.url!, authorization, range });
		handler(request, response);
	});
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-http-'));
	[servers, requests] = [[], []];
	[base, elsewhere] = [await listen(), await listen()];
	vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
	vi.stubEnv('GANNO_DATA_DIR', '');
});
afterEach(async () => {
	vi.unstubAllEnvs();
	for (const server of servers) {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	}
	rmSync(folder, { recursive: true, force: true });
});

let waits: number[];
async function download(urls: readonly string[], options: TransferOptions = {}): Promise<void> {
	waits = [];
	const wait = async (milliseconds: number) => void waits.push(milliseconds);
	await downloadFile(urls, FILE, join(folder, FILE.name), { attempts: 3, wait, ...options });
	expect(readFileSync(join(folder, FILE.name)).equals(CONTENT)).toBe(true);
	expect(readdirSync(folder)).toEqual([FILE.name]);
}

async function failure(action: Promise<unknown>): Promise<GannoError> {
	const error = await action.then(
		() => undefined,
		(reason: unknown) => reason,
	);
	expect(error).toBeInstanceOf(GannoError);
	return error as GannoError;
}

const send =
	(body: Buffer, headers: Record<string, string> = {}, withLength = true): Handler =>
	(_, response) => {
		response.writeHead(200, { ...headers, ...(withLength ? { 'content-length': body.length } : {}) });
		response.end(body);
	};

describe('Content-Encoding', () => {
	const encodings: [string, (bytes: Buffer) => Buffer][] = [
		['gzip', gzipSync],
		['x-gzip', gzipSync],
		['GZIP', gzipSync],
		['deflate', deflateSync],
		['br', brotliCompressSync],
		['gzip, br', (bytes) => brotliCompressSync(gzipSync(bytes))],
		['identity', (bytes) => bytes],
		['', (bytes) => bytes],
	];
	const bodies = encodings.flatMap(([name, encode]) =>
		[true, false].flatMap((withLength) => [
			{ name, withLength, what: 'for the file as it is', body: CONTENT },
			{ name, withLength, what: 'for the file encoded', body: encode(CONTENT) },
		]),
	);
	test.each(bodies)(
		'"$name" $what (with its length: $withLength) gives the file',
		async ({ name, withLength, body }) => {
			handler = send(body, { 'content-encoding': name }, withLength);
			await download([`http://${base}/data.gz`]);
			expect(requests).toHaveLength(1);
		},
	);

	test('that nobody knows does no harm to the file as it is, and is told where it is not the file', async () => {
		handler = send(CONTENT, { 'content-encoding': 'application/gzip' });
		await download([`http://${base}/data.gz`]);
		rmSync(join(folder, FILE.name));
		handler = send(gzipSync('something else'), { 'content-encoding': 'zstd' });
		const { message } = await failure(download([`http://${base}/data.gz`]));
		expect(message).toMatch(/its SHA-256 is .*\(it came with the encoding zstd\)/);
	});

	test.each(['gzip', 'br'])('"%s" that is damaged, cut, far too long or of another file is refused', async (name) => {
		const encode = name === 'gzip' ? gzipSync : brotliCompressSync;
		for (const body of [
			encode(Buffer.alloc(1e6)),
			encode(CONTENT).subarray(0, -9),
			Buffer.alloc(50),
			encode('other'),
		]) {
			handler = send(body, { 'content-encoding': name });
			expect((await failure(download([`http://${base}/data.gz`]))).code).toBe('DOWNLOAD_FAILED');
			expect(readdirSync(folder)).toEqual([]);
		}
		handler = send(Buffer.alloc(1e6), { 'content-encoding': name });
		expect((await failure(download([`http://${base}/data.gz`]))).message).toMatch(/it has more than the \d+ bytes/);
	});

	test('is no reason to lose what arrived before the connection broke', async () => {
		const half = Math.floor(CONTENT.length / 2);
		handler = (request, response) => {
			const { range } = request.headers;
			const begin = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
			response.writeHead(begin > 0 ? 206 : 200, {
				'content-encoding': 'gzip',
				'content-length': CONTENT.length - begin,
				...(begin > 0 ? { 'content-range': `bytes ${begin}-${CONTENT.length - 1}/${CONTENT.length}` } : {}),
			});
			if (begin > 0) response.end(CONTENT.subarray(begin));
			else response.write(CONTENT.subarray(0, half), () => response.socket?.destroy());
		};
		await download([`http://${base}/data.gz`]);
		expect(requests.map(({ range }) => range)).toEqual([undefined, `bytes=${half}-`]);
	});
});

describe('a name and password in the address', () => {
	const guarded: Handler = (request, response) => {
		if (request.headers.authorization !== AUTHORIZATION) {
			response.writeHead(401, { 'www-authenticate': 'Basic' });
			response.end();
		} else send(CONTENT)(request, response);
	};
	const redirectTo =
		(locations: Readonly<Record<string, string>>, then: Handler): Handler =>
		(request, response) => {
			const location = locations[request.url!];
			if (location === undefined) return then(request, response);
			response.writeHead(307, { location });
			response.end();
		};
	const withPassword = (host: string) => `http://${ADDRESS_CREDENTIALS}@${host}`;

	test('are sent', async () => {
		handler = guarded;
		await download([`${withPassword(base)}/data.gz`]);
		expect(requests).toEqual([{ path: '/data.gz', authorization: AUTHORIZATION, range: undefined }]);
	});

	test('are asked for where they are missing', async () => {
		handler = guarded;
		const { message } = await failure(download([`http://${base}/data.gz`]));
		expect(message).toContain('HTTP status 401 (it wants a name and password');
		expect(requests).toHaveLength(1);
	});

	test('go where a redirect stays, and nowhere else', async () => {
		handler = redirectTo({ '/data.gz': '/there/data.gz' }, guarded);
		await download([`${withPassword(base)}/data.gz`]);
		expect(requests.map(({ authorization }) => authorization)).toEqual([AUTHORIZATION, AUTHORIZATION]);
		rmSync(join(folder, FILE.name));

		// To another origin and back: once away, they stay away.
		requests = [];
		handler = redirectTo(
			{ '/data.gz': `http://${elsewhere}/a`, '/a': `http://${base}/b`, '/b': `http://${elsewhere}/c` },
			send(CONTENT),
		);
		await download([`${withPassword(base)}/data.gz`]);
		expect(requests.map(({ authorization }) => authorization)).toEqual([
			AUTHORIZATION,
			undefined,
			undefined,
			undefined,
		]);
	});

	test.each<[string, Handler]>([
		['a refusal', (_, response) => response.writeHead(403).end()],
		['a wrong file', send(Buffer.alloc(CONTENT.length))],
		['a cut connection', (request) => request.socket.destroy()],
		['a redirect to nowhere', (_, response) => response.writeHead(302, { location: 'http://[' }).end()],
	])('are never shown: %s', async (_, answer) => {
		handler = answer;
		const progress: string[] = [];
		const error = await failure(
			download([`${withPassword(base)}/data.gz`], { onProgress: (event) => progress.push(JSON.stringify(event)) }),
		);
		expect(error.message).toContain(`  http://${base}/data.gz: `);
		for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
			expect(`${cause.message} ${cause.stack}`).not.toMatch(/s3cr|al(%20| )ice/);
		}
		expect(progress.join()).not.toContain('s3cr');
	});

	test.each([
		`http://${ADDRESS_CREDENTIALS}@127.0.0.1:1`,
		`ftp://${ADDRESS_CREDENTIALS}@127.0.0.1`,
		'http://alice:s3cr/t@host',
		'http://alice:s3cr#t@host',
		'alice:s3cr+t@host/sets',
		'alice:s3cr@t@host',
	])('are not shown of GANNO_DATA_URL either: %s', async (address) => {
		vi.stubEnv('GANNO_DATA_URL', address);
		const definition = { ...TINY_IDX, downloads: [FILE] };
		const error = await failure(loadDatasetFrom(definition, {}, { attempts: 1 }));
		expect(error.message).not.toMatch(/s3cr|alice|al%20ice/);
		expect(publicAddress(address)).not.toMatch(/s3cr|alice|al%20ice/);
	});

	test('are all that is left out of an address', () => {
		for (const address of ['http://host/@scope/file?a=b@c', 'https://host:8080/x', 'http://127.0.0.1/ü']) {
			expect(publicAddress(address)).toBe(address);
		}
		expect(publicAddress('https://a:b@host/@scope/x?y=z')).toBe('https://host/@scope/x?y=z');
	});
});

describe('a server that is busy', () => {
	const busy =
		(status: number, headers: Record<string, string>): Handler =>
		(request, response) => {
			if (requests.length > 1) return send(CONTENT)(request, response);
			response.writeHead(status, headers);
			response.end('later');
		};

	test.each([429, 503])('(%i) is asked again when it says', async (status) => {
		handler = busy(status, { 'retry-after': '7' });
		await download([`http://${base}/data.gz`]);
		expect(waits).toEqual([7000]);
		rmSync(join(folder, FILE.name));

		requests = [];
		handler = busy(status, { 'retry-after': new Date(Date.now() + 30_000).toUTCString() });
		await download([`http://${base}/data.gz`]);
		expect(waits[0]).toBeGreaterThan(20_000);
		expect(waits[0]).toBeLessThanOrEqual(30_000);
		rmSync(join(folder, FILE.name));

		// Never sooner than without: a server may say 0, a past date, or nonsense.
		for (const text of ['0', 'Wed, 21 Oct 2015 07:28:00 GMT', 'soon']) {
			requests = [];
			handler = busy(status, { 'retry-after': text });
			await download([`http://${base}/data.gz`], { backoffMilliseconds: 50 });
			expect(waits).toEqual([100]);
			rmSync(join(folder, FILE.name));
		}
	});

	test('for long is left for the next address', async () => {
		handler = busy(503, { 'retry-after': '3600' });
		await download([`http://${base}/data.gz`, `http://${elsewhere}/data.gz`]);
		expect(waits).toEqual([]);
		requests = [];
		rmSync(join(folder, FILE.name));
		const { message } = await failure(download([`http://${base}/data.gz`]));
		expect(message).toContain('HTTP status 503, and it asks to be left alone for 3600 s');
	});
});

test.each([true, false])('a login page (with its length: %s) is no reason to ask again', async (withLength) => {
	handler = send(Buffer.from('<!DOCTYPE html>'), { 'content-type': 'text/html; charset=utf-8' }, withLength);
	await failure(download([`http://${base}/data.gz`]));
	expect(requests).toHaveLength(1);
	expect(readdirSync(folder).filter((name) => name !== 'data.gz.part')).toEqual([]);
	handler = (request, response) =>
		send(
			requests.length === 2 ? Buffer.from('<html>') : CONTENT,
			{ 'content-type': 'text/html' },
			withLength,
		)(request, response);
	await download([`http://${base}/login`, `http://${base}/data.gz`]);
});

describe('a redirect', () => {
	test.each([301, 302, 303, 307, 308])('(%i) is followed, relative or not', async (status) => {
		handler = (request, response) => {
			const next = { '/data.gz': 'there/data.gz', '/there/data.gz': `http://${elsewhere}/last` }[request.url!];
			if (next === undefined) return send(CONTENT)(request, response);
			response.writeHead(status, { location: next });
			response.end();
		};
		await download([`http://${base}/data.gz`]);
		expect(requests.map(({ path }) => path)).toEqual(['/data.gz', '/there/data.gz', '/last']);
	});

	test.each([
		['/data.gz', /redirects in a circle/],
		['file:///etc/passwd', /redirects to an address of file:/],
		['http://[', /redirects to no valid address/],
	])('to %s fails', async (location, reason) => {
		handler = (_, response) => response.writeHead(302, { location }).end();
		expect((await failure(download([`http://${base}/data.gz`], { attempts: 1 }))).message).toMatch(reason);
	});
});
