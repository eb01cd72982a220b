import { basename, join, resolve } from 'node:path';
import { checkOneOf } from '../arguments.js';
import { counted } from '../counted.js';
import type { Dataset } from '../datasets/dataset.js';
import { ACTION_MODES } from '../environment/actions/actions.js';
import { GannoError } from '../errors.js';
import { uncheckedLines } from '../files/line-log.js';
import { ganno } from '../own-command.js';
import type { PolicySnapshot } from '../policy/policy.js';
import { loadPolicy } from '../policy/policy-file.js';
import { textTable } from '../report/text-table.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { openMachineExecutor } from '../runs/open-executor.js';
import { policyPath } from '../runs/policy-path.js';
import { formatArchitecture, parseArchitecture } from '../search/architecture.js';
import { architectureNetwork } from '../search/architecture-network.js';
import { countArchitectures } from '../search/count.js';
import { ReplayLog, readEntries, type SearchEntry } from '../search/replay-log.js';
import { bestModels, type RetrainedModel, retrain } from '../search/retrain.js';
import { runSearch } from '../search/run-search.js';
import { SEARCH_FILES, type SearchDirectory } from '../search/search-directory.js';
import { type Rival, searchTables, writeSearchReport } from '../search/search-report.js';
import {
	datasetSpace,
	openSearchDataset,
	retrainingSettings,
	type SearchOrigins,
	searchOrigins,
	searchSettings,
	trainingSettings,
} from '../search/search-settings.js';
import { trainModel } from '../search/train-model.js';
import { shell } from '../shell-words.js';
import type { Foreground } from './foreground.js';

export interface SearchSessionOptions {
	/** An architecture to train for longer, without any search. */
	readonly network?: string | undefined;
	/** A policy file, a run directory or 'default'. */
	readonly policy?: string | undefined;
	/** Directories of other searches to hold this one against. */
	readonly compare?: readonly string[] | undefined;
}

interface Session extends Foreground {
	readonly directory: SearchDirectory;
	readonly dataset: Dataset;
	readonly origins: SearchOrigins;
	readonly executor: RolloutExecutor;
}

/** Searches (or goes on), trains the best for longer, and reports; an interruption says how to go on. */
export async function runSearchSession(
	directory: SearchDirectory,
	options: SearchSessionOptions,
	{ progress, signal }: Foreground,
): Promise<void> {
	const { config } = directory;
	// What can be wrong with the command line is told before hours of training.
	const policy = options.policy === undefined ? undefined : loadPolicy(policyPath(options.policy));
	const rivals = (options.compare ?? []).map(readRival);
	const given = options.network === undefined ? undefined : parseArchitecture(options.network);

	try {
		const dataset = await openSearchDataset(config, {
			signal,
			onProgress: ({ file, received, total }) =>
				progress.update(`downloading ${file}`, Math.round(received / 1024), Math.round(total / 1024), ['KiB']),
		});
		if (given !== undefined) architectureNetwork(given, { input: dataset.shape, classes: dataset.classes });
		const environment =
			policy === undefined
				? {}
				: { action: checkOneOf(policy.spec.action, 'the action rule of the policy', ACTION_MODES) };
		await using executor = openMachineExecutor(config, dataset, environment);
		const origins = searchOrigins(config, dataset, directory.file('config'));
		const session = { directory, dataset, origins, executor, signal, progress };
		const entries = given === undefined ? await search(session) : [];
		const candidates =
			given === undefined
				? bestModels(entries, config.retraining.count)
				: [{ architecture: formatArchitecture(given), accuracy: null }];
		const retrained = await trainLonger(session, candidates, policy, options.policy);
		const results = { entries, retrained, rivals };
		writeSearchReport(directory, results);
		process.stdout.write(`\n${searchTables(results).map(textTable).join('\n\n')}\n\n`);
		for (const [name, file] of [
			['Report:', directory.file('report')],
			['Models:', join(directory.path, 'models')],
			['Run:', directory.path],
		] as const) {
			process.stdout.write(`${name.padEnd(8)} ${file}\n`);
		}
	} catch (error) {
		if (error instanceof GannoError && error.code === 'CANCELLED') {
			const again = [
				ganno`search --resume ${directory.path}`,
				...(given === undefined ? [] : [shell`--network ${formatArchitecture(given)}`]),
				...(options.policy === undefined ? [] : [shell`--policy ${options.policy}`]),
				...(options.compare ?? []).map((rival) => shell`--compare ${rival}`),
			].join(' ');
			progress.finish(`Interrupted; every finished model is kept. Go on with: ${again}`);
		}
		throw error;
	}
}

async function search({
	directory,
	dataset,
	origins,
	executor,
	signal,
	progress,
}: Session): Promise<readonly SearchEntry[]> {
	const { config } = directory;
	const space = datasetSpace(config, dataset);
	const training = trainingSettings(config, dataset);
	const total = config.learner.epsilons.reduce((sum, [, models]) => sum + models, 0);
	using log = new ReplayLog(directory.file('log'), origins.search);
	const known = log.entries.length;
	if (log.unchecked > 0) progress.finish(uncheckedLines(log));
	progress.stage(
		`Searching on ${dataset.name}: ${counted(total, 'architecture')}, ${counted(executor.workers, 'worker')}, in ${directory.path}`,
	);
	let best: SearchEntry | undefined;
	await using session = executor.session({ signal, test: false });
	const entries = await runSearch({
		space,
		settings: searchSettings(config),
		log,
		train: (request) => trainModel(session, training, request),
		onModel: (entry, unique) => {
			if (entry.accuracy !== null && entry.accuracy > (best?.accuracy ?? -1)) best = entry;
			if (entry.model < known) {
				if (entry.model === known - 1) progress.resumeAt(unique);
				return;
			}
			const accuracy = entry.accuracy === null ? 'no reward' : percent(entry.accuracy);
			const figures = [
				`ε ${entry.epsilon}`,
				accuracy,
				`best ${percent(best?.accuracy ?? 0)} ${best?.architecture ?? ''}`,
			];
			progress.update('model', unique, total, figures);
		},
	});
	progress.finish(`Search done: ${counted(entries.length, 'model')} chosen`);
	const trained = entries.filter(({ repeats }) => repeats === undefined).length;
	if (trained < total) {
		const all = countArchitectures(space);
		const why =
			all <= trained
				? `the space has no more than ${trained === 1 ? 'this one architecture' : `these ${trained} architectures`}`
				: `the last ${counted(config.learner.maximumRepeats, 'choice')} had been made before (learner.maximumRepeats), of ${counted(all, 'architecture')} in the space`;
		progress.finish(`It ended early, after ${trained} of ${counted(total, 'architecture')}: ${why}.`);
	}
	return entries;
}

async function trainLonger(
	{ directory, dataset, origins, executor, signal, progress }: Session,
	candidates: readonly Pick<SearchEntry, 'architecture' | 'accuracy'>[],
	policy: PolicySnapshot | undefined,
	policyName: string | undefined,
): Promise<RetrainedModel[]> {
	if (candidates.length === 0) return [];
	const settings = retrainingSettings(directory.config, dataset);
	const networks = candidates.length === 1 ? 'a network' : `the best ${candidates.length}`;
	progress.stage(`Training ${networks} for ${counted(settings.epochs, 'epoch')}`);
	await using session = executor.session({ signal });
	const { name, mean, standardDeviation } = dataset;
	const retrained = await retrain({
		directory,
		session,
		settings,
		candidates,
		origin: origins.retraining,
		metadata: { dataset: name, mean, standardDeviation },
		policy,
		policyName,
		onWarning: (message) => progress.finish(message),
		onModel: (done, total, { architecture, testAccuracy }) =>
			progress.update('network', done, total, [`${percent(testAccuracy)} on test`, architecture]),
	});
	progress.finish('Training done');
	return retrained;
}

function percent(value: number): string {
	return `${(100 * value).toFixed(1)} %`;
}

function readRival(path: string): Rival {
	return { name: basename(resolve(path)), entries: readEntries(join(path, SEARCH_FILES.log)).entries };
}
