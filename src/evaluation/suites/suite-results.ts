import { checkVersion, migrateSuiteResults, type VERSION } from '../../files/migrations.js';
import type { Suite, SuiteTask } from './definitions/suite-spec.js';
import { type CellResult, stepsToTarget, validationArea } from './suite-cells.js';
import type { ContenderKind } from './suite-contenders.js';
import type { SeedPurpose } from './suite-tasks.js';
import type { SuiteTuning } from './suite-tuning.js';

/** One network of one contender, as the results file tells it. Accuracies are shares. */
export interface RunRecord {
	readonly task: string;
	readonly contender: string;
	/** The column; null for contenders that choose their own learning rate. */
	readonly learningRate: number | null;
	readonly seed: number;
	readonly finalTest: number;
	readonly bestTest: number;
	readonly finalValidation: number;
	readonly bestValidation: number;
	/** Mean of the validation accuracy over the run. */
	readonly validationArea: number;
	/** Until 95 % of the tuned cosine's final validation accuracy; null: never. */
	readonly stepsToTarget: number | null;
	readonly diverged: boolean;
}

/** Learning rates of a contender's first network, `[decisions][layers]`. */
export interface Trajectory {
	readonly task: string;
	readonly contender: string;
	readonly learningRate: number | null;
	readonly learningRates: readonly (readonly number[])[];
}

/** Everything an evaluation suite found; the results file holds it as JSON. */
export interface SuiteResults {
	readonly format: 'ganno-suite-results';
	readonly version: typeof VERSION;
	readonly suite: Suite;
	/** `reporting` for figures that are told; `development` for choosing. */
	readonly seeds: Exclude<SeedPurpose, 'tuning'>;
	readonly contenders: readonly { readonly name: string; readonly kind: ContenderKind }[];
	readonly policies: readonly {
		readonly name: string;
		readonly digest: string;
		readonly granularity: string;
		readonly action: string;
		readonly training: Readonly<Record<string, unknown>> | null;
	}[];
	/** The user's own; absent: none. */
	readonly schedules?: readonly { readonly name: string; readonly file: string; readonly digest: string }[];
	readonly datasets: readonly {
		readonly name: string;
		readonly digest: string;
		readonly images: readonly [train: number, validation: number, test: number];
	}[];
	/** What of the suite was not run, and why. */
	readonly skipped: readonly { readonly task: string; readonly contender: string | null; readonly reason: string }[];
	readonly targets: readonly { readonly task: string; readonly validationAccuracy: number }[];
	readonly tuning: SuiteTuning;
	readonly runs: readonly RunRecord[];
	/** Learned policies only. */
	readonly trajectories: readonly Trajectory[];
	readonly record: {
		readonly date: string;
		readonly ganno: string;
		readonly commit: string | null;
		readonly node: string;
		readonly machine: string;
		readonly workers: number;
		/** Of this sitting: cells taken over from a journal cost nothing. */
		readonly seconds: number;
	};
}

/** The records of a cell. */
export function runRecords(
	{ networks }: CellResult,
	task: SuiteTask,
	contender: string,
	learningRate: number | null,
	target: number | undefined,
): RunRecord[] {
	const round = (value: number) => Number(value.toPrecision(6));
	return networks.map(({ seed, finalTest, bestTest, validation, diverged }) => ({
		task: task.id,
		contender,
		learningRate,
		seed,
		finalTest,
		bestTest,
		finalValidation: validation.at(-1) as number,
		bestValidation: Math.max(...validation),
		validationArea: round(validationArea(validation)),
		stepsToTarget:
			target === undefined ? null : (stepsToTarget(validation, task.horizon / (validation.length - 1), target) ?? null),
		diverged,
	}));
}

const RUN_COLUMNS = [
	'task',
	'contender',
	'learningRate',
	'seed',
	'finalTest',
	'bestTest',
	'finalValidation',
	'bestValidation',
	'validationArea',
	'stepsToTarget',
	'diverged',
] as const satisfies readonly (keyof RunRecord)[];

/** JSON with a line a run, so that a file of thousands of them can be read and compared line by line. */
export function formatResults({ runs, trajectories, ...head }: SuiteResults): string {
	const text = JSON.stringify(head, undefined, '\t').replace(/\n}$/, ',');
	const rows = runs.map((run) => JSON.stringify(RUN_COLUMNS.map((column) => run[column])));
	const courses = trajectories.map((trajectory) => JSON.stringify(trajectory));
	return `${text}
	"runColumns": ${JSON.stringify(RUN_COLUMNS)},
	"runs": [${list(rows)}],
	"trajectories": [${list(courses)}]
}
`;
}

/**
 * Reads the text of a results file, of ganno 0.1 too.
 * @param path for messages
 * @throws GannoError `BAD_FILE` for a version that this ganno does not read
 */
export function parseResults(text: string, path = 'The results'): SuiteResults {
	const content = JSON.parse(text) as Record<string, unknown>;
	const version = checkVersion(path, 'ganno-suite-results', content.version);
	const { runColumns, runs, ...rest } = migrateSuiteResults(content, version) as unknown as Omit<
		SuiteResults,
		'runs'
	> & {
		readonly runColumns: readonly string[];
		readonly runs: readonly (readonly unknown[])[];
	};
	const records = runs.map(
		(row) => Object.fromEntries(runColumns.map((column, i) => [column, row[i]])) as unknown as RunRecord,
	);
	return { ...rest, runs: records };
}

function list(lines: readonly string[]): string {
	return lines.length === 0 ? '' : `\n\t\t${lines.join(',\n\t\t')}\n\t`;
}
