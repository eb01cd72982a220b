import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/native.js';

/** Text files of the repository, by their path from its root. */

export function readText(path: string): string {
	return readFileSync(join(packageRoot, path), 'utf8');
}

/** The files below a folder, or the file itself, whose paths match. */
export function filesIn(
	path: string,
	matching = /(^|\/)[\w-]+(\.([cm]?[jt]s|cc|h|cu|cuh|cpp|py|txt))?$/,
): readonly string[] {
	if (statSync(join(packageRoot, path)).isFile()) return [path];
	return readdirSync(join(packageRoot, path), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => `${path}${entry.parentPath.slice(join(packageRoot, path).length)}/${entry.name}`)
		.filter((file) => matching.test(file))
		.sort();
}
