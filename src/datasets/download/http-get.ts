import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/**
 * HTTP as a download needs it. Not `fetch`: that unpacks what a server sends with Content-Encoding, so that a `.gz` which a server
 * takes for an encoding never arrives as it lies there; and it refuses addresses with a name and password.
 */

/** As many as `fetch` follows. */
const MAXIMUM_REDIRECTS = 20;
const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/** An address for messages: without name and password. */
export function publicAddress(address: string): string {
	if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) return address.replace(/^.*@/s, '…@');
	const { url, authorization } = splitCredentials(new URL(address));
	return authorization === undefined ? address : url.href;
}

/**
 * Asks for an address and follows redirects. A name and password in the address are sent as basic authentication, to its own origin
 * alone. The body comes as it was sent, whatever its encoding.
 * @throws Error that names no password
 */
export async function httpGet(
	address: string,
	headers: Readonly<Record<string, string>>,
	signal: AbortSignal,
): Promise<IncomingMessage> {
	let { url, authorization } = splitCredentials(new URL(address));
	for (let redirects = 0; ; redirects++) {
		const response = await requestOnce(
			url,
			authorization === undefined ? headers : { ...headers, authorization },
			signal,
		);
		const { location } = response.headers;
		if (!REDIRECTS.has(response.statusCode) || location === undefined) return response;
		response.destroy();
		if (redirects === MAXIMUM_REDIRECTS) throw new Error('it redirects in a circle');
		if (!URL.canParse(location, url.href)) throw new Error('it redirects to no valid address');
		const next = splitCredentials(new URL(location, url.href));
		if (!/^https?:$/.test(next.url.protocol)) throw new Error(`it redirects to an address of ${next.url.protocol}`);
		// A redirect to another origin does not get the password.
		if (next.authorization !== undefined || next.url.origin !== url.origin) authorization = next.authorization;
		url = next.url;
	}
}

function splitCredentials(address: URL): { url: URL; authorization: string | undefined } {
	const url = new URL(address.href);
	const { username, password } = url;
	if (username === '' && password === '') return { url, authorization: undefined };
	url.username = '';
	url.password = '';
	const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`);
	return { url, authorization: `Basic ${credentials.toString('base64')}` };
}

/** A URL keeps some characters percent-encoded; a percent sign that begins no code stands for itself. */
function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function requestOnce(
	url: URL,
	headers: Readonly<Record<string, string>>,
	signal: AbortSignal,
): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(
			url,
			{ headers: { 'user-agent': 'ganno', accept: '*/*', ...headers }, signal },
			resolve,
		);
		request.on('error', reject);
		request.end();
	});
}

/** The encodings of a body, in the order they were applied. */
export function contentEncodings({ headers }: IncomingMessage): string[] {
	const names = (headers['content-encoding'] ?? '').split(',').map((name) => name.trim().toLowerCase());
	return names.filter((name) => name !== '' && name !== 'identity');
}

/** Milliseconds to wait by Retry-After, which holds seconds or a date; undefined for anything else. */
export function retryAfter({ headers }: IncomingMessage, now: number): number | undefined {
	const text = headers['retry-after']?.trim();
	if (text === undefined) return undefined;
	if (/^\d+$/.test(text)) return Number(text) * 1000;
	const date = Date.parse(text);
	return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
