import { filesIn, readText } from './files.js';

/** A text that readers take code from: a Markdown file, or the documentation comments of a source file. */
export interface Page {
	/** Of the file, from the root of the repository. */
	readonly path: string;
	/** Line n of the file is `lines[n − 1]`: Markdown, and nothing where a source file has anything else. */
	readonly lines: readonly string[];
}

function linesOf(path: string): readonly string[] {
	return readText(path).split('\n');
}

/** The documentation comments of a TypeScript file as Markdown, every line where it stands in the file. */
export function documentationComments(lines: readonly string[]): readonly string[] {
	let inside = false;
	return lines.map((line) => {
		const opens = !inside && /^\s*\/\*\*(?!\/)/.test(line);
		if (!inside && !opens) return '';
		inside = !line.includes('*/');
		return line
			.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, '')
			.replace(/\s*\*\/.*$/, '')
			.trimEnd();
	});
}

/** README, changelog, docs/ and the reports of benchmarks. */
export const MARKDOWN_PAGES: readonly Page[] = [
	'README.md',
	'CHANGELOG.md',
	...filesIn('docs', /\.md$/),
	...filesIn('bench', /\.md$/),
].map((path) => ({
	path,
	lines: linesOf(path),
}));

/** The documentation comments of src/. */
export const COMMENT_PAGES: readonly Page[] = filesIn('src', /\.ts$/).map((path) => ({
	path,
	lines: documentationComments(linesOf(path)),
}));

/** The programs of examples/, whole. */
export const EXAMPLES: readonly Page[] = filesIn('examples', /\.mjs$/).map((path) => ({ path, lines: linesOf(path) }));
