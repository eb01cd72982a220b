/** Does Q-learning find better architectures than random search of the same length? Seeds of the preset small. See docs/benchmarks.md. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pairedDifference } from '#ganno/paired-difference.js';
import { baseVersions, loadAddon, repositoryRoot } from './support/machine.js';
import { parseOptions, progress } from './support/options.js';
import { measured, type Row, report, type Target, target } from './support/report.js';

const STRATEGIES = ['q-learning', 'random'] as const;

/** What `ganno search` leaves in search.json, as far as it is needed here. */
interface SearchResults {
	readonly unique: number;
	readonly epsilons: readonly {
		readonly epsilon: number;
		readonly mean: number;
		readonly low: number | null;
		readonly high: number | null;
		readonly unique: number;
	}[];
	readonly best: readonly { readonly accuracy: number }[];
	readonly retrained: readonly { readonly testAccuracy: number }[];
}

/** A search by the command line; one that was interrupted goes on. */
function runSearch(strategy: (typeof STRATEGIES)[number], seed: number, quick: boolean): SearchResults {
	const run = join(repositoryRoot, 'build', 'search', `${quick ? 'quick-' : ''}${strategy}-${seed}`);
	const fresh = ['--preset', 'small', '--seed', String(seed), '--run-dir', run];
	if (strategy === 'random') fresh.push('--random');
	if (quick) {
		fresh.push('--dataset', 'synthetic', '--set', 'downsample=1', '--set', 'learner.epsilons=[[1,8],[0.1,8]]');
		fresh.push('--set', 'training.epochs=1', '--set', 'retraining.epochs=2', '--set', 'training.sliceSize=384');
		fresh.push('--set', 'retraining.sliceSize=384', '--set', 'training.batchSize=32');
	}
	const args = existsSync(join(run, 'search.jsonl')) ? ['--resume', run] : fresh;
	progress(`seed ${seed}, ${strategy}: ganno search ${args.join(' ')}`);
	const main = join(repositoryRoot, 'dist', 'cli', 'main.js');
	const { status } = spawnSync(process.execPath, [main, 'search', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
	if (status !== 0) throw new Error(`ganno search ended with ${status}; run again to go on`);
	return JSON.parse(readFileSync(join(run, 'search.json'), 'utf8')) as SearchResults;
}

/** Mean at the lowest ε less that at ε = 1, and the low end of the difference's 95 % interval (two independent means). */
function gain({ epsilons }: SearchResults): { readonly mean: number; readonly low: number; readonly high: number } {
	const first = epsilons[0];
	const last = epsilons.at(-1);
	if (first === undefined || last === undefined) throw new Error('The search has no models');
	// The wider side: the other may be cut off at 0 or 1.
	const halfWidth = ({ mean, low, high }: typeof first) => Math.max((high ?? 1) - mean, mean - (low ?? 0));
	const margin = Math.hypot(halfWidth(first), halfWidth(last));
	const mean = last.mean - first.mean;
	return { mean, low: mean - margin, high: mean + margin };
}

const options = parseOptions('bench:search', 'Q-learning against random search; one round is one seed.', {
	rounds: 3,
	quickRounds: 2,
});
const rows: Row[] = [];
const targets: Target[] = [];
const best = { 'q-learning': [] as number[], random: [] as number[] };
const test = { 'q-learning': [] as number[], random: [] as number[] };
for (let seed = 1; seed <= options.rounds; seed++) {
	for (const strategy of STRATEGIES) {
		const results = runSearch(strategy, seed, options.quick);
		best[strategy].push(results.best[0]?.accuracy ?? 0);
		test[strategy].push(results.retrained[0]?.testAccuracy ?? 0);
		if (strategy === 'random') continue;
		const { mean, low, high } = gain(results);
		const label = { case: `seed ${seed}`, contender: strategy, metric: 'accuracy_gain_lowest_epsilon', unit: '1' };
		rows.push({
			...measured(label, [mean], `of ${results.unique} models trained; mean and 95 % interval`),
			min: low,
			max: high,
		});
		targets.push(target(`seed ${seed}: low end of the gain in accuracy from ε = 1 to the lowest ε`, '>', 0, low));
	}
}
for (const [metric, values] of [
	['best_validation_accuracy', best],
	['test_accuracy_of_best', test],
] as const) {
	for (const contender of STRATEGIES) {
		rows.push(measured({ case: 'all seeds', contender, metric, unit: '1' }, values[contender]));
	}
	const { mean, low, high } = pairedDifference(values['q-learning'], values.random);
	rows.push({
		...measured(
			{ case: 'all seeds', contender: 'q-learning', metric: `${metric}_minus_random`, unit: '1' },
			[mean],
			'mean and 95 % interval over seeds',
		),
		min: low,
		max: high,
	});
}
report({ ...options, tier: loadAddon().cpuTier(), versions: baseVersions(), rows, targets });
