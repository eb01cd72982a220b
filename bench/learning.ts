/** Does the policy of `npm start` learn? Returns on fixed held-out tasks, and the evaluation table, on three seeds. See docs/benchmarks.md. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	type Dataset,
	type EvaluationTable,
	evaluatePolicy,
	type LearningCheck,
	learningCheck,
	loadPolicy,
	metaTrain,
	openDataset,
	openExecutor,
	parseConfig,
	RunDirectory,
} from 'ganno';
import { PRESETS } from '#ganno/config/presets.js';
import { baseVersions, loadAddon, packageVersion } from './support/machine.js';
import { parseOptions, progress } from './support/options.js';
import { measured, type Row, report, type Target, target } from './support/report.js';

const TASKS = 64;

interface SeedResult {
	readonly check: LearningCheck;
	readonly table: EvaluationTable;
	readonly seconds: number;
}

/** Trains as `npm start` does, from this seed, and judges what came of it. */
async function trainAndJudge(
	seed: number,
	quick: boolean,
	images: Dataset | undefined,
): Promise<[SeedResult, Dataset]> {
	const changes = quick ? { iterations: 6 } : {};
	const config = parseConfig({ ...PRESETS.quick, seed, ...changes });
	const dataset = images ?? (await openDataset(config));
	const directory = mkdtempSync(join(tmpdir(), 'ganno-bench-'));
	const executor = openExecutor(config, dataset);
	try {
		using run = RunDirectory.create(join(directory, 'run'), config);
		const start = performance.now();
		const { policyPath, initialPolicyPath } = await metaTrain({
			run,
			dataset,
			executor,
			onIteration: ({ iteration, return: mean }) => {
				if ((iteration + 1) % 10 === 0) {
					progress(`seed ${seed}: iteration ${iteration + 1} of ${config.iterations}, return ${mean.toFixed(2)}`);
				}
			},
		});
		const seconds = (performance.now() - start) / 1e3;
		const final = loadPolicy(policyPath);
		const check = await learningCheck({
			config,
			dataset,
			executor,
			initial: loadPolicy(initialPolicyPath),
			final,
			tasks: TASKS,
		});
		progress(`seed ${seed}: evaluation`);
		const table = await evaluatePolicy({ config, dataset, executor, policy: final });
		return [{ check, table, seconds }, dataset];
	} finally {
		await executor[Symbol.asyncDispose]();
		rmSync(directory, { recursive: true, force: true });
	}
}

function rowsOf(seed: number, { check, table, seconds }: SeedResult): { rows: Row[]; targets: Target[] } {
	const caseName = `seed ${seed}`;
	const label = (contender: string, metric: string, unit: string) => ({ case: caseName, contender, metric, unit });
	const rows: Row[] = [measured(label('learned', 'training_time', 's'), [seconds])];
	const targets: Target[] = [];
	for (const [rival, interval] of [
		['its initial self', check.finalMinusInitial],
		['doing nothing', check.finalMinusNothing],
	] as const) {
		const what = `return_minus_${rival === 'doing nothing' ? 'nothing' : 'initial'}`;
		rows.push({
			...measured(label('learned', what, 'nats'), [interval.mean]),
			// Here the extremes are the 95 % interval, over paired tasks.
			min: interval.low,
			max: interval.high,
			samples: interval.count,
			note: 'mean and 95 % interval over tasks',
		});
		targets.push(target(`${caseName}: low end of the return's gain over ${rival}`, '>', 0, interval.low));
	}
	for (const { contender, mean, standardError } of table.rows) {
		rows.push({
			...measured(label(contender, 'test_accuracy', '1'), [mean]),
			min: mean - standardError,
			max: mean + standardError,
			samples: table.seeds,
			note: 'mean ± standard error, over initial learning rates and held-out seeds',
		});
	}
	const learned = table.rows.find(({ kind }) => kind === 'learned')?.mean ?? Number.NaN;
	const best = Math.max(...table.rows.filter(({ kind }) => kind === 'default').map(({ mean }) => mean));
	const tuned = table.rows.find(({ kind }) => kind === 'tuned')?.mean ?? Number.NaN;
	targets.push(target(`${caseName}: learned minus the best default schedule`, '>', 0, learned - best));
	rows.push(
		measured(label('learned', 'accuracy_minus_tuned_cosine', '1'), [learned - tuned], 'reported, not promised'),
	);
	return { rows, targets };
}

async function main(): Promise<void> {
	const options = parseOptions('bench:learning', 'Whether the policy of npm start learns; one round is one seed.', {
		rounds: 3,
		quickRounds: 1,
	});
	const rows: Row[] = [];
	const targets: Target[] = [];
	let dataset: Dataset | undefined;
	for (let seed = 1; seed <= options.rounds; seed++) {
		let result: SeedResult;
		[result, dataset] = await trainAndJudge(seed, options.quick, dataset);
		const described = rowsOf(seed, result);
		rows.push(...described.rows);
		targets.push(...described.targets);
	}
	const versions = { ...baseVersions(), tfjs: packageVersion('@tensorflow/tfjs') };
	report({ ...options, tier: loadAddon().cpuTier(), versions, rows, targets });
}

await main();
