import { mean } from '../../means.js';
import { PhiloxGenerator } from '../../philox.js';
import type { RunRecord, SuiteResults } from './suite-results.js';

/** Which runs a figure is about; absent: all. */
export interface Selection {
	readonly tasks?: ReadonlySet<string>;
	/** Columns of the contenders that take the task's learning rate. */
	readonly learningRates?: readonly number[];
}

/** A measure of runs by contender, task and seed, averaged over the columns: the clusters that intervals resample. */
export type ClusterMeans = ReadonlyMap<string, number>;

export type Measure = (run: RunRecord) => number;

export const FINAL_TEST: Measure = ({ finalTest }) => finalTest;
export const DIVERGED: Measure = ({ diverged }) => (diverged ? 1 : 0);

/** The runs of a results file, by contender. */
export class RunTable {
	readonly results: SuiteResults;
	readonly #runs: ReadonlyMap<string, readonly RunRecord[]>;

	constructor(results: SuiteResults) {
		this.results = results;
		this.#runs = groupBy(results.runs, ({ contender }) => contender);
	}

	runs(contender: string, { tasks, learningRates }: Selection = {}): readonly RunRecord[] {
		return (this.#runs.get(contender) ?? []).filter(
			({ task, learningRate }) =>
				(tasks === undefined || tasks.has(task)) &&
				(learningRates === undefined || learningRate === null || learningRates.includes(learningRate)),
		);
	}

	/** Mean of a measure in each cluster: task and seed. */
	clusters(contender: string, selection: Selection = {}, measure: Measure = FINAL_TEST): ClusterMeans {
		const groups = groupBy(this.runs(contender, selection), ({ task, seed }) => `${task}\n${seed}`);
		return new Map([...groups].map(([cluster, runs]) => [cluster, mean(runs.map(measure))]));
	}

	/** Mean over the clusters; NaN where the contender has no run. */
	mean(contender: string, selection: Selection = {}, measure: Measure = FINAL_TEST): number {
		return mean([...this.clusters(contender, selection, measure).values()]);
	}
}

/** A mean, and the interval that holds it in 95 % of the resamples. */
export interface Interval {
	readonly mean: number;
	readonly low: number;
	readonly high: number;
	/** Clusters. */
	readonly count: number;
}

/** Sub-sequence of the resamples. */
const BOOTSTRAP = 2 ** 51;

/**
 * The paired difference a − b over the clusters that both have, with its 95 % percentile bootstrap interval: clusters (a task and a seed,
 * all columns together) are drawn with replacement, the same draws on every machine.
 */
export function pairedBootstrap(a: ClusterMeans, b: ClusterMeans, resamples: number, seed: number): Interval {
	const differences = [...a].flatMap(([cluster, value]) => {
		const other = b.get(cluster);
		return other === undefined ? [] : [value - other];
	});
	return bootstrap(differences, resamples, seed);
}

/** Mean of values and its 95 % percentile bootstrap interval; NaN for no values. */
export function bootstrap(values: readonly number[], resamples: number, seed: number): Interval {
	const count = values.length;
	const average = mean(values);
	if (count < 2) return { mean: average, low: Number.NaN, high: Number.NaN, count };
	const generator = new PhiloxGenerator(seed, 'task', BOOTSTRAP);
	const means = new Float64Array(resamples);
	for (let r = 0; r < resamples; r++) {
		let sum = 0;
		for (let i = 0; i < count; i++) sum += values[Math.floor(generator.nextFloat() * count)] as number;
		means[r] = sum / count;
	}
	means.sort();
	return { mean: average, low: quantile(means, 0.025), high: quantile(means, 0.975), count };
}

/** Linear between the two nearest. */
function quantile(ascending: Float64Array, part: number): number {
	const place = part * (ascending.length - 1);
	const below = Math.floor(place);
	const low = ascending[below] as number;
	return low + ((ascending[below + 1] ?? low) - low) * (place - below);
}

function groupBy(runs: readonly RunRecord[], keyOf: (run: RunRecord) => string): Map<string, RunRecord[]> {
	const groups = new Map<string, RunRecord[]>();
	for (const run of runs) {
		const key = keyOf(run);
		const group = groups.get(key);
		if (group === undefined) groups.set(key, [run]);
		else group.push(run);
	}
	return groups;
}
