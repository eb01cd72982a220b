import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { fileSystemError } from '../../files/file-system-error.js';
import type { DatasetDefinition } from './sources.js';

/** A file of a data set. */
export interface DataFile {
	/** As the definition names it. */
	readonly name: string;
	readonly path: string;
	/** Its gzipped version, where that lies beside it. */
	readonly gzipped?: string;
}

/** Where a data set's files were found: single files, in the definition's order, or one archive of them. */
export type DatasetLocation =
	| { readonly kind: 'files'; readonly folder: string; readonly files: readonly DataFile[] }
	| { readonly kind: 'archive'; readonly path: string };

export interface SearchResult {
	readonly location: DatasetLocation | undefined;
	/** Every folder searched, and what it held. */
	readonly places: readonly { readonly folder: string; readonly finding: string }[];
}

/** `$XDG_CACHE_HOME/ganno`, else `~/.cache/ganno`: downloads go here. */
export function cacheDirectory(): string {
	const base = process.env.XDG_CACHE_HOME;
	// The XDG specification: a relative path is invalid and to be ignored.
	return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'ganno');
}

/** A folder to search, and the option or variable that names it; none for a usual place. */
interface Root {
	readonly folder: string;
	readonly namedBy?: string;
}

/**
 * Searches for a data set in the given folder, `$GANNO_DATA_DIR`, the cache and the Debian package's folder, in this order; in each,
 * first in a sub-folder named after the data set, then in the folder itself.
 * @param partial accept a folder that has the test file and at least one training file (CIFAR-10 only)
 * @throws GannoError `FILE_SYSTEM` where a folder that an option or variable names is missing or not readable: no other place is searched then
 */
export function searchDataset(
	definition: DatasetDefinition,
	dataDirectory: string | undefined,
	partial: boolean,
): SearchResult {
	const roots = rootsOf(definition, dataDirectory);
	for (const root of roots) if (root.namedBy !== undefined) checkReadable(root);
	const places: { folder: string; finding: string }[] = [];
	const seen = new Set<string>();
	for (const root of roots) {
		for (const folder of foldersOf(definition, root)) {
			if (seen.has(folder)) continue;
			seen.add(folder);
			const { location, finding } = searchFolder(folder, definition, partial, root.namedBy !== undefined);
			if (location !== undefined) return { location, places };
			places.push({ folder, finding });
		}
	}
	return { location: undefined, places };
}

function rootsOf(definition: DatasetDefinition, dataDirectory: string | undefined): Root[] {
	const environment = process.env.GANNO_DATA_DIR;
	return [
		...(dataDirectory === undefined
			? []
			: [{ folder: dataDirectory, namedBy: 'the option dataDirectory (--data-dir) names' }]),
		...(environment === undefined || environment === ''
			? []
			: [{ folder: environment, namedBy: 'GANNO_DATA_DIR names' }]),
		{ folder: cacheDirectory() },
		...(definition.debian === undefined ? [] : [{ folder: definition.debian.folder }]),
	];
}

function foldersOf(definition: DatasetDefinition, { folder: root }: Root): string[] {
	const folders = [join(root, definition.name), root].flatMap((folder) => [
		folder,
		...definition.folders.map((sub) => join(folder, sub)),
	]);
	return folders.map((folder) => resolve(folder));
}

function checkReadable({ folder, namedBy }: Root): void {
	try {
		// With the separator a file is no folder.
		accessSync(join(folder, sep), constants.R_OK | constants.X_OK);
	} catch (error) {
		throw fileSystemError('read', folder, error, `It is the folder of data sets that ${namedBy}`);
	}
}

function searchFolder(
	folder: string,
	definition: DatasetDefinition,
	partial: boolean,
	named: boolean,
): { location?: DatasetLocation; finding: string } {
	const isThere = (path: string, kind: 'file' | 'folder') => exists(path, kind, named);
	if (!isThere(folder, 'folder')) return { finding: 'no such folder' };
	const files: DataFile[] = [];
	const missing: string[] = [];
	for (const name of definition.files) {
		const [path, gzipped] = [join(folder, name), join(folder, `${name}.gz`)].filter((path) => isThere(path, 'file'));
		if (path === undefined) missing.push(name);
		else files.push({ name, path, ...(gzipped === undefined ? {} : { gzipped }) });
	}
	if (missing.length === 0) return { location: { kind: 'files', folder, files }, finding: 'complete' };
	const archive = definition.archives.map((name) => join(folder, name)).find((candidate) => isThere(candidate, 'file'));
	if (archive !== undefined) return { location: { kind: 'archive', path: archive }, finding: 'complete' };
	const test = definition.files.at(-1) as string;
	if (partial && definition.format === 'cifar' && files.length > 1 && !missing.includes(test)) {
		return { location: { kind: 'files', folder, files }, finding: 'in part' };
	}
	return { finding: files.length === 0 ? 'none of the files' : `lacks ${missing.join(', ')}` };
}

/**
 * @param named whether an option or variable names the place: missing permissions are an error there, elsewhere the place is passed over
 * @throws GannoError `FILE_SYSTEM`
 */
function exists(path: string, kind: 'file' | 'folder', named: boolean): boolean {
	try {
		const stats = statSync(path);
		return kind === 'file' ? stats.isFile() : stats.isDirectory();
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (!named || code === 'ENOENT' || code === 'ENOTDIR') return false;
		throw fileSystemError('look at', path, error);
	}
}
