import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Runs the built command in a child process, as a user would. */

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

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

export function startGanno(
	args: readonly string[],
	options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): GannoProcess {
	const child = spawn(process.execPath, [MAIN, ...args], {
		...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		env: { ...process.env, GANNO_DEBUG: '', NODE_OPTIONS: '', ...options.env },
		stdio: ['ignore', 'pipe', 'pipe'],
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

export async function ganno(
	args: readonly string[],
	options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<GannoResult> {
	return await startGanno(args, options).result;
}
