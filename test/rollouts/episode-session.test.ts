import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { mlp } from '../../src/networks/builders.js';
import type { Episode, EpisodeResult, RolloutExecutor } from '../../src/rollouts/executor.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import { PiscinaExecutor } from '../../src/rollouts/piscina.js';
import type { TrainingTask } from '../../src/tasks/task.js';

const dataset = syntheticDataset();

function task(units: number, seed = 3): TrainingTask {
	return {
		index: 0,
		spec: mlp({ input: dataset.shape, hidden: [units], classes: dataset.classes }),
		optimizer: { algorithm: 'adam' },
		batchSize: 16,
		horizon: 40,
		interval: 10,
		networks: [{ seed, learningRate: 0.01 }],
	};
}

const episode = (units: number, more: Partial<Episode> = {}): Episode => ({
	task: task(units),
	method: { type: 'schedule', name: 'constant' },
	...more,
});

const course = ({ history: { validationAccuracy }, outcomes }: EpisodeResult) => [...validationAccuracy, ...outcomes];

describe.each([
	['on the calling thread', () => new InProcessExecutor({ dataset, threads: 1 })],
	['on two threads', () => new PiscinaExecutor({ dataset, workers: 2 })],
] as [string, () => RolloutExecutor][])('a session of episodes %s', (_, open) => {
	it('runs what is asked for while others run, to the bits of an evaluation', async () => {
		await using executor = open();
		const expected: number[][] = [];
		for await (const result of executor.evaluate([4, 8, 16].map((units) => episode(units))))
			expected.push(course(result));
		await using session = executor.session();
		const first = [session.run(episode(4)), session.run(episode(8))];
		const third = first[0]!.then(() => session.run(episode(16)));
		const results = await Promise.all([...first, third]);
		expect(results.map(course)).toEqual(expected);
	});

	it('gives an episode up where it is told to, and the parameters where they are asked for', async () => {
		await using executor = open();
		await using session = executor.session({ test: false });
		const whole = await session.run(episode(8, { parameters: true }));
		expect(whole.parameters).toHaveLength(64 * 8 + 8 + 8 * 4 + 4);
		expect(new Set(whole.parameters).size).toBeGreaterThan(100);
		const accuracies = [...whole.history.validationAccuracy];
		const hold = accuracies.slice(0, 3).concat(accuracies[2]!, accuracies[2]!);
		const stopped = await session.run(episode(8, { minimumAccuracies: [-1, accuracies[2]!] }));
		expect([...stopped.history.validationAccuracy]).toEqual(hold);
		expect(stopped.parameters).toBeUndefined();
		const above = await session.run(episode(8, { minimumAccuracies: [-1, accuracies[2]! - 1e-6] }));
		expect([...above.history.validationAccuracy]).toEqual(accuracies);
	});

	it('lets a failing episode fail alone', async () => {
		await using executor = open();
		await using session = executor.session();
		const [good, bad] = await Promise.allSettled([
			session.run(episode(4)),
			session.run({ ...episode(4), task: { ...task(4), sliceSize: 3 } }),
		]);
		expect(good.status).toBe('fulfilled');
		expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'INVALID_ARGUMENT' } });
		await expect(session.run(episode(8))).resolves.toBeDefined();
	});

	it('is the one run of its executor until it is closed, and closing stops what runs', async () => {
		await using executor = open();
		const session = executor.session();
		expect(() => executor.session()).toThrow('running already');
		const long = { ...task(64), horizon: 1_000_000, interval: 100 };
		const running = [0, 1, 2].map(() => session.run({ ...episode(64), task: long }));
		const outcomes = Promise.allSettled(running);
		await new Promise((resolve) => setTimeout(resolve, 50));
		await session[Symbol.asyncDispose]();
		for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'CANCELLED' } });
		await expect(session.run(episode(4))).rejects.toMatchObject({ code: 'DISPOSED' });
		await using next = executor.session();
		await expect(next.run(episode(4))).resolves.toBeDefined();
	});

	it('is cancelled by its signal', async () => {
		await using executor = open();
		const controller = new AbortController();
		await using session = executor.session({ signal: controller.signal });
		const running = session.run({ ...episode(64), task: { ...task(64), horizon: 1_000_000, interval: 100 } });
		setTimeout(() => controller.abort(), 30);
		await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(() => executor.session({ signal: controller.signal })).toThrow(/running|cancelled/);
	});
});
