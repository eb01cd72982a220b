import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';

/** A project with ganno in it and, of tfjs, what a test puts there. */
const root = mkdtempSync(join(tmpdir(), 'ganno-backends-'));
const modules = join(root, 'node_modules');
const { dependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
	dependencies: Record<string, string>;
};
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeEach(() => {
	rmSync(modules, { recursive: true, force: true });
	mkdirSync(join(modules, 'ganno'), { recursive: true });
	mkdirSync(join(modules, '@tensorflow'));
	for (const file of ['package.json', 'dist']) {
		cpSync(join(packageRoot, file), join(modules, 'ganno', file), { recursive: true });
	}
	symlinkSync(join(packageRoot, 'build'), join(modules, 'ganno', 'build'));
	for (const name of Object.keys(dependencies)) {
		symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name));
	}
});

function install(name: string): void {
	symlinkSync(join(packageRoot, 'node_modules', '@tensorflow', name), join(modules, '@tensorflow', name));
}

/** A package of that name with one file. */
function fake(name: string, program: string): void {
	const folder = join(modules, '@tensorflow', name);
	mkdirSync(folder);
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `@tensorflow/${name}`, version: '0.0.0' }));
	writeFileSync(join(folder, 'index.js'), program);
}

function devices(): string {
	const main = join(modules, 'ganno', 'dist', 'cli', 'main.js');
	const text = execFileSync(process.execPath, [main, 'devices'], { encoding: 'utf8', cwd: root });
	return text.split('\n').find((line) => line.startsWith('tfjs')) ?? '';
}

const WORKING = 'exports.matMul = () => ({ dataSync() { return [1]; } });';

describe('the choice of a tfjs back end', () => {
	it('says that nothing is installed', () => {
		expect(devices()).toBe(
			'tfjs   not available; @tensorflow/tfjs-node-gpu: not installed; @tensorflow/tfjs-node: not installed; ' +
				'@tensorflow/tfjs-backend-wasm: not installed; @tensorflow/tfjs: not installed',
		);
	});

	it('takes wasm before cpu, and only with tfjs itself', () => {
		install('tfjs-backend-wasm');
		expect(devices()).toMatch(/not available.*tfjs-backend-wasm: @tensorflow\/tfjs is not installed/);
		install('tfjs');
		expect(devices()).toMatch(/^tfjs {3}wasm \(@tensorflow\/tfjs-backend-wasm\); /);
		rmSync(join(modules, '@tensorflow', 'tfjs-backend-wasm'));
		expect(devices()).toMatch(/^tfjs {3}cpu \(@tensorflow\/tfjs\); .*tfjs-backend-wasm: not installed$/);
	});

	it('tries tfjs-node in a child process, which may die, and says why it is not taken', () => {
		fake('tfjs-node-gpu', 'process.abort();');
		fake('tfjs-node', "throw new Error('libtensorflow is not there');");
		install('tfjs');
		expect(devices()).toMatch(
			/^tfjs {3}cpu .*tfjs-node-gpu: ended with SIG\w+; @tensorflow\/tfjs-node: .*libtensorflow is not there/,
		);
	});

	it('prefers tfjs-node-gpu to tfjs-node to wasm', () => {
		fake('tfjs-node', WORKING);
		install('tfjs');
		install('tfjs-backend-wasm');
		expect(devices()).toMatch(
			/^tfjs {3}tensorflow \(@tensorflow\/tfjs-node\); @tensorflow\/tfjs-node-gpu: not installed$/,
		);
		fake('tfjs-node-gpu', WORKING);
		expect(devices()).toBe('tfjs   tensorflow (@tensorflow/tfjs-node-gpu)');
	});
});
