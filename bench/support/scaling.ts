import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { loadBenchAddon } from './machine.js';
import type { BenchmarkOptions } from './options.js';
import { progress } from './options.js';
import { measured, median, type Row, type Target, target, unmeasured } from './report.js';

/** Turns of each of the four measurements in a round. */
const TURNS = 6;

interface Done {
	readonly steps: number;
	readonly wallSeconds: number;
}

function ask(worker: Worker, milliseconds: number): Promise<Done> {
	return new Promise((resolve, reject) => {
		const settle = (then: () => void): void => {
			worker.off('message', onMessage);
			worker.off('error', onError);
			then();
		};
		const onMessage = (done: Done): void => settle(() => resolve(done));
		const onError = (error: Error): void => settle(() => reject(error));
		worker.on('message', onMessage);
		worker.on('error', onError);
		worker.postMessage(milliseconds);
	});
}

/**
 * How much of the machine's own scaling two workers keep: (steps/s of two worker threads / of one) / (multiply-adds/s of two pinned
 * threads / of one), wall clock, all four measured in every round. A machine whose second CPU is a hyperthread, or that throttles,
 * lowers both sides alike.
 */
export async function measureScaling(
	tier: string,
	caseName: string,
	options: BenchmarkOptions,
): Promise<{ readonly rows: readonly Row[]; readonly target: Target }> {
	const name = `${caseName}: two workers' scaling against two multiply-add loops'`;
	const label = (contender: string, metric: string) => ({ case: caseName, contender, metric, unit: '1' });
	if (availableParallelism() < 2) {
		const note = 'not measured: this process may use one CPU only';
		return { rows: [unmeasured(label('ganno', 'two_worker_scaling'), note)], target: target(name, '>=', 0.95, null) };
	}
	const milliseconds = options.quick ? 100 : 250;
	const url = new URL('../contenders/scaling-worker.js', import.meta.url);
	const workers = [1, 2].map((seed) => new Worker(url, { workerData: { caseName, seed } }));
	const [first, second] = workers as [Worker, Worker];
	const rate = ({ steps, wallSeconds }: Done): number => steps / wallSeconds;
	const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);
	const loops = (threads: number): number =>
		sum(
			loadBenchAddon()
				.measureFmaPeak(tier, milliseconds / 2, threads)
				.map(({ operations, wallSeconds }) => operations / wallSeconds),
		);
	const ours: number[] = [];
	const ceiling: number[] = [];
	try {
		await Promise.all(workers.map((worker) => ask(worker, 50)));
		for (let round = 0; round < options.rounds; round++) {
			progress(`${caseName}, scaling: round ${round + 1} of ${options.rounds}`);
			// Many short turns: a neighbour on the machine then disturbs all four alike.
			const total = { one: 0, two: 0, oneLoop: 0, twoLoops: 0 };
			for (let turn = 0; turn < TURNS; turn++) {
				total.one += rate(await ask(first, milliseconds));
				total.two += sum((await Promise.all([ask(first, milliseconds), ask(second, milliseconds)])).map(rate));
				total.oneLoop += loops(1);
				total.twoLoops += loops(2);
			}
			ours.push(total.two / total.one);
			ceiling.push(total.twoLoops / total.oneLoop);
		}
	} finally {
		await Promise.all(workers.map((worker) => worker.terminate()));
	}
	const kept = ours.map((scaling, round) => scaling / (ceiling[round] as number));
	return {
		rows: [
			measured(label('ganno', 'two_worker_scaling'), ours),
			measured(label('fma-peak', 'two_thread_scaling'), ceiling),
			measured(label('ganno', 'share_of_machine_scaling'), kept),
		],
		target: target(name, '>=', 0.95, median(kept)),
	};
}
