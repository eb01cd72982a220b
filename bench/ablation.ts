/** What each switch of meta-training is worth: every switch against one reference, several seeds each. See docs/benchmarks.md. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	type Config,
	type Dataset,
	evaluateOnHeldOutTasks,
	loadPolicy,
	metaTrain,
	openDataset,
	openExecutor,
	parseConfig,
	RunDirectory,
	tuneBaseline,
	withoutBaseline,
} from 'ganno';
import type { ConfigInput } from '#ganno/config/config.js';
import { needsBaseline } from '#ganno/meta-training/tune-baseline.js';
import {
	type AblationResults,
	type AblationRun,
	addRun,
	continueResults,
	findRun,
	switchesOf,
} from './ablation/results.js';
import { BUDGETS, REFERENCE, SWITCH_NAMES, SWITCHES, type SwitchName, withChanges } from './ablation/switches.js';
import { compare, MEASURES, type Measure, markdownTables } from './ablation/table.js';
import { baseVersions, describeMachine, loadAddon, packageVersion, repositoryRoot } from './support/machine.js';
import { parseOptions, progress, wanted } from './support/options.js';
import { type Row, report } from './support/report.js';

async function withTunedBaseline(config: Config, dataset: Dataset): Promise<Config> {
	if (!needsBaseline(config)) return config;
	await using executor = openExecutor(withoutBaseline(config), dataset);
	return await tuneBaseline({ config, dataset, executor });
}

/** Trains one policy and judges it on the reference's held-out tasks, whatever it was trained on. */
async function trainAndJudge(
	name: SwitchName,
	seed: number,
	reference: Config,
	dataset: Dataset,
	tasks: number,
): Promise<AblationRun> {
	const changes = SWITCHES[name];
	const started = performance.now();
	const config = await withTunedBaseline(parseConfig({ ...withChanges(reference, changes), seed }), dataset);
	const directory = mkdtempSync(join(tmpdir(), 'ganno-ablation-'));
	try {
		using run = RunDirectory.create(join(directory, 'run'), config);
		let networkSteps = 0;
		const { policyPath } = await metaTrain({
			run,
			dataset,
			onIteration: (metrics) => {
				networkSteps += metrics.networkSteps;
				if ((metrics.iteration + 1) % 20 !== 0) return;
				progress(
					`${name}, seed ${seed}: iteration ${metrics.iteration + 1} of ${config.iterations}, return ${metrics.return.toFixed(2)}`,
				);
			},
		});
		const trained = performance.now();
		const judging = withoutBaseline({ ...config, tasks: reference.tasks });
		await using executor = openExecutor(judging, dataset);
		const controller = loadPolicy(policyPath);
		const outcomes = await evaluateOnHeldOutTasks({ config: judging, dataset, executor, controller, tasks });
		return {
			switch: name,
			seed,
			changes,
			testAccuracy: outcomes.testAccuracy,
			returns: outcomes.returns,
			diverged: outcomes.diverged.map((one) => (one ? 1 : 0)),
			networkSteps,
			trainingSeconds: (trained - started) / 1000,
			evaluationSeconds: (performance.now() - trained) / 1000,
			...(config.environment.reward === 'baseline' ? { baseline: config.environment.baselineLearningRate } : {}),
		};
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

/** Means with the interval of the difference to the reference, as the other benchmarks' reports have them. */
function reportRows(results: AblationResults): Row[] {
	return (Object.keys(MEASURES) as Measure[]).flatMap((measure) =>
		compare(results, measure, switchesOf(results, SWITCH_NAMES)).flatMap(
			({ switch: contender, mean, difference, seeds }): Row[] => {
				const samples = seeds.length;
				const row = { case: measure, contender, unit: MEASURES[measure].name, samples };
				const rows: Row[] = [{ ...row, metric: 'mean', median: mean, min: null, max: null }];
				if (difference === undefined) return rows;
				for (const over of ['overSeeds', 'overTasks'] as const) {
					const { mean: median, low, high } = difference[over];
					const finite = Number.isFinite(low);
					const note = finite ? 'mean and 95 % interval of the paired difference' : 'one seed: no interval';
					rows.push({
						...row,
						metric: `difference_${over}`,
						median,
						min: finite ? low : null,
						max: finite ? high : null,
						note,
					});
				}
				return rows;
			},
		),
	);
}

async function main(): Promise<void> {
	const about = `What each switch of meta-training is worth. One round is one seed; a case is a switch: ${SWITCH_NAMES.join(', ')}.
Every run is kept in bench/results/ablation-full.json (with --quick: build/ablation-quick.json) as soon as it is done, and not made again.`;
	const defaults = { rounds: BUDGETS.full.seeds, quickRounds: BUDGETS.quick.seeds };
	const options = parseOptions('bench:ablation', about, defaults, {
		'--fresh': 'forget the results on disk',
		'--table': 'only print what is on disk, as Markdown',
	});
	const { iterations, tasks } = options.quick ? BUDGETS.quick : BUDGETS.full;
	const reference: ConfigInput = { ...REFERENCE, iterations };
	const path = join(repositoryRoot, options.quick ? 'build/ablation-quick.json' : 'bench/results/ablation-full.json');
	const versions = { ...baseVersions(), tfjs: packageVersion('@tensorflow/tfjs') };
	const tier = loadAddon().cpuTier();
	const empty: AblationResults = {
		machine: describeMachine(),
		versions,
		tier,
		quick: options.quick,
		reference,
		tasks,
		runs: [],
	};
	if (options.switches.has('--fresh')) rmSync(path, { force: true });
	let results = continueResults(path, empty);

	if (!options.switches.has('--table')) {
		const config = parseConfig(reference);
		const dataset = await openDataset(config);
		const unknown = options.cases.find((name) => !SWITCH_NAMES.includes(name as SwitchName));
		if (unknown !== undefined) throw new Error(`Unknown switch ${unknown}; there are ${SWITCH_NAMES.join(', ')}`);
		// Seed by seed, so that a run cut short has compared everything on the seeds it has.
		for (let seed = 1; seed <= options.rounds; seed++) {
			for (const name of SWITCH_NAMES.filter((each) => wanted(options.cases, each))) {
				if (findRun(results, name, seed, SWITCHES[name]) !== undefined) continue;
				const run = await trainAndJudge(name, seed, config, dataset, tasks);
				results = addRun(path, results, run);
				progress(`${name}, seed ${seed}: ${(run.trainingSeconds + run.evaluationSeconds).toFixed(0)} s`);
			}
		}
	}
	if (options.json) report({ ...options, tier, versions, rows: reportRows(results), targets: [] });
	else process.stdout.write(markdownTables(results, switchesOf(results, SWITCH_NAMES)));
}

await main();
