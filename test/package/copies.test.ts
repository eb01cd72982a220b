import { execFileSync } from 'node:child_process';
import {
	cpSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	realpathSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GannoError } from '../../src/errors.js';
import { packageRoot } from '../../src/native.js';
import { layerCallback } from '../../src/tfjs/layer-callback.js';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';

/** Two copies of ganno, or of tfjs, in one process, as node_modules of applications come to hold them. */

const root = realpathSync(mkdtempSync(join(tmpdir(), 'ganno-copies-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const modules = (...names: string[]): string => join(root, ...names.flatMap((name) => ['node_modules', name]));
/** The application's own, that of a plug-in, and that of a plug-in which has another version. */
const COPIES = [['ganno'], ['plugin', 'ganno'], ['older', 'ganno']] as const;

/** The package as it is installed, the addon a file of its own: a second one is a second library in the process. */
function installGanno(folder: string, version?: string): void {
	mkdirSync(join(folder, 'build', 'Release'), { recursive: true });
	for (const file of ['package.json', 'dist', 'policies', join('build', 'Release', 'ganno.node')]) {
		cpSync(join(packageRoot, file), join(folder, file), { recursive: true });
	}
	if (version === undefined) return;
	const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object;
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
}

/** What Node loads of tfjs: a file a package. */
function installTfjs(folder: string): void {
	for (const name of ['', '-core', '-layers', '-converter', '-data', '-backend-cpu', '-backend-webgl']) {
		const from = join(packageRoot, 'node_modules', '@tensorflow', `tfjs${name}`);
		const { main } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { main: string };
		for (const file of ['package.json', main]) {
			mkdirSync(dirname(join(folder, `tfjs${name}`, file)), { recursive: true });
			cpSync(join(from, file), join(folder, `tfjs${name}`, file));
		}
	}
}

function run(program: string, cwd = root): unknown {
	const file = join(cwd, 'program.mjs');
	writeFileSync(file, `${program}\nprocess.stdout.write(JSON.stringify(result));`);
	const env = { ...process.env, GANNO_BINDING: '', NODE_OPTIONS: '' };
	return JSON.parse(
		execFileSync(process.execPath, [file], { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
	);
}

beforeAll(() => {
	for (const [i, copy] of COPIES.entries()) installGanno(modules(...copy), i === 2 ? '0.0.1' : undefined);
	installTfjs(modules('@tensorflow'));
	for (const name of ['commander', 'piscina', 'zod', 'long', 'seedrandom', 'node-fetch', 'string_decoder']) {
		symlinkSync(join(packageRoot, 'node_modules', name), modules(name));
	}
});

const PRELUDE = `
import * as tf from '@tensorflow/tfjs';
import * as one from 'ganno';
import * as oneTf from 'ganno/tfjs';
const load = (copy, file) => import(${JSON.stringify(root)} + '/node_modules/' + copy + '/node_modules/ganno/dist/' + file);
const [two, twoTf, older, olderTf] = await Promise.all([
	load('plugin', 'index.js'), load('plugin', 'tfjs/index.js'), load('older', 'index.js'), load('older', 'tfjs/index.js'),
]);
const caught = (action) => { try { action(); } catch (error) { return error; } };
const controllerOf = (copy) => copy.LayerwiseController.fromFunction(() => 0.25, { learningRate: 0.1, interval: 1 });
const optimizerOf = (copy) => new copy.LayerwiseOptimizer({
	algorithm: 'adam',
	layers: [{ name: 'a', parameters: [Float32Array.of(1, -2, 3)], gradients: [Float32Array.of(0.5, 1, -1)] }],
});
`;

describe('two copies of ganno in one process', () => {
	it('of the same version take each other’s controllers, optimizers and errors', () => {
		expect(
			run(`${PRELUDE}
const x = tf.variable(tf.scalar(2), true, 'x');
const optimizer = new twoTf.LayerwiseTfOptimizer({ algorithm: 'sgd', controller: controllerOf(one) });
optimizer.minimize(() => x.mul(3).asScalar());
const attached = optimizerOf(two);
controllerOf(one).attach(attached).step();
const error = caught(() => two.loadPolicy('nowhere'));
class Own extends one.GannoError {}
const result = {
	classes: one.LayerwiseController === two.LayerwiseController,
	x: x.dataSync()[0],
	step: attached.state().layers[0].step,
	known: [error instanceof one.GannoError, error instanceof Own, new Error('no') instanceof one.GannoError],
	callback: Object.keys(oneTf.layerCallback(optimizer)),
};`),
		).toEqual({
			classes: false,
			x: 2 - 0.25 * 3,
			step: 1,
			known: [true, false, false],
			callback: ['onTrainBegin', 'onBatchEnd', 'onTrainEnd'],
		});
	});

	it('load the addon twice and leave the same bits', () => {
		const [a, b] = run(`${PRELUDE}
const result = [one, two].map((copy) => {
	const optimizer = optimizerOf(copy);
	const statistics = new Float32Array(14);
	for (let i = 0; i < 3; i++) optimizer.step(0.1, statistics);
	return [...optimizer.layers[0].parameters[0], ...statistics];
});`) as [number[], number[]];
		expect(a).toEqual(b);
		expect(a.slice(0, 3)).not.toEqual([1, -2, 3]);
	});

	it('of different versions say so, where they are, and what to do', () => {
		const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
		const messages = run(`${PRELUDE}
const result = [
	caught(() => new oneTf.LayerwiseTfOptimizer({ algorithm: 'sgd', controller: controllerOf(older) })),
	caught(() => controllerOf(one).attach(optimizerOf(older))),
	caught(() => oneTf.layerCallback(new olderTf.LayerwiseTfOptimizer({ algorithm: 'sgd' }))),
].map(({ code, message }) => [code, message]);`) as [string, string][];
		expect(messages).toEqual(
			[
				['LayerwiseController', 'controller'],
				['LayerwiseOptimizer', 'optimizer'],
				['LayerwiseTfOptimizer', 'optimizer'],
			].map(([type, name]) => [
				'INVALID_ARGUMENT',
				`Expected a ${type} of this ganno for ${name} but received one of another copy. There are two in this process: ` +
					`${version} (${modules('ganno')}) and 0.0.1 (${modules('older', 'ganno')}). ` +
					"Have one: see 'npm ls ganno', then 'npm dedupe', or install the same version everywhere",
			]),
		);
	});

	it('say so of a copy from before copies knew each other, and of nothing else', () => {
		const controller = new (class LayerwiseController {})() as never;
		expect(() => new LayerwiseTfOptimizer({ algorithm: 'sgd', controller })).toThrow(
			/another copy.* and another one\./,
		);
		for (const wrong of [null, 1, {}, 'x', () => 0]) {
			expect(() => new LayerwiseTfOptimizer({ algorithm: 'sgd', controller: wrong as never })).toThrow(
				/^Expected a LayerwiseController for controller but received/,
			);
		}
	});
});

describe('a callback of layers', () => {
	it('is refused for another optimizer, which tfjs’s own instanceof would let pass', () => {
		expect(tf.train.adam(0.1) instanceof LayerwiseTfOptimizer).toBe(true);
		for (const wrong of [tf.train.adam(0.1), null, undefined, {}]) {
			const error = (() => {
				try {
					return layerCallback(wrong as never);
				} catch (reason) {
					return reason;
				}
			})();
			expect(error).toBeInstanceOf(GannoError);
			expect((error as GannoError).message).toMatch(/^Expected a LayerwiseTfOptimizer for optimizer but received/);
		}
	});
});

describe('two copies of tfjs in one process', () => {
	const program = (first: string, second: string): string => `
${first}
${second}
const x = tf.randomNormal([8, 4]), y = tf.ones([8, 1]);
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
model.compile({ optimizer: new LayerwiseTfOptimizer({ algorithm: 'adam' }), loss: 'meanSquaredError' });
await model.fit(x, y, { epochs: 2, verbose: 0 });
let artifacts;
await model.save(tf.io.withSaveHandler(async (saved) => {
	artifacts = saved;
	return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
}), { includeOptimizer: true });
const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
await loaded.fit(x, y, { verbose: 0 });
const { iterations } = loaded.optimizer;
let message;
try { loaded.optimizer.applyGradients({ nobody: tf.scalar(1) }); } catch (error) { message = error.message; }
const url = 'file://' + ${JSON.stringify(join(root, 'model'))};
await model.save(url);
const files = (await tf.loadLayersModel(url)).countParams();
const seen = [];
loaded.optimizer.controller = LayerwiseController.fromFunction(() => 0.01, {
	learningRate: 0.01, interval: 1, onDecision: ({ validationLoss }) => seen.push(validationLoss),
});
const { history } = await loaded.fit(x, y, { epochs: 2, batchSize: 6, validationSplit: 0.25, verbose: 0 });
const told = seen.at(-1) === Math.fround(history.val_loss[0]);
const result = { iterations, layers: loaded.optimizer.layerNames.length, files, told, message };`;
	const TF = "import * as tf from '@tensorflow/tfjs';";
	const GANNO = "import { LayerwiseTfOptimizer } from 'ganno/tfjs'; import { LayerwiseController } from 'ganno';";

	it.each([
		['tfjs imported first', TF, GANNO],
		['ganno imported first', GANNO, TF],
	])(
		'train, save and load, files and validation included, and are named where a variable is unknown: %s',
		(_, first, second) => {
			const own = join(modules('ganno', '@tensorflow'));
			installTfjs(own);
			try {
				const { message, ...rest } = run(program(first, second)) as { message: string };
				expect(rest).toEqual({ iterations: 3, layers: 1, files: 5, told: true });
				expect(message).toMatch(/^There is a gradient for 'nobody', but tfjs knows no variable of that name/);
				expect(message).toContain('There are 2 copies of tfjs in this process: 4.22.0 (');
				expect(message).toContain(`4.22.0 (${join(own, 'tfjs-core')}`);
				expect(message).toContain("'npm ls @tensorflow/tfjs-core'");
			} finally {
				rmSync(own, { recursive: true });
			}
		},
	);

	it('are not spoken of where there is one', () => {
		const { message } = run(program(TF, GANNO)) as { message: string };
		expect(message).toBe("There is a gradient for 'nobody', but tfjs knows no variable of that name (any more)");
	});
});
