import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { describeMachine } from '../support/machine.js';
import { RandomNumbers } from '../support/random.js';
import { type Freedom, mean, type SearchBudget } from './search.js';
import type { Candidate } from './trainer.js';

/** One contender on the seeds of the report. */
export interface ContenderResult {
	readonly name: Freedom;
	readonly candidate: Candidate;
	/** Mean on the seeds of the choice. */
	readonly validationAccuracy: number;
	/** `[seeds]` */
	readonly testAccuracy: readonly number[];
	/** `[seeds]` */
	readonly testLoss: readonly number[];
	readonly diverged: number;
}

export interface Interval {
	readonly mean: number;
	readonly low: number;
	readonly high: number;
}

/** A contender against a rival, seed by seed: the mean difference and its 95 % interval. */
export interface Comparison {
	readonly contender: Freedom;
	readonly rival: Freedom;
	readonly accuracy: Interval;
	readonly loss: Interval;
}

export interface FamilyResult {
	readonly name: string;
	readonly about: string;
	readonly network: string;
	readonly optimizer: string;
	readonly batchSize: number;
	readonly horizon: number;
	readonly sliceSize: number | 'all';
	readonly layers: number;
	/** The tuned learning rate is at an edge of the grid. */
	readonly atEdge: boolean;
	readonly budget: SearchBudget;
	/** Of the report. */
	readonly seeds: readonly number[];
	readonly contenders: readonly ContenderResult[];
	readonly comparisons: readonly Comparison[];
	/** Networks trained for the search and the report together. */
	readonly networksTrained: number;
	readonly seconds: number;
}

export interface HeadroomReport {
	readonly machine: ReturnType<typeof describeMachine>;
	readonly versions: Readonly<Record<string, string>>;
	readonly dataset: string;
	readonly quick: boolean;
	readonly families: readonly FamilyResult[];
}

const RESAMPLES = 10_000;

/** Paired bootstrap over seeds, percentiles. */
export function pairedInterval(a: readonly number[], b: readonly number[]): Interval {
	const differences = a.map((value, i) => value - (b[i] as number));
	const random = new RandomNumbers(differences.length);
	const means = Float64Array.from({ length: RESAMPLES }, () => {
		let sum = 0;
		for (let i = 0; i < differences.length; i++) sum += differences[random.integer(differences.length)] as number;
		return sum / differences.length;
	}).sort();
	const at = (share: number): number => rounded(means[Math.floor(share * (RESAMPLES - 1))] as number, 6);
	return { mean: rounded(mean(differences), 6), low: at(0.025), high: at(0.975) };
}

const PAIRS: readonly (readonly [Freedom, Freedom])[] = [
	['schedule', 'cosine'],
	['scale-rule', 'cosine'],
	['layer-rates', 'cosine'],
	['layer-schedules', 'schedule'],
	['layer-schedules', 'cosine'],
];

/** Each contender against those whose freedom it extends. */
export function compareAll(contenders: readonly ContenderResult[]): Comparison[] {
	const named = (name: Freedom) => contenders.find((contender) => contender.name === name);
	return PAIRS.flatMap(([a, b]) => {
		const [contender, rival] = [named(a), named(b)];
		if (contender === undefined || rival === undefined) return [];
		const accuracy = pairedInterval(contender.testAccuracy, rival.testAccuracy);
		return [{ contender: a, rival: b, accuracy, loss: pairedInterval(contender.testLoss, rival.testLoss) }];
	});
}

export function rounded(value: number, digits: number): number {
	return Number(value.toPrecision(digits));
}

/** What an interrupted or earlier run left; undefined when there is nothing, or nothing of the same data set and budget kind. */
export function readReport(path: string, dataset: string, quick: boolean): HeadroomReport | undefined {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
	const report = JSON.parse(text) as HeadroomReport;
	return report.dataset === dataset && report.quick === quick ? report : undefined;
}

/** One line a family: long lists of figures, short diffs. */
export function writeReport(path: string, report: HeadroomReport): void {
	const { families, ...head } = report;
	const lines = families.map((family) => `\t\t${JSON.stringify(family)}`).join(',\n');
	const text = `${JSON.stringify(head, null, '\t').slice(0, -2)},\n\t"families": [\n${lines}\n\t]\n}\n`;
	writeFileSync(`${path}.part`, text);
	renameSync(`${path}.part`, path);
}

const points = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(2)}`;

function difference(comparison: Comparison | undefined): string {
	if (comparison === undefined) return '';
	const { mean: middle, low, high } = comparison.accuracy;
	return `${points(middle)} (${points(low)} to ${points(high)})`;
}

/** The table of docs/does-it-work.md: percentage points of test accuracy, with 95 % intervals. */
export function markdownTable({ families }: Pick<HeadroomReport, 'families'>): string {
	const header = [
		'family',
		'tuned cosine',
		'tuned schedule',
		'layer rates − cosine',
		'layer schedules − schedule',
		'scale rule − cosine',
	];
	const rows = families.map(({ about, contenders, comparisons }) => {
		const accuracy = (name: Freedom): string => {
			const found = contenders.find((contender) => contender.name === name);
			return found === undefined ? '' : `${(100 * mean(found.testAccuracy)).toFixed(2)} %`;
		};
		const pair = (contender: Freedom, rival: Freedom): string =>
			difference(comparisons.find((one) => one.contender === contender && one.rival === rival));
		return [
			about,
			accuracy('cosine'),
			accuracy('schedule'),
			pair('layer-rates', 'cosine'),
			pair('layer-schedules', 'schedule'),
			pair('scale-rule', 'cosine'),
		];
	});
	return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
