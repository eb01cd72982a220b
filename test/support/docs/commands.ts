import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/native.js';
import { filesIn, readText } from './files.js';
import { gannoFault } from './ganno-command.js';
import type { ShellCommand } from './shell.js';

/** Commands of the pages against what there is: commands and options of ganno, npm scripts, programs, environment variables. */

const manifest = JSON.parse(readText('package.json')) as {
	readonly name: string;
	readonly version: string;
	readonly scripts: Readonly<Record<string, string>>;
	readonly peerDependencies: Readonly<Record<string, string>>;
};

/** What `npm pack` makes of a clone: ganno is not on npm yet. */
const PACKED = `./${manifest.name}-${manifest.version}.tgz`;

const memory = new Map<string, ReadonlySet<string>>();

/** Options and environment variables that occur in the sources of a program. */
function namesIn(...paths: readonly string[]): ReadonlySet<string> {
	const key = paths.join();
	let names = memory.get(key);
	if (names === undefined) {
		const text = paths
			.flatMap((path) => filesIn(path))
			.map(readText)
			.join('\n');
		names = new Set(text.match(/--[a-z][a-z-]*|\bGANNO_[A-Z_]+\b/g));
		memory.set(key, names);
	}
	return names;
}

/** All options and variables of ganno and the programs beside it. */
export function allNames(): ReadonlySet<string> {
	return namesIn('src', 'bench', 'scripts', 'test/fuzz', 'native', 'CMakeLists.txt', 'vitest.config.ts');
}

function unknownOptions(words: readonly string[], ...sources: readonly string[]): readonly string[] {
	const known = namesIn(...sources);
	return words
		.filter((word) => word.startsWith('--') && word !== '--' && !known.has(word.split('=')[0] as string))
		.map((word) => `there is no option ${word}`);
}

/** `scripts/x` is what people call; the work may be done by `scripts/x-….mjs`. */
function scriptSources(path: string): readonly string[] {
	return filesIn('scripts').filter((file) => file === path || (file.startsWith(path) && file.endsWith('.mjs')));
}

function missing(path: string): readonly string[] {
	return existsSync(join(packageRoot, path)) ? [] : [`there is no ${path}`];
}

function npm(words: readonly string[]): readonly string[] {
	const [verb, ...rest] = words.filter((word) => word !== '--silent');
	if (verb === undefined) return ['npm does nothing'];
	if (verb === 'pack') return rest.join() === `../${manifest.name}` ? [] : ['pack the clone beside the project'];
	if (verb === 'ci' || verb === 'dedupe' || verb === 'ls') return []; // of npm itself, and true of any package
	if (verb === 'install') {
		return rest
			.filter((word) => word !== '--no-save')
			.filter((word) => word !== PACKED && !(word in manifest.peerDependencies))
			.map((word) => `${word} is neither this package nor a peer of it`);
	}
	const name = verb === 'run' ? rest.shift() : verb;
	if (name === undefined) return []; // `npm run --silent`, as such
	const script = manifest.scripts[name];
	if (script === undefined) return [`there is no npm script '${name}'`];
	if (rest.length === 0) return [];
	if (rest[0] !== '--') return [`npm takes ${rest[0]} for itself: put -- before it`];
	const sources = [
		...(name.startsWith('bench:') ? ['bench'] : []),
		...[...script.matchAll(/scripts\/[\w.-]+/g)].map(([path]) => path),
		...(name === 'test:fuzz' ? ['test/fuzz'] : []),
	];
	return unknownOptions(rest, ...sources);
}

function script(path: string, words: readonly string[], mention: boolean): readonly string[] {
	const absent = missing(path);
	if (absent.length > 0 || (mention && statSync(join(packageRoot, path)).isDirectory())) return absent;
	try {
		if (!/\.\w+$/.test(path)) accessSync(join(packageRoot, path), constants.X_OK);
	} catch {
		return [`${path} cannot be executed`];
	}
	return unknownOptions(words, ...scriptSources(path));
}

function ganno(words: readonly string[], mention: boolean): readonly string[] {
	const fault = gannoFault(words, mention);
	return fault === undefined ? [] : [fault];
}

/**
 * What is wrong with a command.
 * @param mention it is named in a sentence, maybe in part
 */
export function commandFaults({ variables, words }: ShellCommand, mention = false): readonly string[] {
	const unknown = Object.keys(variables).filter((name) => !allNames().has(name));
	return [...unknown.map((name) => `nothing reads the environment variable ${name}`), ...wordFaults(words, mention)];
}

function wordFaults([name, ...words]: readonly string[], mention: boolean): readonly string[] {
	if (name === 'npx' && words[0] === manifest.name) return ganno(words.slice(1), mention);
	if (name === manifest.name) return ganno(words, mention);
	if (name === 'npm') return npm(words);
	if (name === 'npx') return missing(`node_modules/.bin/${words[0]}`);
	if (name === 'node') return missing(words[0] ?? '');
	if (name?.startsWith('scripts/')) return script(name, words, mention);
	if (name === 'export') {
		return words.map((word) => word.split('=')[0] as string).filter((word) => !allNames().has(word));
	}
	if (name === 'apt-get' && words[0] === 'install') {
		const setup = readText('scripts/setup');
		return words.slice(1).filter((word) => !new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(setup));
	}
	return [`no check knows the command '${name}': teach commandFaults what it is`];
}
