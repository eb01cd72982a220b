import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { packageRoot } from './package-files.js';
import { quote, shell } from './shell-words.js';

const NAME = 'ganno';
const MAIN = join('dist', 'cli', 'main.js');

/** Where a command is typed: what decides how it has to be called. */
export interface Shell {
	/** Root of the package that is to run. */
	readonly root: string;
	/** The current folder, absolute and without links. */
	readonly folder: string;
	/** The variable PATH. */
	readonly path: string;
}

/**
 * A command of this very ganno, to be pasted here as it stands: ganno`train --resume ${path}` is `npx ganno train --resume PATH` in a clone
 * and in a project that has installed it. Words that are put in are quoted as `shell` quotes them.
 */
export function ganno(text: TemplateStringsArray, ...words: readonly string[]): string {
	return `${ownCommand()} ${shell(text, ...words)}`;
}

/** The command that is running, to be pasted again; with `addition` at its end, where that is not in it yet. */
export function sameCommand(addition?: string): string {
	const words = process.argv.slice(2);
	const more = addition === undefined || words.includes(addition) ? [] : [addition];
	return [ownCommand(), ...[...words, ...more].map(quote)].join(' ');
}

/** How ganno is called here: `ganno`, `npx ganno`, or the program by its path where neither would find it. */
export function ownCommand(here: Partial<Shell> = {}): string {
	const { root = packageRoot, folder = process.cwd(), path = process.env.PATH ?? '' } = here;
	if (isOnPath(root, path)) return NAME;
	if (npxFinds(root, folder)) return `npx ${NAME}`;
	const asked = npxCacheName(root);
	return asked === undefined ? shell`node ${join(root, MAIN)}` : shell`npx ${asked}`;
}

/** Whether the shell's `ganno` is this one: installed globally. The folders that npx itself puts on the PATH are gone when it ends. */
function isOnPath(root: string, path: string): boolean {
	const folders = path.split(delimiter).filter((entry) => entry !== '' && !/node_modules[\\/]\.bin[\\/]?$/.test(entry));
	const first = folders.find((entry) => isFile(join(entry, NAME)));
	if (first === undefined) return false;
	// npm links the program on POSIX, and on Windows writes a script beside node_modules.
	return isSame(join(first, NAME), join(root, MAIN)) || isSame(join(first, 'node_modules', NAME), root);
}

/** Whether `npx ganno` runs the package at `root` rather than fetch one: it looks at the nearest package, then for the nearest installed one. */
function npxFinds(root: string, folder: string): boolean {
	let nearest = true;
	for (let at = folder; ; at = dirname(at)) {
		if (nearest && isSame(at, root)) return true;
		if (existsSync(join(at, 'package.json')) || existsSync(join(at, 'node_modules'))) nearest = false;
		if (existsSync(join(at, 'node_modules', '.bin', NAME))) return isSame(join(at, 'node_modules', NAME), root);
		if (dirname(at) === at) return false;
	}
}

/** What npx was asked for, where it has fetched the package into its cache. */
function npxCacheName(root: string): string | undefined {
	try {
		const manifest = JSON.parse(readFileSync(join(dirname(dirname(root)), 'package.json'), 'utf8')) as {
			readonly _npx?: { readonly packages?: readonly unknown[] };
		};
		const [name, ...others] = manifest._npx?.packages ?? [];
		return typeof name === 'string' && others.length === 0 ? name : undefined;
	} catch {
		return undefined;
	}
}

function isFile(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isSame(a: string, b: string): boolean {
	try {
		return realpathSync(a) === realpathSync(b);
	} catch {
		return false;
	}
}
