import { readFileSync } from 'node:fs';

/** Text files in the encodings that editors save. */

/** What the file starts with where it is not plain UTF-8. */
const BYTE_ORDER_MARKS = [
	{ encoding: 'utf-16le', bytes: [0xff, 0xfe] },
	{ encoding: 'utf-16be', bytes: [0xfe, 0xff] },
] as const;

/**
 * The text of a file in UTF-8, with or without a byte order mark (Notepad, PowerShell 7), or in UTF-16 with one (`>` of PowerShell 5).
 * @throws errors of `readFileSync`
 */
export function readTextFile(path: string): string {
	const content = readFileSync(path);
	const marked = BYTE_ORDER_MARKS.find(({ bytes }) => bytes.every((byte, i) => content[i] === byte));
	return new TextDecoder(marked?.encoding ?? 'utf-8').decode(content);
}
