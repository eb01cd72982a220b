import { codeBlocks } from './blocks.js';
import type { Page } from './pages.js';

/** Code in the sentences of a page: `like this`. */

export interface CodeSpan {
	readonly page: string;
	readonly line: number;
	readonly text: string;
	/** The paragraph, list item or row of a table that it stands in. */
	readonly paragraph: string;
}

/** The page without its code blocks, fences included. */
function sentences(page: Page): readonly string[] {
	const lines = [...page.lines];
	for (const { line, lines: code } of codeBlocks(page)) lines.fill('', line - 2, line + code.length);
	return lines;
}

export function codeSpans(page: Page): readonly CodeSpan[] {
	const spans: CodeSpan[] = [];
	let start = 1;
	const lines = sentences(page);
	for (const paragraph of lines.join('\n').split(/\n(?=\s*\n|\s*[-*] |\|)/)) {
		// A span may go on in the next line.
		for (const match of paragraph.matchAll(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/gs)) {
			const line = start + (paragraph.slice(0, match.index).match(/\n/g)?.length ?? 0);
			spans.push({ page: page.path, line, text: (match[2] as string).replace(/\s+/g, ' ').trim(), paragraph });
		}
		start += (paragraph.match(/\n/g)?.length ?? 0) + 1;
	}
	return spans;
}
