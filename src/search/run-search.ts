import { checkFunction, checkInteger, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { badFile } from '../files/file-system-error.js';
import { PhiloxGenerator } from '../philox.js';
import { checkSettings } from '../settings/check-settings.js';
import { type Architecture, formatArchitecture } from './architecture.js';
import { type QPath, QTable } from './q-table.js';
import type { ModelTraining, ReplayLog, SearchEntry } from './replay-log.js';
import { type SearchLearnerSettings, searchLearnerSection } from './search-sections.js';
import { checkSpace, type SearchSpace } from './space.js';

export interface SearchSettings extends SearchLearnerSettings {
	readonly seed: number;
}

/** A model to train. */
export interface ModelRequest {
	readonly model: number;
	readonly architecture: Architecture;
	/** uint32: everything random about its training follows from it. */
	readonly seed: number;
	/** The models committed when it was chosen: its training may depend on these and on nothing else. */
	readonly committed: readonly SearchEntry[];
}

/** The result of training a model. */
export interface ModelOutcome {
	/** Null: it could not be trained. */
	readonly accuracy: number | null;
	readonly training: ModelTraining;
}

export interface RunSearchOptions {
	readonly space: SearchSpace;
	readonly settings: SearchSettings;
	readonly log: ReplayLog;
	/** Trains a model; at most P run at once. */
	readonly train: (request: ModelRequest) => Promise<ModelOutcome>;
	/** Called for every committed model, those of the log included. */
	readonly onModel?: ((entry: SearchEntry, uniqueModels: number) => void) | undefined;
}

const OPTION_NAMES = keysOf<RunSearchOptions>({ space: true, settings: true, log: true, train: true, onModel: true });
function checkSearchSettings(settings: SearchSettings): void {
	checkSettings(searchLearnerSection, settings, 'settings', { beside: ['seed'] });
	checkInteger(settings.seed, 'settings.seed', 0, 0xffffffff);
}

interface IssuedModel {
	readonly entry: Omit<SearchEntry, 'accuracy' | 'training'>;
	readonly architecture: Architecture;
	/** Undefined in a repetition. */
	readonly outcome: Promise<ModelOutcome> | undefined;
}

/** ε of the next model after this many unique ones; undefined: the search is over. */
export function epsilonAt(epsilons: SearchSettings['epsilons'], uniqueModels: number): number | undefined {
	let end = 0;
	for (const [epsilon, models] of epsilons) {
		end += models;
		if (uniqueModels < end) return epsilon;
	}
	return undefined;
}

/**
 * MetaQNN's search. Models are chosen, and committed, in the order of issue: model i from the Q-table as model i − P left it. Choices
 * and updates depend on the settings and the accuracies alone, not on which training ends first, so any number of workers writes the same
 * log. A stopped search continues to the same log, because its state is recomputed from the log.
 *
 * An architecture that was issued before is not trained again: its accuracy is added to the replay memory once more. The schedule of ε
 * counts unique issued models.
 * @throws what `train` throws; GannoError `BAD_FILE` where the log is not one of this search
 */
export async function runSearch(options: RunSearchOptions): Promise<readonly SearchEntry[]> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSpace(options.space);
	checkSearchSettings(options.settings);
	if (typeof options.train !== 'function') throw invalidArgument('a function', 'train', options.train);
	checkFunction(options.onModel, 'onModel');
	const { settings, onModel } = options;
	const search = new Search(options);
	const pending: IssuedModel[] = [];
	try {
		for (;;) {
			while (pending.length < settings.parallel) {
				const issued = search.issue();
				if (issued === undefined) break;
				issued.outcome?.catch(() => {}); // the error is thrown when it is committed
				pending.push(issued);
			}
			const next = pending[0];
			if (next === undefined) return search.entries;
			const entry = search.commit(next, await next.outcome);
			pending.shift();
			onModel?.(entry, search.committedUnique);
		}
	} finally {
		// After a failure or cancellation the other trainings must end before the search does.
		await Promise.allSettled(pending.map(async ({ outcome }) => await outcome));
	}
}

interface ReplayEntry {
	readonly path: QPath;
	readonly reward: number;
}

class Search {
	readonly entries: SearchEntry[] = [];
	committedUnique = 0;
	readonly #options: RunSearchOptions;
	readonly #table: QTable;
	/** Of each architecture, its first model. */
	readonly #first = new Map<string, number>();
	/** Models with a reward, one entry per commit: repetitions weigh more. */
	readonly #replayMemory: ReplayEntry[] = [];
	readonly #paths = new Map<string, QPath>();
	#issued = 0;
	#repeatsInRow = 0;

	constructor(options: RunSearchOptions) {
		this.#options = options;
		this.#table = new QTable(options.space, options.settings);
	}

	/** The next model, chosen from the table as it is; undefined where the search is over. */
	issue(): IssuedModel | undefined {
		const { settings, train, log } = this.#options;
		const { seed, strategy, epsilons, maximumRepeats } = settings;
		const scheduled = epsilonAt(epsilons, this.#first.size);
		if (scheduled === undefined || this.#repeatsInRow >= maximumRepeats) return undefined;
		const epsilon = strategy === 'random' ? 1 : scheduled;
		const model = this.#issued++;
		// Sub-sequences 2 i choose model i, 2 i + 1 draw the replays after it.
		const architecture = this.#table.choose(epsilon, new PhiloxGenerator(seed, 'exploration', 2 * model));
		const text = formatArchitecture(architecture);
		const repeats = this.#first.get(text);
		if (repeats !== undefined) {
			this.#repeatsInRow++;
			return { entry: { model, architecture: text, epsilon, repeats }, architecture, outcome: undefined };
		}
		this.#repeatsInRow = 0;
		this.#first.set(text, model);
		const entry = { model, architecture: text, epsilon };
		const logged = log.entries[model];
		if (logged !== undefined) return { entry, architecture, outcome: Promise.resolve(loggedOutcome(logged)) };
		const modelSeed = new PhiloxGenerator(seed, 'task', model).nextUint32();
		const request = { model, architecture, seed: modelSeed, committed: this.entries.slice() };
		return { entry, architecture, outcome: train(request) };
	}

	commit({ entry: issued, architecture }: IssuedModel, outcome: ModelOutcome | undefined): SearchEntry {
		const { log, settings } = this.#options;
		const entry: SearchEntry =
			outcome === undefined
				? { ...issued, accuracy: (this.entries[issued.repeats as number] as SearchEntry).accuracy }
				: { ...issued, accuracy: outcome.accuracy, training: outcome.training };
		const logged = log.entries[entry.model];
		if (logged === undefined) log.append(entry);
		else checkLoggedEntry(log.path, logged, entry);
		this.entries.push(entry);
		if (outcome !== undefined) this.committedUnique++;
		if (entry.accuracy !== null) {
			const path = this.#paths.get(entry.architecture) ?? this.#table.path(architecture);
			this.#paths.set(entry.architecture, path);
			this.#replayMemory.push({ path, reward: entry.accuracy });
		}
		if (settings.strategy === 'q-learning') this.#replay(entry.model);
		return entry;
	}

	#replay(model: number): void {
		const { seed, replaySamples } = this.#options.settings;
		if (this.#replayMemory.length === 0) return;
		const random = new PhiloxGenerator(seed, 'exploration', 2 * model + 1);
		for (let k = 0; k < replaySamples; k++) {
			const { path, reward } = this.#replayMemory[random.nextInteger(this.#replayMemory.length)] as ReplayEntry;
			this.#table.update(path, reward);
		}
	}
}

function loggedOutcome({ accuracy, training }: SearchEntry): ModelOutcome {
	return { accuracy, training: training as ModelTraining };
}

/** A logged choice must be the one that this search makes. */
function checkLoggedEntry(path: string, logged: SearchEntry, own: SearchEntry): void {
	if (JSON.stringify(logged) === JSON.stringify(own)) return;
	throw badFile(
		path,
		`model ${own.model} is ${logged.architecture} at ε ${logged.epsilon}, but this search chooses ${own.architecture} at ε ${own.epsilon}: it is the log of another search, or was changed`,
		'Use the settings it was begun with, or begin anew',
	);
}
