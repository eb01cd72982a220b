import { filesIn, readText } from './files.js';
import type { CodeSpan } from './spans.js';

/** Names in the sentences of the pages against the names of the package. */

const sources = filesIn('src').map((path) => ({ path, text: readText(path) }));

/** What `ganno` and `ganno/tfjs` export, types included. */
export const PUBLIC_NAMES: ReadonlySet<string> = new Set(
	sources
		.filter(({ path }) => path === 'src/index.ts' || path === 'src/tfjs/index.ts')
		.flatMap(({ text }) => [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)])
		.flatMap(([, names]) => (names as string).split(','))
		.map((name) => name.trim().replace(/^type /, ''))
		.filter((name) => name !== ''),
);

/** What modules export to each other, and in which files. */
const modules = new Map<string, readonly string[]>();
for (const { path, text } of sources) {
	const pattern = /^export (?:async )?(?:abstract )?(?:const|function|class|interface|type)\*? (\w+)/gm;
	for (const [, name] of text.matchAll(pattern)) {
		modules.set(name as string, [...(modules.get(name as string) ?? []), path]);
	}
}

/** Properties, methods, options and parameters, and whatever stands in quotation marks: error codes, statistics, keys of configs. */
const members = new Set(
	filesIn('dist', /\.d\.ts$/)
		.map(readText)
		.flatMap((text) => [
			...[...text.matchAll(/^\s+(?:readonly |static |get |set |protected )*(\w+)\??[:(<]/gm)].map(([, name]) => name),
			...[...text.matchAll(/["'](\w+)["']/g)].map(([, name]) => name),
		]),
);

/** All words of all programs here. */
const words = new Set(
	['src', 'bench', 'scripts', 'native', 'test/fuzz']
		.flatMap((folder) => filesIn(folder))
		.flatMap((path) => readText(path).match(/\w+/g) ?? []),
);

/** Names of other software. */
const FOREIGN = new Set(['AvgPoolGrad', 'DataCloneError', 'trainOnBatch']);

/** A name as programs have them, and no word of a language or of mathematics. */
function looksLikeCode(name: string, text: string): boolean {
	return /[a-z\d][A-Z]|[A-Z]_|^[A-Z]{4,}$/.test(name) || (/^\w+\(/.test(text) && name.length > 3);
}

/**
 * What is wrong with a name in a sentence: it is of an export of a module that users cannot import, and no file is named beside it for
 * those who work on ganno; or nothing has that name.
 */
export function nameFault({ text, paragraph }: Pick<CodeSpan, 'text' | 'paragraph'>): string | undefined {
	const [, name, member] = /^(?:new )?([A-Za-z_]\w*)(?:\.(\w+))?(?=$|[.(<\s])/.exec(text) ?? [];
	if (name === undefined || !looksLikeCode(name, text)) return undefined;
	if (PUBLIC_NAMES.has(name)) {
		return member === undefined || members.has(member) ? undefined : `${name} has no ${member}`;
	}
	const files = modules.get(name);
	if (files !== undefined && !members.has(name)) {
		if (files.some((path) => paragraph.includes(path.split('/').at(-1) as string))) return undefined;
		return `ganno does not export ${name}; for those who work on ganno, name ${files.join(' or ')} beside it`;
	}
	return words.has(name) || FOREIGN.has(name) ? undefined : `nothing is called ${name}`;
}
