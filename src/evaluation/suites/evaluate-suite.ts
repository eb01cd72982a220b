import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/config.js';
import { recordedDataDirectory } from '../../config/data-directory.js';
import { counted } from '../../counted.js';
import type { Dataset } from '../../datasets/dataset.js';
import { loadDataset } from '../../datasets/load.js';
import { syntheticDataset } from '../../datasets/synthetic.js';
import { GannoError } from '../../errors.js';
import { writeFileAtomic } from '../../files/atomic-write.js';
import { VERSION } from '../../files/migrations.js';
import { packageRoot, packageVersion } from '../../package-files.js';
import { openExecutor, workerCount } from '../../runs/open-executor.js';
import type { SuiteDataset } from './definitions/suite-spec.js';
import { namedPolicies, ownSchedules, type SuitePolicy, type SuiteSchedule } from './participants.js';
import { type RunSuiteOptions, runSuite } from './run-suite.js';
import { SuiteJournal } from './suite-journal.js';
import { prepareSuiteOutput } from './suite-report.js';
import { formatResults, type SuiteResults } from './suite-results.js';

export interface EvaluateSuiteOptions extends Pick<RunSuiteOptions, 'suite' | 'seeds' | 'signal' | 'onProgress'> {
	/** The first is the one that the targets are about. */
	readonly policies: readonly SuitePolicy[];
	/** Schedules of the user's own. */
	readonly schedules?: readonly SuiteSchedule[];
	/** Workers, device and data folder. */
	readonly config: Config;
	/** The results file; the journal of an unfinished evaluation lies beside it. */
	readonly out: string;
	/** Go on with an unfinished one, or with one whose cells were kept. */
	readonly resume?: boolean;
	/** Leave the journal where it is: with `resume` another evaluation to `out` makes only what is new in it (default no). */
	readonly keepCells?: boolean;
	/** A run directory, whose data folder serves for its data set where the config names none. */
	readonly run?: string | undefined;
	/** Fetch data sets that are nowhere on this machine (default no: their tasks are left out). */
	readonly download?: boolean;
}

/** Where the journal of an evaluation to `out` lies while it is under way, and longer if its cells are kept. */
export const journalPath = (out: string): string => `${out}.partial`;

/**
 * Runs a suite and writes its results file. Interrupted, it leaves its journal.
 * @throws GannoError `INVALID_ARGUMENT`, `DATASET_NOT_FOUND` where no task has its data, `CANCELLED`, `FILE_SYSTEM`,
 *   `BAD_FILE` for a journal that is none
 */
export async function evaluateSuite(options: EvaluateSuiteOptions): Promise<SuiteResults> {
	const { suite, config, out, seeds, signal, onProgress } = options;
	const started = performance.now();
	const policies = namedPolicies(options.policies);
	const schedules = await ownSchedules(suite, policies, options.schedules);
	prepareSuiteOutput(out);
	using journal = new SuiteJournal(journalPath(out), options.resume === true);
	const outcome = await runSuite({
		suite,
		policies,
		schedules,
		seeds,
		journal,
		signal,
		onProgress,
		openDataset: (dataset) => openSuiteDataset(dataset, options),
		openExecutor: (dataset) => openExecutor(config, dataset),
	});
	const results: SuiteResults = {
		format: 'ganno-suite-results',
		version: VERSION,
		...outcome,
		policies: policies.map(({ name, digest, policy }, i) => ({
			name,
			digest,
			granularity: policy.spec.granularity,
			action: policy.spec.action,
			training: options.policies[i]?.policy.training ?? null,
		})),
		...(schedules.length === 0
			? {}
			: { schedules: schedules.map(({ name, file, digest }) => ({ name, file, digest })) }),
		record: {
			date: new Date().toISOString(),
			ganno: packageVersion(),
			commit: commit(),
			node: process.version,
			machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${counted(availableParallelism(), 'thread')}, ${platform()} ${arch()}`,
			workers: Math.max(workerCount(config), 1),
			seconds: Math.round((performance.now() - started) / 100) / 10,
		},
	};
	writeFileAtomic(out, formatResults(results));
	if (options.keepCells !== true) journal.remove();
	return results;
}

async function openSuiteDataset(
	{ name, downsample, size }: SuiteDataset,
	{ config, run, download = false, signal }: EvaluateSuiteOptions,
): Promise<Dataset | string> {
	if (name === 'synthetic') return syntheticDataset(size === undefined ? {} : { size });
	try {
		const recorded = run === undefined ? '' : recordedDataDirectory(run, name);
		return await loadDataset(name, {
			dataDirectory: config.dataDirectory || recorded || undefined,
			downsample,
			// Less than all of CIFAR-10 is better than none: the data set's name tells.
			partial: true,
			download,
			signal,
		});
	} catch (error) {
		if (!(error instanceof GannoError) || error.code !== 'DATASET_NOT_FOUND') throw error;
		return `${name} is not on this machine: put it into a folder that --data-dir or GANNO_DATA_DIR names, or allow --download`;
	}
}

/** Of the clone that is run; null for an installed package. */
function commit(): string | null {
	if (!existsSync(join(packageRoot, '.git'))) return null;
	try {
		return execFileSync('git', ['rev-parse', 'HEAD'], {
			cwd: packageRoot,
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'ignore'],
		}).trim();
	} catch {
		return null;
	}
}
