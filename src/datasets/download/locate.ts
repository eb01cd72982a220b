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
	readonly twin?: string;
}

/** Where a data set's files were found: single files, in the definition's order, or one archive of them. */
export type DatasetLocation =
	| { readonly kind: 'files'; readonly folder: string; readonly files: readonly DataFile[] }
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

/** A folder to look into, and who said so; nobody, where it is a usual place. */
interface Root {
	readonly folder: string;
	readonly said?: string;
}

/**
 * Looks for a data set in the given folder, `$GANNO_DATA_DIR`, the cache and the Debian package's folder, in this order; in each,
 * first in a sub-folder named after the data set, then in the folder itself.
 * @param partial accept a folder that has the test file and at least one training file (CIFAR-10 only)
 * @throws GannoError `FILE_SYSTEM` where a folder that somebody named is not there or may not be read: another place would be a surprise
 */
export function searchDataset(
	definition: DatasetDefinition,
	dataDirectory: string | undefined,
	partial: boolean,
): SearchResult {
	const roots = rootsOf(definition, dataDirectory);
	for (const root of roots) if (root.said !== undefined) checkReadable(root);
	const places: { folder: string; finding: string }[] = [];
	const seen = new Set<string>();
	for (const root of roots) {
		for (const folder of foldersOf(definition, root)) {
			if (seen.has(folder)) continue;
			seen.add(folder);
			const { location, finding } = lookInto(folder, definition, partial, root.said !== undefined);
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
			: [{ folder: dataDirectory, said: 'the option dataDirectory (--data-dir) names' }]),
		...(environment === undefined || environment === '' ? [] : [{ folder: environment, said: 'GANNO_DATA_DIR names' }]),
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

function checkReadable({ folder, said }: Root): void {
	try {
		// With the separator a file is no folder.
		accessSync(join(folder, sep), constants.R_OK | constants.X_OK);
	} catch (error) {
		throw fileSystemError('read', folder, error, `It is the folder of data sets that ${said}`);
	}
}

function lookInto(
	folder: string,
	definition: DatasetDefinition,
	partial: boolean,
	named: boolean,
): { location?: DatasetLocation; finding: string } {
	const exists = (path: string, kind: 'file' | 'folder') => isThere(path, kind, named);
	if (!exists(folder, 'folder')) return { finding: 'no such folder' };
	const files: DataFile[] = [];
	const missing: string[] = [];
	for (const name of definition.files) {
		const [path, twin] = [join(folder, name), join(folder, `${name}.gz`)].filter((path) => exists(path, 'file'));
		if (path === undefined) missing.push(name);
		else files.push({ name, path, ...(twin === undefined ? {} : { twin }) });
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

/**
 * @param named somebody named the place: not to be allowed to look is an error there, and nothing to be found elsewhere
 * @throws GannoError `FILE_SYSTEM`
 */
function isThere(path: string, kind: 'file' | 'folder', named: boolean): boolean {
	try {
		const stats = statSync(path);
		return kind === 'file' ? stats.isFile() : stats.isDirectory();
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (!named || code === 'ENOENT' || code === 'ENOTDIR') return false;
		throw fileSystemError('look at', path, error);
	}
}
