import { join } from 'node:path';
import { GannoError } from '../errors.js';
import { findSuite } from '../evaluation/suites/definitions/find-suite.js';
import { type EvaluateSuiteOptions, evaluateSuite, journalPath } from '../evaluation/suites/evaluate-suite.js';
import { namedPolicies, ownSchedules, type SuitePolicy } from '../evaluation/suites/participants.js';
import { prepareSuiteOutput, writeSuiteReport } from '../evaluation/suites/suite-report.js';
import { withBestRivals } from '../evaluation/suites/suite-summary.js';
import { suiteTables, TRIAL_NOTE } from '../evaluation/suites/suite-tables.js';
import { sameCommand } from '../own-command.js';
import { loadPolicy } from '../policy/policy-file.js';
import { textTable } from '../report/text-table.js';
import { policyPath, runFolder } from '../runs/policy-path.js';
import { lockResults } from '../runs/run-lock.js';
import type { Foreground } from './foreground.js';
import { type ConfigOptions, configFromOptions } from './options/config-options.js';
import { namedPaths } from './options/named-path.js';

/** What `ganno evaluate --suite` takes beside the policy. */
export interface SuiteOptions extends ConfigOptions {
	readonly suite?: string | true;
	readonly quick?: boolean;
	readonly seeds?: string;
	readonly out?: string;
	readonly resume?: boolean;
	readonly keepCells?: boolean;
	readonly download?: boolean;
	readonly oneAction?: string;
	readonly policy?: readonly string[];
	readonly schedule?: readonly string[];
	readonly charts?: string;
}

/** Runs a suite with progress, prints its tables, and says where everything lies; an interruption says how to go on. */
export async function evaluateSuiteCommand(
	path: string,
	options: SuiteOptions,
	{ progress, signal }: Foreground,
): Promise<void> {
	const name = options.quick === true ? 'quick' : typeof options.suite === 'string' ? options.suite : 'held-out';
	const suite = findSuite(name);
	const seeds = seedsOf(options.seeds);
	const policies = policiesOf(path, options);
	const taken = policies.map((policy) => policy.name);
	const schedules = namedPaths('--schedule', options.schedule, taken).map((own) => ({
		name: own.name,
		file: own.path,
	}));
	await ownSchedules(suite, namedPolicies(policies), schedules);
	const file = `evaluation-${suite.name}${seeds === 'reporting' ? '' : `-${seeds}`}.json`;
	const run = runFolder(path);
	const out = options.out ?? (run === undefined ? file : join(run, file));
	// Only where and with how many workers: the tasks are the suite's.
	const { config } = configFromOptions({
		...(options.workers === undefined ? {} : { workers: options.workers }),
		...(options.device === undefined ? {} : { device: options.device }),
		...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
	});
	prepareSuiteOutput(out, options.charts);
	using _lock = lockResults(out, [journalPath(out)]);
	progress.stage(
		`Evaluating ${policies.map((policy) => policy.name).join(', ')} on the suite '${suite.name}', ${seeds} seeds`,
	);
	if (suite.trial === true) progress.finish(TRIAL_NOTE);
	const request: EvaluateSuiteOptions = {
		suite,
		seeds,
		policies,
		schedules,
		config,
		out,
		run,
		resume: options.resume === true,
		keepCells: options.keepCells === true,
		download: options.download === true,
		signal,
		onProgress: (done, total) => progress.update('cell', done, total),
	};
	try {
		const results = await evaluateSuite(request);
		// Into files first: nobody may be left to read the tables.
		const reports = writeSuiteReport(out, results, options.charts);
		progress.finish('Evaluation done');
		for (const table of suiteTables(withBestRivals(results))) process.stdout.write(`\n${textTable(table)}\n`);
		process.stdout.write('\n');
		for (const written of [out, ...reports]) process.stdout.write(`${written}\n`);
	} catch (error) {
		if (signal.aborted) {
			progress.finish(
				`Interrupted; what is finished lies in ${journalPath(out)}. Go on with: ${sameCommand('--resume')}`,
			);
		}
		throw error;
	}
}

function seedsOf(text = 'reporting'): 'reporting' | 'development' {
	if (text === 'reporting' || text === 'development') return text;
	throw new GannoError(
		'INVALID_ARGUMENT',
		`Expected reporting or development for --seeds with --suite but received ${JSON.stringify(text)}; how many there are is the suite's to say`,
	);
}

function policiesOf(path: string, { oneAction, policy }: SuiteOptions): SuitePolicy[] {
	const load = (name: string, file: string) => ({ name, policy: loadPolicy(policyPath(file)) });
	const second = oneAction === undefined ? [] : [load('one action', oneAction)];
	const wrong = second.find((entry) => entry.policy.spec.granularity !== 'network');
	if (wrong !== undefined) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`Expected a policy trained with granularity 'network' for --one-action but received one with '${wrong.policy.spec.granularity}'; use --policy NAME=FILE for others`,
		);
	}
	const others = namedPaths('--policy', policy).map(({ name, path: file }) => load(name, file));
	return [load('learned', path), ...second, ...others];
}
