import { describe, expect, it } from 'vitest';
import { ADDON, ADDON_DEVICE, runScript } from '../support/child-process.js';
import { ON_EMULATION } from '../support/test-device.js';

/** Workers that end in the middle of native calls, processes that end with handles open: each in a process of its own. */

/** Beyond 100,000 elements two threads step. */
const BIG = ON_EMULATION ? 3000 : 300_000;

/** A plan over `size` elements; big ones use two threads. */
const MAKE_PLAN = `
function makePlan(binding, size) {
	return new binding.LayerwisePlan({
		algorithm: 4, nonFinite: 0, threads: 2, device: ${ADDON_DEVICE},
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rho: 0.99 },
		parameters: [new Float32Array(size).fill(1)], gradients: [new Float32Array(size).fill(0.1)],
		arraysPerLayer: Uint32Array.of(1),
	});
}`;

const LOAD = `const binding = require(${JSON.stringify(ADDON)});`;

/** The body of a worker that steps until it is stopped; half of its calls throw. */
const STEPPING_WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const binding = require(workerData.addon);
${MAKE_PLAN}
const plan = makePlan(binding, workerData.size);
const statistics = new Float32Array(14);
const wrong = new Float32Array(13);
parentPort.postMessage('running');
for (;;) {
	plan.step(1e-3, 0, 0, statistics, 1);
	try { plan.step(1e-3, 0, 0, wrong, 1); } catch {}
	try { new binding.LayerwisePlan({}); } catch {}
}`;

describe('the addon', () => {
	it('survives worker.terminate() in the middle of native calls', async () => {
		const result = await runScript(`
			const { Worker } = require('node:worker_threads');
			const { once } = require('node:events');
			${LOAD}
			${MAKE_PLAN}
			(async () => {
				const addon = ${JSON.stringify(ADDON)};
				const plan = makePlan(binding, ${BIG});
				for (let round = 0; round < ${ON_EMULATION ? 6 : 30}; round++) {
					const size = round % 2 === 0 ? 50 : ${BIG};
					const worker = new Worker(${JSON.stringify(STEPPING_WORKER)}, { eval: true, workerData: { addon, size } });
					await once(worker, 'message');
					for (let spin = 0; spin < round * 20; spin++) plan.step(1e-3, 0, 0, undefined, 1);
					await worker.terminate();
				}
				console.log('all terminated');
			})();
		`);
		expect(result).toMatchObject({ code: 0, signal: null, stdout: 'all terminated\n', stderr: '' });
	});

	it('lets a process exit while workers compute', async () => {
		const result = await runScript(`
			const { Worker } = require('node:worker_threads');
			const addon = ${JSON.stringify(ADDON)};
			let running = 0;
			for (const size of [50, ${BIG}]) {
				const worker = new Worker(${JSON.stringify(STEPPING_WORKER)}, { eval: true, workerData: { addon, size } });
				worker.once('message', () => { if (++running === 2) process.exit(0); });
			}
		`);
		expect(result).toMatchObject({ code: 0, signal: null, stderr: '' });
	});

	it('lets a worker call process.exit() with handles open, and the main thread go on', async () => {
		const result = await runScript(`
			const { Worker } = require('node:worker_threads');
			const { once } = require('node:events');
			${LOAD}
			${MAKE_PLAN}
			(async () => {
				const addon = ${JSON.stringify(ADDON)};
				const source = 'const { workerData } = require("node:worker_threads"); const binding = require(workerData.addon);' +
					makePlan.toString() + '; const plan = makePlan(binding, 1000); plan.step(1e-3, 0, 0, new Float32Array(14), 1); process.exit(3);';
				for (let round = 0; round < 5; round++) {
					const worker = new Worker(source, { eval: true, workerData: { addon } });
					const [code] = await once(worker, 'exit');
					if (code !== 3) throw new Error('exit code ' + code);
				}
				makePlan(binding, ${BIG}).step(1e-3, 0, 0, undefined, 1);
				console.log('live handles', binding.liveHandles());
			})();
		`);
		// The worker's handles went with it; the main thread's last plan is still open.
		expect(result).toMatchObject({ code: 0, signal: null, stdout: 'live handles 1\n', stderr: '' });
	});

	it('works where only workers that come and go have loaded it', async () => {
		const result = await runScript(`
			const { Worker } = require('node:worker_threads');
			const { once } = require('node:events');
			(async () => {
				const addon = ${JSON.stringify(ADDON)};
				for (let round = 0; round < 5; round++) {
					const source = 'const { workerData } = require("node:worker_threads"); const binding = require(workerData.addon);' +
						${JSON.stringify(MAKE_PLAN)} + '; const plan = makePlan(binding, ${BIG}); plan.step(1e-3, 0, 0, new Float32Array(14), 1); plan.dispose();';
					const workers = [0, 1, 2].map(() => new Worker(source, { eval: true, workerData: { addon } }));
					for (const codes of await Promise.all(workers.map((worker) => once(worker, 'exit')))) {
						if (codes[0] !== 0) throw new Error('exit code ' + codes[0]);
					}
				}
			})();
		`);
		expect(result).toMatchObject({ code: 0, signal: null, stderr: '' });
	});

	it('exits cleanly with pool threads asleep and handles open', async () => {
		const result = await runScript(`${LOAD} ${MAKE_PLAN}
			globalThis.plan = makePlan(binding, ${BIG});
			globalThis.plan.step(1e-3, 0, 0, undefined, 1);
			if (binding.liveHandles() !== 1) throw new Error('handles');
		`);
		expect(result).toMatchObject({ code: 0, signal: null, stderr: '' });
	});

	it('frees a forgotten optimizer with its garbage', async () => {
		const result = await runScript(
			`${LOAD} ${MAKE_PLAN}
			(async () => {
				for (let i = 0; i < 50; i++) makePlan(binding, 1000);
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

	it('counts handles down at dispose, once', async () => {
		const result = await runScript(`${LOAD} ${MAKE_PLAN}
			const plans = [makePlan(binding, 5), makePlan(binding, 5)];
			const counts = [binding.liveHandles()];
			for (const plan of [plans[0], plans[0], plans[1]]) {
				plan.dispose();
				counts.push(binding.liveHandles());
			}
			console.log(counts.join());
		`);
		expect(result).toMatchObject({ code: 0, stdout: '2,1,1,0\n', stderr: '' });
	});
});
