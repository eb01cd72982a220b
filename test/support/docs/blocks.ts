import type { Page } from './pages.js';

/**
 * The fenced code blocks of a page. What is to be done with one follows from its language, which every block must state, and from a
 * comment above the fence, which readers of the rendered page do not see:
 *
 * - `<!-- not run: why -->`: a program that is type-checked only, or commands that are checked but not run;
 * - `<!-- continues -->`: a program that goes on where the program before it on the page ended, and uses its names.
 */

export interface Block {
	readonly page: string;
	/** Of its first line of code, from 1. */
	readonly line: number;
	readonly language: string;
	readonly lines: readonly string[];
	/** Why it is only checked; absent: it is run where blocks of its kind are. */
	readonly notRun?: string;
	readonly continues: boolean;
}

interface OpenFence {
	readonly indent: number;
	readonly marks: string;
	readonly language: string;
	readonly line: number;
	readonly above: string;
	readonly lines: string[];
}

const OPENING = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;

/** @throws Error for a fence that is not closed and an unknown comment */
export function codeBlocks({ path, lines }: Page): readonly Block[] {
	const blocks: Block[] = [];
	let open: OpenFence | undefined;
	for (const [index, text] of lines.entries()) {
		if (open === undefined) {
			const [, indent = '', marks, language = ''] = OPENING.exec(text) ?? [];
			if (marks === undefined) continue;
			open = { indent: indent.length, marks, language, line: index + 2, above: lineAbove(lines, index), lines: [] };
		} else if (closes(text, open.marks)) {
			blocks.push(block(path, open));
			open = undefined;
		} else {
			const own = text.slice(0, open.indent).trim() === '' ? text.slice(open.indent) : text;
			open.lines.push(own);
		}
	}
	if (open !== undefined) throw new Error(`${path}:${open.line - 1}: the code block is not closed`);
	return blocks;
}

function lineAbove(lines: readonly string[], index: number): string {
	return lines.slice(0, index).findLast((text) => text.trim() !== '') ?? '';
}

function closes(text: string, marks: string): boolean {
	const trimmed = text.trim();
	return trimmed.length >= marks.length && trimmed === (marks[0] as string).repeat(trimmed.length);
}

function block(page: string, { language, line, above, lines }: OpenFence): Block {
	const comment = /^\s*<!--\s*(.*?)\s*-->\s*$/.exec(above)?.[1];
	const notRun = comment === undefined ? undefined : /^not run: (.+)$/.exec(comment)?.[1];
	const continues = comment === 'continues';
	if (comment !== undefined && notRun === undefined && !continues) {
		throw new Error(`${page}:${line}: the comment above says neither "not run: why" nor "continues", but "${comment}"`);
	}
	return { page, line, language, lines, continues, ...(notRun === undefined ? {} : { notRun }) };
}

/** Examples of documentation comments without a fence: lines that no check would see. */
export function unfencedExamples({ path, lines }: Page): readonly string[] {
	return lines.flatMap((text, index) => {
		if (!/^@example\b/.test(text)) return [];
		return OPENING.test(lines[index + 1] ?? '') ? [] : [`${path}:${index + 1}`];
	});
}
