import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, metaTrain, parseConfig, RunDirectory } from 'ganno';
import { PRESETS } from '#ganno/config/presets.js';
import { type BenchmarkOptions, progress } from './options.js';

/** The children of a meta-training run, by benchmark case. */
const FAMILIES = {
	mlp: { type: 'mlp', hidden: [128, 64] },
	'cnn-small': { type: 'cnn', filters: [16, 32], hidden: [64] },
} as const satisfies Record<string, unknown>;

/**
 * The part of each iteration's wall time that the learner's update takes, in a run like that of `npm start` but with this case's
 * networks as children. The first iteration, in which tfjs compiles its kernels, is left out.
 */
export async function learnerShares(caseName: string, dataset: Dataset, options: BenchmarkOptions): Promise<number[]> {
	const directory = mkdtempSync(join(tmpdir(), 'ganno-bench-'));
	const config = parseConfig({
		...PRESETS.quick,
		iterations: options.quick ? 2 : 1 + Math.max(options.rounds, 2),
		tasks: { ...PRESETS.quick.tasks, networks: [FAMILIES[caseName as keyof typeof FAMILIES]] },
	});
	const shares: number[] = [];
	try {
		using run = RunDirectory.create(join(directory, 'run'), config);
		await metaTrain({
			run,
			dataset,
			onIteration: ({ iteration, learnerShare }) => {
				progress(`${caseName}, meta-training: iteration ${iteration + 1} of ${config.iterations}`);
				shares.push(learnerShare);
			},
		});
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
	return shares.slice(1);
}
