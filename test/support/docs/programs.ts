import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../../src/native.js';
import { EMULATED_ADDON } from '../emulation.js';
import type { Block } from './blocks.js';
import type { Page } from './pages.js';

/**
 * Programs of the pages as files: checked by one run of the TypeScript compiler against the types of the built package, as a reader's
 * editor would, and ready to be run by Node. Each lies in a folder named after its page, in a file of as many lines as the page
 * that has the program where the page has it: what compiler and Node say of a line holds for the page.
 */

export interface Program {
	readonly page: string;
	readonly line: number;
	readonly language: 'js' | 'ts';
	/** The whole page, empty but for this program. */
	readonly text: string;
	readonly notRun?: string;
}

const LANGUAGES: Readonly<Record<string, Program['language']>> = { js: 'js', mjs: 'js', ts: 'ts' };

/** The programs among the blocks of one page. */
export function programsOf(blocks: readonly Block[]): readonly Program[] {
	const programs: Program[] = [];
	let lines: string[] = [];
	for (const { page, line, language: name, lines: own, continues, notRun } of blocks) {
		const language = LANGUAGES[name];
		if (language === undefined) continue;
		if (!continues) lines = [];
		while (lines.length < line - 1) lines.push('');
		lines.push(...own);
		const text = `${lines.join('\n')}\n`;
		programs.push({ page, line, language, text, ...(notRun === undefined ? {} : { notRun }) });
	}
	return programs;
}

/** A program that is a page of its own. */
export function exampleProgram({ path, lines }: Page): Program {
	return { page: path, line: 1, language: 'js', text: lines.join('\n') };
}

const SETTINGS = {
	extends: join(packageRoot, 'tsconfig.json'),
	compilerOptions: {
		noEmit: false,
		declaration: false,
		sourceMap: false,
		rootDir: 'programs',
		outDir: 'compiled',
		paths: {}, // the built package, not its sources
		allowJs: true,
		checkJs: true,
		noUnusedParameters: false,
	},
	include: ['programs'],
};

export interface CheckedProgram extends Program {
	/** `page:line:column: what is wrong` */
	readonly faults: readonly string[];
	/** To be run by Node. */
	readonly path: string;
}

/**
 * Writes programs into a folder of their own, checks their types and compiles those that need it.
 * @param folder name of the folder, one for each caller
 */
export function checkPrograms(folder: string, programs: readonly Program[]): readonly CheckedProgram[] {
	const root = join(packageRoot, 'build', 'docs-code', folder); // in the package, so that `ganno` is the package itself
	rmSync(root, { recursive: true, force: true });
	const files = programs.map((program) => ({ program, name: `${program.page}/${program.line}.m${program.language}` }));
	for (const { program, name } of files) {
		const path = join(root, 'programs', name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, program.text);
	}
	writeFileSync(join(root, 'tsconfig.json'), JSON.stringify(SETTINGS));
	const diagnostics = programs.length === 0 ? [] : compile(root);
	return files.map(({ program, name }) => ({
		...program,
		path: join(root, program.language === 'ts' ? 'compiled' : 'programs', name.replace(/\.mts$/, '.mjs')),
		faults: [
			...diagnostics
				.filter(({ file, ...found }) => file === name && isFault(program, found))
				.map(({ line, column, message }) => `${program.page}:${line}:${column}: ${message}`),
			...uncheckedLiterals(program),
		],
	}));
}

interface Diagnostic {
	readonly file: string;
	readonly line: number;
	readonly column: number;
	readonly code: string;
	readonly message: string;
}

function compile(root: string): readonly Diagnostic[] {
	const compiler = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
	const { stdout, stderr, error } = spawnSync(process.execPath, [compiler, '-p', '..', '--pretty', 'false'], {
		cwd: join(root, 'programs'), // from where files are named
		encoding: 'utf8',
	});
	if (error !== undefined) throw error;
	const diagnostics: Diagnostic[] = [];
	// Details of an error follow it, indented.
	for (const text of `${stdout}${stderr}`.split(/\n(?!\s)/).filter((line) => line.trim() !== '')) {
		const [, file, line, column, code, message] = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/s.exec(text) ?? [];
		if (file === undefined) throw new Error(`The compiler did not come to the programs: ${text}`);
		diagnostics.push({
			file,
			line: Number(line),
			column: Number(column),
			code: code as string,
			message: message as string,
		});
	}
	return diagnostics;
}

/** Parameters without a type, which JavaScript cannot state. */
const UNTYPED_PARAMETER = new Set(['TS7006', 'TS7031']);
/** Names that are declared and not used: what a program ends with may well be one, an import may not. */
const UNUSED = new Set(['TS6133', 'TS6196', 'TS6198', 'TS6199']);

function isFault({ language, text }: Program, { code, line, column }: Omit<Diagnostic, 'file'>): boolean {
	if (UNTYPED_PARAMETER.has(code)) return language === 'ts';
	if (!UNUSED.has(code)) return true;
	const lines = text.split('\n').slice(0, line);
	const before = [...lines.slice(0, -1), (lines.at(-1) as string).slice(0, column - 1)].join('\n');
	return /(^|\n)import [^;]*$/.test(before);
}

/**
 * Objects that get a name only to be passed on by it. The compiler looks for keys that nobody reads only where an object is passed as
 * it is written, or its type is stated.
 */
function uncheckedLiterals({ page, text }: Program): readonly string[] {
	const lines = text.split('\n');
	return lines.flatMap((line, index) => {
		const name = /^\s*(?:const|let) (\w+) = (?:\{|\[\s*(?:\{|$))/.exec(line)?.[1];
		if (name === undefined || /@type\b/.test(lines[index - 1] ?? '')) return [];
		const rest = [line.slice(line.indexOf('=')), ...lines.slice(index + 1)].join('\n');
		const looksInside = new RegExp(`(?<![.\\w])${name}(?:\\.|\\[)|(?:of|=) ${name}\\b`);
		if (looksInside.test(rest)) return [];
		return [
			`${page}:${index + 1}: write '${name}' where it is passed on, or state its type: else no check sees its keys`,
		];
	});
}

export interface Outcome {
	readonly status: number | null;
	readonly stderr: string;
}

/** tfjs greets everybody who runs it in Node without tfjs-node. */
export function withoutGreeting(stderr: string): string {
	return stderr.replace(/\n=+\nHi, looks like you are running TensorFlow\.js.*\n=+\n/, '');
}

/** Runs a program as a reader does. @param cwd where the reader is */
export function runProgram({ path, text }: CheckedProgram, cwd: string): Outcome {
	const { status, stderr } = spawnSync(process.execPath, [path], {
		cwd,
		// A program that asks for a GPU gets the emulated one, here as on a machine that has a real one.
		env: text.includes("'cuda:") ? { ...process.env, GANNO_BINDING: EMULATED_ADDON } : process.env,
		encoding: 'utf8',
		timeout: 60_000,
	});
	return { status, stderr: withoutGreeting(stderr) };
}
