import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

/** Runs the built command in a child process, as a user would. */

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface GannoResult {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface GannoProcess {
	readonly child: ChildProcess;
	/** Resolves once stderr holds the text. */
	readonly until: (text: string) => Promise<void>;
	readonly result: Promise<GannoResult>;
}

export interface GannoOptions {
	readonly cwd?: string;
	readonly env?: NodeJS.ProcessEnv;
	/** A program, with its arguments, that starts it. */
	readonly under?: readonly string[];
	/** Where stdout goes: a pipe whose content the result has, or a file's descriptor. */
	readonly stdout?: 'pipe' | number;
}

export function startGanno(args: readonly string[], options: GannoOptions = {}): GannoProcess {
	const [program = '', ...rest] = [...(options.under ?? []), process.execPath, MAIN, ...args];
	const child = spawn(program, rest, {
		...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		env: { ...process.env, GANNO_DEBUG: '', NODE_OPTIONS: '', ...options.env },
		stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
	});
	let stdout = '';
	let stderr = '';
	const waiting = new Map<string, () => void>();
	child.stdout?.on('data', (chunk: Buffer) => {
		stdout += chunk.toString();
	});
	child.stderr?.on('data', (chunk: Buffer) => {
		stderr += chunk.toString();
		for (const [text, resolve] of waiting) if (stderr.includes(text)) resolve();
	});
	const closed = once(child, 'close');
	const result = closed.then(([code, signal]) => ({
		code: code as number | null,
		signal: signal as NodeJS.Signals | null,
		stdout,
		stderr,
	}));
	return {
		child,
		until: async (text) => {
			if (stderr.includes(text)) return;
			const appeared = new Promise<void>((resolve) => waiting.set(text, resolve));
			const ended = closed.then(() => {
				if (!stderr.includes(text)) throw new Error(`ganno ended without saying "${text}":\n${stderr}`);
			});
			await Promise.race([appeared, ended]);
		},
		result,
	};
}

/** As {@link startGanno}, within a test: where that fails, what it started ends with it. */
export function startGannoInTest(...parameters: Parameters<typeof startGanno>): GannoProcess {
	const process = startGanno(...parameters);
	onTestFinished(async () => {
		process.child.kill('SIGKILL');
		await process.result;
	});
	return process;
}

export async function ganno(args: readonly string[], options: GannoOptions = {}): Promise<GannoResult> {
	return await startGanno(args, options).result;
}

/** Expects a command line to be refused, before any work, with this exit code and message. */
export async function refused(
	args: readonly string[],
	code: number,
	message: string | RegExp,
	options?: GannoOptions,
): Promise<void> {
	const result = await ganno(args, options);
	expect(result.stderr, args.join(' ')).toMatch(message);
	expect(result.code, args.join(' ')).toBe(code);
	expect(result.stdout, args.join(' ')).toBe('');
	expect(result.stderr, args.join(' ')).not.toMatch(/episode|cell|iteration|model \d/);
}
