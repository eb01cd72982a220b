import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { packageRoot } from '../../src/native.js';
import { ON_CUDA, TEST_DEVICE } from './test-device.js';

/** Where the built addon is: worker and child scripts load it themselves. */
export const ADDON = resolve(process.env.GANNO_BINDING ?? join(packageRoot, 'build', 'Release', 'ganno.node'));

/** What the addon's constructors take in their options: the number of the CUDA device under test, or undefined. */
export const ADDON_DEVICE: string = ON_CUDA ? TEST_DEVICE.slice('cuda:'.length) : 'undefined';

export interface ChildResult {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs `script` (CommonJS) in a Node process of its own. */
export function runScript(script: string, nodeArguments: readonly string[] = []): Promise<ChildResult> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [...nodeArguments, '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
		let stdout = '';
		let stderr = '';
		child.stdout.on('data', (chunk: Buffer) => {
			stdout += chunk.toString();
		});
		child.stderr.on('data', (chunk: Buffer) => {
			stderr += chunk.toString();
		});
		child.on('error', reject);
		child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
	});
}
