import { counted } from '../counted.js';
import { writeFileAtomic } from '../files/atomic-write.js';
import { meanAndError } from '../means.js';
import { meanInterval } from '../paired-difference.js';
import { type MultiLineChart, multiLineChart } from '../report/multi-line-chart.js';
import { writeReport } from '../report/report-page.js';
import type { ReportTable } from '../report/text-table.js';
import type { SearchEntry } from './replay-log.js';
import { bestModels, type RetrainedModel } from './retrain.js';
import type { SearchDirectory } from './search-directory.js';

/** What the models chosen at one ε were paid. */
export interface EpsilonSummary {
	readonly epsilon: number;
	/** Chosen at it, repetitions included. */
	readonly models: number;
	/** Trained at it. */
	readonly unique: number;
	/** Mean accuracy of those trained, and its 95 % interval (Student's t, within [0, 1]); infinite for fewer than two. */
	readonly mean: number;
	readonly low: number;
	readonly high: number;
	/** Mean accuracy of all chosen: repetitions are what the agent believes in. */
	readonly chosenMean: number;
}

/** ε by ε, in the order of the search. */
export function summarizeEpsilons(entries: readonly SearchEntry[]): EpsilonSummary[] {
	const groups = new Map<number, SearchEntry[]>();
	for (const entry of entries) {
		if (entry.accuracy === null) continue;
		const group = groups.get(entry.epsilon);
		if (group === undefined) groups.set(entry.epsilon, [entry]);
		else group.push(entry);
	}
	return [...groups].map(([epsilon, group]) => {
		const trained = group.filter(({ repeats }) => repeats === undefined).map(accuracyOf);
		const { mean, low, high, count } = meanInterval(trained);
		return {
			epsilon,
			models: group.length,
			unique: count,
			mean,
			// An accuracy is a share: what Student's t says beyond that is not so, and cut off, the interval covers as much.
			low: count < 2 ? Number.NEGATIVE_INFINITY : Math.max(low, 0),
			high: count < 2 ? Number.POSITIVE_INFINITY : Math.min(high, 1),
			chosenMean: meanAndError(group.map(accuracyOf)).mean,
		};
	});
}

function accuracyOf({ accuracy }: SearchEntry): number {
	return accuracy as number;
}

/** Another search to hold a search against. */
export interface Rival {
	readonly name: string;
	readonly entries: readonly SearchEntry[];
}

/** Best accuracy after each trained model. */
export function bestSoFar(entries: readonly SearchEntry[]): number[] {
	let best = 0;
	return entries
		.filter(({ repeats, accuracy }) => repeats === undefined && accuracy !== null)
		.map((entry) => {
			best = Math.max(best, accuracyOf(entry));
			return best;
		});
}

export interface SearchResults {
	readonly entries: readonly SearchEntry[];
	readonly retrained: readonly RetrainedModel[];
	readonly rivals: readonly Rival[];
}

const percent = (value: number): string => (Number.isFinite(value) ? `${(100 * value).toFixed(2)} %` : '–');

/** The tables of a search, for a terminal and the report. */
export function searchTables({ entries, retrained, rivals }: SearchResults): ReportTable[] {
	const tables: ReportTable[] = [];
	const epsilons = summarizeEpsilons(entries);
	if (epsilons.length > 0) {
		tables.push({
			caption: 'Validation accuracy by ε',
			header: ['ε', 'trained', 'mean', '95 % interval', 'chosen', 'mean of chosen'],
			rows: epsilons.map(({ epsilon, unique, mean, low, high, models, chosenMean }) => {
				const interval = Number.isFinite(low) ? `${percent(low)} to ${percent(high)}` : '–';
				return [epsilon, unique, percent(mean), interval, models, percent(chosenMean)];
			}),
			note: 'Trained: each architecture once. Chosen: also those that were trained before.',
		});
		const best = bestModels(entries, 10);
		tables.push({
			caption: 'Best architectures of the search',
			header: ['architecture', 'validation accuracy', 'model', 'ε'],
			rows: best.map(({ architecture, accuracy, model, epsilon }) => [
				architecture,
				percent(accuracy as number),
				model,
				epsilon,
			]),
		});
	}
	if (rivals.length > 0) {
		const own = bestSoFar(entries);
		const contenders = [
			{ name: 'this search', best: own },
			...rivals.map((rival) => ({ name: rival.name, best: bestSoFar(rival.entries) })),
		];
		const budget = Math.min(...contenders.map(({ best }) => best.length));
		tables.push({
			caption: `Best validation accuracy after ${counted(budget, 'trained model')}`,
			header: ['search', 'best'],
			rows: contenders.map(({ name, best }) => [name, percent(best[budget - 1] ?? Number.NaN)]),
		});
	}
	if (retrained.length > 0) {
		tables.push({
			caption: 'Trained for longer',
			header: ['architecture', 'learning rates by', 'search', 'validation', 'test', 'parameters'],
			rows: retrained.map((model) => [
				model.architecture,
				model.trainer,
				percent(model.searchAccuracy ?? Number.NaN),
				percent(model.validationAccuracy),
				percent(model.testAccuracy),
				model.parameters.toLocaleString('en-US'),
			]),
			note: 'Test: the whole test split, after the last step. Rows of one architecture began with the same weights and saw the same batches.',
		});
	}
	return tables;
}

/** Accuracy against iteration: a moving mean, the best so far, ε. */
export function searchChart({ entries, rivals }: Omit<SearchResults, 'retrained'>): string {
	const line = (values: readonly number[], name: string, emphasis = false): MultiLineChart['lines'][number] => ({
		name,
		emphasis,
		points: values.map((y, x) => ({ x: x + 1, y })),
	});
	const trained = (all: readonly SearchEntry[]) =>
		all.filter(({ repeats, accuracy }) => repeats === undefined && accuracy !== null);
	const own = trained(entries);
	const width = Math.max(5, Math.round(own.length / 10));
	return multiLineChart({
		title: 'Validation accuracy of the models trained',
		xLabel: 'unique model',
		yLabel: 'accuracy, ε',
		lines: [
			line(movingMean(own.map(accuracyOf), width), `mean of the last ${width}`, true),
			line(bestSoFar(entries), 'best so far'),
			line(
				own.map(({ epsilon }) => epsilon),
				'ε',
			),
			...rivals.flatMap(({ name, entries: others }) => [
				line(movingMean(trained(others).map(accuracyOf), width), `${name}: mean`),
				line(bestSoFar(others), `${name}: best`),
			]),
		],
	});
}

function movingMean(values: readonly number[], width: number): number[] {
	return values.map((_, i) => {
		const window = values.slice(Math.max(0, i + 1 - width), i + 1);
		return window.reduce((sum, value) => sum + value / window.length, 0);
	});
}

/** Writes search.json, search.svg and report.html. */
export function writeSearchReport(directory: SearchDirectory, results: SearchResults): void {
	const { entries, retrained, rivals } = results;
	const chart = searchChart(results);
	const { config } = directory;
	const summary = {
		models: entries.length,
		unique: entries.filter(({ repeats }) => repeats === undefined).length,
		epsilons: summarizeEpsilons(entries).map((row) => ({
			...row,
			low: Number.isFinite(row.low) ? row.low : null,
			high: Number.isFinite(row.high) ? row.high : null,
		})),
		best: bestModels(entries, 10).map(({ model, architecture, accuracy }) => ({ model, architecture, accuracy })),
		rivals: rivals.map((rival) => ({ name: rival.name, best: bestSoFar(rival.entries).at(-1) ?? null })),
		retrained,
	};
	writeFileAtomic(directory.file('results'), `${JSON.stringify(summary, undefined, 2)}\n`);
	writeFileAtomic(directory.file('chart'), chart);
	writeReport(directory.file('report'), {
		title: 'Architecture search',
		description: [
			`${config.learner.strategy === 'random' ? 'Random search' : 'Q-learning'} on ${config.dataset}, seed ${config.seed}: ${counted(summary.unique, 'architecture')} trained, ${summary.models} chosen.`,
		],
		series: [],
		tables: searchTables(results),
		pictures: entries.length > 0 ? [chart] : [],
	});
}
