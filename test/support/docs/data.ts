import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../src/config/config.js';
import { parseSuite } from '../../../src/evaluation/suites/definitions/suite-spec.js';
import { packageRoot } from '../../../src/native.js';
import type { Block } from './blocks.js';

/** Blocks that are no programs: files that users write, and what a folder holds. */

/** A file for `--config` or `--suite` as ganno would read it. @throws SyntaxError, GannoError */
export function readJson({ page, line, lines }: Block): unknown {
	const values: unknown = JSON.parse(lines.join('\n'));
	const isSuite = typeof values === 'object' && values !== null && Array.isArray((values as { tasks?: unknown }).tasks);
	if (isSuite) return parseSuite(values, `${page}:${line}`);
	const { $schema: _, ...settings } = values as { readonly $schema?: string };
	return parseConfig(settings);
}

/** The names a line of a tree begins with; what is said of them stands two spaces behind. */
function namesOf(text: string): readonly string[] {
	const names: string[] = [];
	for (const part of text.trim().split(/ {2,}/)) {
		if (!/^[\w./-]*[./][\w./-]*$/.test(part)) break;
		names.push(part);
	}
	return names;
}

/** Paths of a tree, indented by two spaces a folder, that are not there. */
export function missingPaths({ lines }: Block): readonly string[] {
	const folders: string[] = [];
	return lines.flatMap((text) => {
		const depth = (text.length - text.trimStart().length) / 2;
		const names = namesOf(text).map((name) => [...folders.slice(0, depth), name].join('/').replace(/\/+/g, '/'));
		folders.length = Math.min(folders.length, depth);
		if (names.length === 1) folders[depth] = names[0]?.replace(/\/$/, '').split('/').at(-1) as string;
		return names.filter((path) => !existsSync(join(packageRoot, path)));
	});
}
