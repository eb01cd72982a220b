/**
 * The JSON of a safetensors header, more strictly than `JSON.parse` reads it, by the rules of the format and its reference
 * implementation: it begins with a brace (no byte order mark, no space), no key stands twice in an object, shapes and offsets are
 * written as integers (`0.0` is none), strings hold no half of a surrogate pair.
 */

/** The reference implementation's (serde_json's) limit. */
const MAXIMUM_DEPTH = 127;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gu;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const INTEGER_LISTS = ['shape', 'data_offsets'];
const HALF_PAIR = /\p{Surrogate}/u;

/** Whether UTF-8 has the string: it holds no half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
	return !HALF_PAIR.test(text);
}

/** An object that is open, its keys so far and the last of them; or a list, without keys. */
interface Frame {
	readonly keys: Set<string> | undefined;
	key: string;
}

/**
 * @returns the parsed header
 * @throws SyntaxError with what is wrong
 */
export function parseHeader(text: string): unknown {
	const value: unknown = JSON.parse(text);
	if (text.trimStart() !== text) throw new SyntaxError('it must begin with {, not with a space');
	checkTokens(text);
	return value;
}

/** What is left to check in valid JSON. */
function checkTokens(text: string): void {
	const open: Frame[] = [];
	let previous = '';
	for (const [token] of text.matchAll(TOKEN)) {
		const frame = open.at(-1);
		if (token === '{' || token === '[') {
			open.push({ keys: token === '{' ? new Set() : undefined, key: '' });
			if (open.length > MAXIMUM_DEPTH) throw new SyntaxError(`it nests deeper than ${MAXIMUM_DEPTH}`);
		} else if (token === '}' || token === ']') {
			open.pop();
		} else if (token.startsWith('"')) {
			const string = JSON.parse(token) as string;
			if (!isWellFormed(string)) throw new SyntaxError(`the string ${token} holds half of a surrogate pair`);
			if (frame?.keys !== undefined && previous !== ':') {
				if (frame.keys.has(string)) throw new SyntaxError(`the key ${token} stands twice`);
				frame.keys.add(string);
				frame.key = string;
			}
		} else if (/^[-\d]/.test(token) && !INTEGER.test(token)) {
			const key = open[1]?.key ?? '';
			if (INTEGER_LISTS.includes(key)) throw new SyntaxError(`${token} in ${key} is not written as an integer`);
		}
		previous = token;
	}
}
