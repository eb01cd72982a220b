import { describe, expect, it } from 'vitest';
import { ADDON, ADDON_DEVICE, runScript } from '../../support/child-process.js';
import { ON_EMULATION } from '../../support/test-device.js';

/** Steps in flight when their worker, their process or their optimizer ends: each in a process of its own. */

const MAKE_PLAN = `
const binding = require(${JSON.stringify(ADDON)});
function makePlan(size, parameters = new Float32Array(size).fill(1)) {
	return new binding.LayerwisePlan({
		algorithm: 4, nonFinite: 0, threads: 2, device: ${ADDON_DEVICE},
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rho: 0.99 },
		parameters: [parameters], gradients: [new Float32Array(size).fill(0.1)],
		arraysPerLayer: Uint32Array.of(1),
	});
}`;

const size = (elements: number): number => (ON_EMULATION ? elements / 100 : elements);

/** A worker with a step in flight at any moment. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
${MAKE_PLAN}
const plan = makePlan(workerData.size);
const statistics = new Float32Array(14);
parentPort.postMessage('running');
(async () => { for (;;) await plan.stepAsync(1e-3, 0, 0, statistics, 1); })();`;

describe('a step in flight', () => {
	it('does not mind the end of its worker', async () => {
		const result = await runScript(`
			const { Worker } = require('node:worker_threads');
			const { once } = require('node:events');
			${MAKE_PLAN}
			(async () => {
				const plan = makePlan(${size(300_000)});
				for (let round = 0; round < ${ON_EMULATION ? 4 : 20}; round++) {
					const workerData = { size: round % 2 === 0 ? 50 : ${size(1_000_000)} };
					const worker = new Worker(${JSON.stringify(WORKER)}, { eval: true, workerData });
					await once(worker, 'message');
					for (let spin = 0; spin < round; spin++) await plan.stepAsync(1e-3, 0, 0, undefined, 1);
					await worker.terminate();
				}
				console.log('all terminated');
			})();
		`);
		expect(result).toMatchObject({ code: 0, signal: null, stdout: 'all terminated\n', stderr: '' });
	});

	it('does not mind the end of its process', async () => {
		for (const elements of [50, size(3_000_000)]) {
			const result = await runScript(`${MAKE_PLAN}
				for (let i = 0; i < 6; i++) makePlan(${elements}).stepAsync(1e-3, 0, 0, new Float32Array(14), 1);
				process.exit(0);`);
			expect(result).toMatchObject({ code: 0, signal: null, stdout: '', stderr: '' });
		}
	});

	it('is waited for by a program that has nothing else to do', async () => {
		const result = await runScript(`${MAKE_PLAN}
			makePlan(${size(1_000_000)}).stepAsync(1e-3, 0, 0, undefined, 1).then(() => console.log('done'));`);
		expect(result).toMatchObject({ code: 0, signal: null, stdout: 'done\n', stderr: '' });
	});

	it('keeps memory that everybody else has forgotten', async () => {
		const result = await runScript(
			`${MAKE_PLAN}
			(async () => {
				for (let round = 0; round < ${ON_EMULATION ? 4 : 20}; round++) {
					const running = [makePlan(${size(500_000)}).stepAsync(1e-3, 0, 0, undefined, 1)];
					const shared = new Float32Array(new SharedArrayBuffer(${size(2_000_000)})).fill(1);
					running.push(makePlan(${size(500_000)}, shared).stepAsync(1e-3, 0, 0, undefined, 1));
					globalThis.gc();
					await Promise.all(running);
					if (Math.abs(shared.at(-1) - 0.999) > 1e-6) throw new Error('not stepped: ' + shared.at(-1));
				}
				for (let turn = 0; turn < 100 && binding.liveHandles() > 0; turn++) {
					globalThis.gc();
					await new Promise(setImmediate);
				}
				console.log(binding.liveHandles());
			})();`,
			['--expose-gc'],
		);
		expect(result).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
	});

	it('lets the addon refuse every other call with a code, and be disposed', async () => {
		const result = await runScript(`${MAKE_PLAN}
			(async () => {
				const codes = new Set();
				const attempt = (call) => { try { call(); codes.add('nothing'); } catch (error) { codes.add(error.code ?? error.name); } };
				const plan = makePlan(${size(300_000)});
				const values = [undefined, null, -1, NaN, 'x', {}, new Float32Array(13)];
				for (const first of values) {
					for (const second of values) {
						if (first === undefined && typeof second === 'number') continue; // good ones
						attempt(() => plan.stepAsync(1e-3, 0, 0, first, second));
					}
				}
				const running = plan.stepAsync(1e-3, 0, 0, undefined, 1);
				attempt(() => plan.step(1e-3, 0, 0, undefined, 1));
				attempt(() => plan.stepAsync(1e-3, 0, 0, undefined, 1));
				attempt(() => plan.probe(1e-3, 0, 0, new Float32Array(14), 1));
				attempt(() => plan.readMoment(0, 0, new Float32Array(${size(300_000)})));
				attempt(() => plan.writeMoment(0, 0, new Float32Array(${size(300_000)})));
				attempt(() => plan.readSteps(new Float64Array(1)));
				attempt(() => plan.writeSteps(new Float64Array(1)));
				plan.dispose();
				await running;
				console.log([...codes].join());
			})();`);
		expect(result).toMatchObject({ code: 0, signal: null, stdout: 'INVALID_ARGUMENT\n', stderr: '' });
	});
});
