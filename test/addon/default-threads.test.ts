import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';
import { runScript } from '../support/child-process.js';

/** Runs the built package in a process of its own, in which stand-ins for the addon's classes note the threads they are given. */

const module = (path: string) => JSON.stringify(pathToFileURL(join(packageRoot, 'dist', path)).href);

const NOTE_THREADS = `
(async () => {
	const { parentPort } = require('node:worker_threads');
	const { native } = await import(${module('native.js')});
	const { layerStatistics, LayerwiseOptimizer, mlp, NetworkPopulation, syntheticDataset } = await import(${module('index.js')});
	const given = [];
	class Noted { constructor(options) { given.push(options.threads); } probe() {} dispose() {} }
	Object.assign(native(), { LayerwisePlan: Noted, NativePopulation: Noted });
	const layers = [{ name: 'layer', parameters: Float32Array.of(1), gradients: Float32Array.of(1) }];
	const dataset = syntheticDataset({ shape: [4, 4, 1], classes: 2 });
	for (const threads of [undefined, 3]) {
		new LayerwiseOptimizer({ algorithm: 'sgd', layers, threads });
		layerStatistics(layers, undefined, { threads });
		new NetworkPopulation({
			spec: mlp({ input: [4, 4, 1], hidden: [3], classes: 2 }), networks: 4, batchSize: 4, validationSize: 8,
			optimizer: { algorithm: 'sgd' }, dataset, seeds: Uint32Array.of(1, 2, 3, 4), threads,
		});
	}
	console.log(JSON.stringify(given));
})();`;

const IN_A_WORKER = `new (require('node:worker_threads').Worker)(${JSON.stringify(NOTE_THREADS)}, { eval: true });`;

it.each([
	['every core on the main thread', NOTE_THREADS, availableParallelism()],
	['one thread in a worker', IN_A_WORKER, 1],
])('optimizers, statistics and populations use %s, unless told otherwise', async (_, script, byDefault) => {
	const { stdout, stderr } = await runScript(script);
	expect(stderr).toBe('');
	expect(JSON.parse(stdout)).toEqual([byDefault, byDefault, byDefault, 3, 3, 3]);
});
