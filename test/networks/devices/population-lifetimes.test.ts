import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../../src/datasets/synthetic.js';
import { cnn } from '../../../src/networks/builders.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import { ADDON, ADDON_DEVICE, runScript } from '../../support/child-process.js';
import { populationOutput } from '../../support/population.js';
import { ON_EMULATION, TEST_DEVICE } from '../../support/test-device.js';

/** Workers that end in the middle of native calls, each in a process of its own; memory over many steps. */

/** A population of two networks, 6x6 images, one convolution with fused pooling and one dense layer, straight from the addon. */
const MAKE_POPULATION = `
function makePopulation(binding) {
	const shared = (type, values) => {
		const array = new type(new SharedArrayBuffer(values.length * type.BYTES_PER_ELEMENT));
		array.set(values);
		return array;
	};
	const indices = Uint32Array.from({ length: 16 }, (_, i) => i);
	return new binding.NativePopulation({
		input: Float64Array.of(6, 6, 1),
		layers: Float64Array.of(
			1, 5, 3, 1, 1, 1, 0, 0, 0, -1, -1,
			2, 0, 2, 2, 0, 0, 0, 0, 0, 0, -1,
			0, 3, 0, 1, 0, 0, 2, 0, 0, 1, -1,
		),
		networks: 2, batchSize: 4, algorithm: 4,
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, momentum: 0.9, rho: 0.99, weightDecay: 0 },
		seeds: Uint32Array.of(1, 2), threads: 2, device: ${ADDON_DEVICE},
		images: shared(Uint8Array, Uint8Array.from({ length: 16 * 36 }, (_, i) => (i * 37) % 256)),
		labels: shared(Uint8Array, Uint8Array.from({ length: 16 }, (_, i) => i % 3)),
		train: indices, validation: indices, test: indices, sliceSize: 16, validationSize: 16,
		mean: Float64Array.of(0.5), standardDeviation: Float64Array.of(0.3), memoryLimit: 1e9,
	});
}
function trainArguments(steps) {
	return [steps, new Float32Array(4).fill(1e-3), undefined, undefined, new Float32Array(64),
		new Float32Array(2 * steps), new Float32Array(6), undefined];
}`;

const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const binding = require(workerData.addon);
${MAKE_POPULATION}
const population = makePopulation(binding);
parentPort.postMessage('running');
if (workerData.asynchronous) {
	(async () => { for (;;) await population.trainAsync(...trainArguments(workerData.steps)); })();
} else {
	for (;;) {
		population.train(...trainArguments(workerData.steps));
		try { population.train(0); } catch {}
		makePopulation(binding);
	}
}`;

describe('a worker', () => {
	it.each([false, true])('may be terminated in the middle of training (asynchronous: %s)', async (asynchronous) => {
		const result = await runScript(`
			const { Worker } = require('node:worker_threads');
			const { once } = require('node:events');
			const addon = ${JSON.stringify(ADDON)};
			const binding = require(addon);
			${MAKE_POPULATION}
			(async () => {
				const population = makePopulation(binding);
				for (let round = 0; round < ${ON_EMULATION ? 3 : 16}; round++) {
					const workerData = { addon, steps: round % 2 === 0 ? 3 : ${ON_EMULATION ? 20 : 400}, asynchronous: ${asynchronous} };
					const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData });
					await once(worker, 'message');
					for (let spin = 0; spin < round; spin++) population.train(...trainArguments(20));
					await worker.terminate();
				}
				console.log('all terminated');
			})();
		`);
		expect(result).toMatchObject({ code: 0, signal: null, stdout: 'all terminated\n', stderr: '' });
	});
});

describe('the addon', () => {
	it('refuses whatever does not make a population', async () => {
		const result = await runScript(`
			const binding = require(${JSON.stringify(ADDON)});
			${MAKE_POPULATION}
			const codes = new Set();
			const refuse = (call) => { try { call(); codes.add('nothing'); } catch (error) { codes.add(error.code ?? error.name); } };
			for (const value of [undefined, null, 3, 'x', {}, [], new Float32Array(3)]) refuse(() => new binding.NativePopulation(value));
			const population = makePopulation(binding);
			for (const method of ['train', 'trainAsync', 'probe', 'evaluate', 'lossAndGradient', 'save', 'restore', 'fork', 'parameters', 'setParameters', 'divergedFlags', 'reset']) {
				for (const value of [undefined, null, -1, 1e300, NaN, 'x', {}, new Float32Array(0)]) {
					refuse(() => population[method](value, value, value, value));
				}
			}
			for (const args of [trainArguments(5)]) {
				for (let i = 0; i < args.length; i++) {
					if (i === 2 || i === 3 || i === 7) continue;
					for (const value of [1, 'x', new Float64Array(4), new Float32Array(1)]) {
						if (i === 0 && value === 1) continue;
						refuse(() => population.train(...args.with(i, value)));
						refuse(() => population.trainAsync(...args.with(i, value)));
					}
				}
			}
			console.log([...codes].join());
		`);
		expect(result).toMatchObject({ code: 0, signal: null, stdout: 'INVALID_ARGUMENT\n', stderr: '' });
	});
});

describe('memory', () => {
	it('does not grow over many steps, saves and resets', () => {
		using population = new NetworkPopulation({
			device: TEST_DEVICE,
			spec: cnn({ input: [8, 8, 1], filters: [6], hidden: [20], classes: 4, dropout: 0.3 }),
			networks: 4,
			batchSize: 10,
			optimizer: { algorithm: 'adam' },
			dataset: syntheticDataset(),
			seeds: Uint32Array.of(1, 2, 3, 4),
		});
		const out = populationOutput(population, 10);
		const work = (rounds: number) => {
			for (let round = 0; round < rounds; round++) {
				population.train(10, 0.001, out);
				for (let network = 0; network < 4; network++) population.save(network);
				population.restore(2);
				population.fork(0, 1);
				population.reset(Uint32Array.of(round, 2, 3, 4));
			}
		};
		work(ON_EMULATION ? 1 : 20);
		const bytes = population.bytes;
		const before = process.memoryUsage.rss();
		work(ON_EMULATION ? 3 : 400);
		expect(population.bytes).toBe(bytes);
		// One network's state is 30 KB: 1,600 leaked saves would be 48 MB.
		expect(process.memoryUsage.rss() - before).toBeLessThan(24 * 2 ** 20);
	});
});
