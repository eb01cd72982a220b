import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import type { RolloutExecutor, RunOptions } from '../../src/rollouts/executor.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import { PiscinaExecutor } from '../../src/rollouts/piscina.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { randomPolicy } from '../support/random-policy.js';

/** Worker threads run the built package (npm test builds first) over real networks. */

const dataset = syntheticDataset();

function task(index: number, options: Partial<TrainingTask> = {}): TrainingTask {
	return {
		index,
		spec: {
			input: dataset.shape,
			layers: [
				{ type: 'dense', units: 8 + index, activation: 'relu' },
				{ type: 'dense', units: dataset.classes },
			],
		},
		optimizer: { algorithm: 'adam' },
		batchSize: 8,
		horizon: 40,
		interval: 10,
		validationSize: 32,
		networks: [1, 2, 3].map((n) => ({ seed: 100 * index + n, learningRate: 10 ** -n })),
		...options,
	};
}

const tasks = Array.from({ length: 6 }, (_, index) => task(index));

/** Long enough to be under way when something happens to it; ends only by being stopped. */
const endless = (index: number): TrainingTask => task(index, { horizon: 50_000_000, interval: 50_000_000 });

async function collect(
	executor: RolloutExecutor,
	wanted: readonly TrainingTask[],
	options: RunOptions = {},
	onFirst?: () => void,
) {
	const all = [];
	for await (const { task: done, milliseconds: _, ...arrays } of executor.collect(
		wanted,
		randomPolicy('recurrent'),
		options,
	)) {
		if (all.length === 0) onFirst?.();
		const copies = Object.entries(arrays).map(([key, value]) => [
			key,
			ArrayBuffer.isView(value) ? value.slice() : value,
		]);
		all.push({ index: done.index, ...Object.fromEntries(copies) });
	}
	return all;
}

async function expected() {
	await using executor = new InProcessExecutor({ dataset });
	return await collect(executor, tasks, { explorationSeed: 5 });
}

describe('rollouts on worker threads', () => {
	it.each([1, 2, 3])('give the bits of the calling thread with %i workers, run after run', async (workers) => {
		const wanted = await expected();
		await using executor = new PiscinaExecutor({ dataset, workers });
		for (let run = 0; run < 2; run++) {
			expect(await collect(executor, tasks, { explorationSeed: 5 })).toEqual(wanted);
		}
	});

	it('follow new weights that are written into the same memory', async () => {
		await using executor = new PiscinaExecutor({ dataset, workers: 1 });
		const policy = randomPolicy();
		const actions = async () => {
			for await (const trajectory of executor.collect([task(0)], policy)) return [...trajectory.actions];
			return [];
		};
		const before = await actions();
		policy.parameters.set(randomPolicy('feed-forward', 2).parameters);
		expect(await actions()).not.toEqual(before);
	});

	it('are run again when their worker dies, to the same bits', async () => {
		const wanted = await expected();
		await using executor = new PiscinaExecutor({ dataset, workers: 2 });
		const died: Promise<unknown>[] = [];
		const result = await collect(executor, tasks, { explorationSeed: 5 }, () => {
			for (const thread of executor.threads) died.push(thread.terminate());
		});
		await Promise.all(died);
		expect(died).toHaveLength(2);
		expect(result).toEqual(wanted);
		expect(await collect(executor, tasks, { explorationSeed: 5 })).toEqual(wanted);
	});

	it('fail with WORKER_FAILED when every try loses its worker, and the executor works again', async () => {
		await using executor = new PiscinaExecutor({ dataset, workers: 2, retries: 1 });
		let over = false;
		const killed = new WeakSet();
		const killAll = (): void => {
			for (const thread of executor.threads) {
				if (!killed.has(thread)) void thread.terminate();
				killed.add(thread);
			}
			if (!over) setImmediate(killAll);
		};
		const run = collect(executor, [task(0), task(1, { horizon: 10_000_000, interval: 10 })]).finally(() => {
			over = true;
		});
		setImmediate(killAll);
		await expect(run).rejects.toMatchObject({ code: 'WORKER_FAILED' });
		expect(await collect(executor, tasks)).toHaveLength(6);
	});

	it('keep the code and the sentence of an error', async () => {
		const impossible = task(1, { batchSize: 100_000 });
		const messages: unknown[] = [];
		for (const executor of [new InProcessExecutor({ dataset }), new PiscinaExecutor({ dataset, workers: 2 })]) {
			await using open = executor;
			await collect(open, [task(0), impossible, task(2)]).catch((error: unknown) => messages.push(error));
			expect(await collect(open, [task(0)])).toHaveLength(1);
		}
		expect(messages).toHaveLength(2);
		expect(messages[0]).toMatchObject({ name: 'GannoError', code: 'INVALID_ARGUMENT' });
		expect(messages[1]).toMatchObject({
			name: 'GannoError',
			code: 'INVALID_ARGUMENT',
			message: (messages[0] as Error).message,
		});
	});

	it('stop in the middle of a native call when they are cancelled', async () => {
		await using executor = new PiscinaExecutor({ dataset, workers: 2 });
		const controller = new AbortController();
		const run = collect(executor, [task(0), endless(1), endless(2)], { signal: controller.signal }, () =>
			controller.abort(),
		);
		await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(await collect(executor, tasks)).toHaveLength(6);
	});

	it('stop when their results are no longer asked for, and when the executor is disposed of', async () => {
		{
			await using executor = new PiscinaExecutor({ dataset, workers: 2 });
			for await (const _ of executor.collect([task(0), endless(1)], randomPolicy())) break;
			expect(await collect(executor, [task(0)])).toHaveLength(1);
		}
		const executor = new PiscinaExecutor({ dataset, workers: 1 });
		const run = collect(executor, [endless(1)]);
		const failed = expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
		await executor[Symbol.asyncDispose]();
		await failed;
	});

	it('evaluate episodes in order, to the bits of the calling thread', async () => {
		const episodes = (['cosine', 'step'] as const).flatMap((name) =>
			[task(0), task(1)].map((wanted) => ({ task: wanted, method: { type: 'schedule', name } as const })),
		);
		const results = async (executor: RolloutExecutor) => {
			const all = [];
			for await (const { episode, returns, outcomes } of executor.evaluate(episodes)) {
				all.push([episode.task.index, ...returns, ...outcomes]);
			}
			return all;
		};
		await using local = new InProcessExecutor({ dataset });
		await using threads = new PiscinaExecutor({ dataset, workers: 2 });
		expect(await results(threads)).toEqual(await results(local));
	});

	it('need at least one worker', () => {
		expect(() => new PiscinaExecutor({ dataset, workers: 0 })).toThrow('an integer from 1 to 1024 for workers');
	});
});
