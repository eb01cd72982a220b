import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { DatasetDefinition } from './sources.js';

/** Where a data set's files were found: single files, in the definition's order, or one archive of them. */
export type DatasetLocation =
	| { readonly kind: 'files'; readonly folder: string; readonly files: readonly { name: string; path: string }[] }
	| { readonly kind: 'archive'; readonly path: string };

export interface SearchResult {
	readonly location: DatasetLocation | undefined;
	/** Every folder looked at, and what it held. */
	readonly places: readonly { readonly folder: string; readonly finding: string }[];
}

/** `$XDG_CACHE_HOME/ganno`, else `~/.cache/ganno`: downloads go here. */
export function cacheDirectory(): string {
	const base = process.env.XDG_CACHE_HOME;
	// The XDG specification: a relative path is invalid and to be ignored.
	return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'ganno');
}

/**
 * Looks for a data set in the given folder, `$GANNO_DATA_DIR`, the cache and the Debian package's folder, in this order; in each,
 * first in a sub-folder named after the data set, then in the folder itself.
 * @param partial accept a folder that has the test file and at least one training file (CIFAR-10 only)
 */
export function searchDataset(
	definition: DatasetDefinition,
	dataDirectory: string | undefined,
	partial: boolean,
): SearchResult {
	const places: { folder: string; finding: string }[] = [];
	for (const folder of foldersOf(definition, dataDirectory)) {
		const { location, finding } = lookInto(folder, definition, partial);
		if (location !== undefined) return { location, places };
		places.push({ folder, finding });
	}
	return { location: undefined, places };
}

function foldersOf(definition: DatasetDefinition, dataDirectory: string | undefined): string[] {
	const environment = process.env.GANNO_DATA_DIR;
	const roots = [
		...(dataDirectory === undefined ? [] : [dataDirectory]),
		...(environment === undefined || environment === '' ? [] : [environment]),
		cacheDirectory(),
		...(definition.debian === undefined ? [] : [definition.debian.folder]),
	];
	const folders = roots.flatMap((root) =>
		[join(root, definition.name), root].flatMap((folder) => [
			folder,
			...definition.folders.map((sub) => join(folder, sub)),
		]),
	);
	return [...new Set(folders.map((folder) => resolve(folder)))];
}

function lookInto(
	folder: string,
	definition: DatasetDefinition,
	partial: boolean,
): { location?: DatasetLocation; finding: string } {
	if (!exists(folder, 'folder')) return { finding: 'no such folder' };
	const files: { name: string; path: string }[] = [];
	const missing: string[] = [];
	for (const name of definition.files) {
		const path = [join(folder, name), join(folder, `${name}.gz`)].find((candidate) => exists(candidate, 'file'));
		if (path === undefined) missing.push(name);
		else files.push({ name, path });
	}
	if (missing.length === 0) return { location: { kind: 'files', folder, files }, finding: 'complete' };
	const archive = definition.archives.map((name) => join(folder, name)).find((candidate) => exists(candidate, 'file'));
	if (archive !== undefined) return { location: { kind: 'archive', path: archive }, finding: 'complete' };
	const test = definition.files.at(-1) as string;
	if (partial && definition.format === 'cifar' && files.length > 1 && !missing.includes(test)) {
		return { location: { kind: 'files', folder, files }, finding: 'in part' };
	}
	return { finding: files.length === 0 ? 'none of the files' : `lacks ${missing.join(', ')}` };
}

function exists(path: string, kind: 'file' | 'folder'): boolean {
	try {
		const stats = statSync(path, { throwIfNoEntry: false });
		return kind === 'file' ? stats?.isFile() === true : stats?.isDirectory() === true;
	} catch {
		// A folder that may not be entered: nothing to be found here.
		return false;
	}
}
