import {
	checkFunction,
	checkInteger,
	checkKeys,
	checkNumber,
	checkOneOf,
	invalidArgument,
	keysOf,
} from '../arguments.js';
import { badFile } from '../files/file-system-error.js';
import { PhiloxGenerator } from '../philox.js';
import { type Architecture, formatArchitecture } from './architecture.js';
import { type QPath, type QSettings, QTable } from './q-table.js';
import type { ModelTraining, ReplayLog, SearchEntry } from './replay-log.js';
import { checkSpace, type SearchSpace } from './space.js';

export interface SearchSettings extends QSettings {
	readonly seed: number;
	/** `random`: every choice as at ε = 1, whatever the schedule says; nothing is learned. */
	readonly strategy: 'q-learning' | 'random';
	/** ε and how many unique models are trained at it. */
	readonly epsilons: readonly (readonly [epsilon: number, models: number])[];
	/** Trajectories drawn from the replay memory, uniformly with replacement, for updates after every model. */
	readonly replaySamples: number;
	/** P: model i is chosen once models up to i − P are committed. */
	readonly parallel: number;
	/** The search ends early after so many repetitions in a row. */
	readonly maximumRepeats: number;
}

/** A model to train. */
export interface ModelRequest {
	readonly model: number;
	readonly architecture: Architecture;
	/** uint32: everything random about its training follows from it. */
	readonly seed: number;
	/** The models that were committed when it was chosen: all that its training may depend on beside itself. */
	readonly committed: readonly SearchEntry[];
}

/** What training a model gave. */
export interface ModelOutcome {
	/** Null: it could not be trained. */
	readonly accuracy: number | null;
	readonly training: ModelTraining;
}

export interface RunSearchOptions {
	readonly space: SearchSpace;
	readonly settings: SearchSettings;
	readonly log: ReplayLog;
	/** Trains a model; P of them at most are under way at once. */
	readonly train: (request: ModelRequest) => Promise<ModelOutcome>;
	/** At every model that is committed, those of the log included. */
	readonly onModel?: ((entry: SearchEntry, uniqueModels: number) => void) | undefined;
}

const OPTION_NAMES = keysOf<RunSearchOptions>({ space: true, settings: true, log: true, train: true, onModel: true });
const SETTINGS_KEYS = keysOf<SearchSettings>({
	learningRate: true,
	discount: true,
	initialValue: true,
	seed: true,
	strategy: true,
	epsilons: true,
	replaySamples: true,
	parallel: true,
	maximumRepeats: true,
});

function checkSettings(settings: SearchSettings): void {
	checkKeys(settings, 'settings', SETTINGS_KEYS);
	for (const key of ['learningRate', 'discount', 'initialValue'] as const) {
		checkNumber(settings[key], `settings.${key}`, 0, 1);
	}
	checkInteger(settings.seed, 'settings.seed', 0, 0xffffffff);
	checkOneOf(settings.strategy, 'settings.strategy', ['q-learning', 'random']);
	const { epsilons } = settings;
	if (!Array.isArray(epsilons)) throw invalidArgument('an array of [epsilon, models]', 'settings.epsilons', epsilons);
	for (const [i, pair] of epsilons.entries()) {
		if (!Array.isArray(pair)) throw invalidArgument('[epsilon, models]', `settings.epsilons[${i}]`, pair);
		checkNumber(pair[0], `settings.epsilons[${i}][0]`, 0, 1);
		checkInteger(pair[1], `settings.epsilons[${i}][1]`, 0);
	}
	checkInteger(settings.replaySamples, 'settings.replaySamples', 0);
	checkInteger(settings.parallel, 'settings.parallel', 1);
	checkInteger(settings.maximumRepeats, 'settings.maximumRepeats', 0);
}

interface Issued {
	readonly entry: Omit<SearchEntry, 'accuracy' | 'training'>;
	readonly architecture: Architecture;
	/** Undefined in a repetition. */
	readonly outcome: Promise<ModelOutcome> | undefined;
}

/** ε for the next model when so many unique ones have been issued; undefined: the search is over. */
export function epsilonAt(epsilons: SearchSettings['epsilons'], uniqueModels: number): number | undefined {
	let end = 0;
	for (const [epsilon, models] of epsilons) {
		end += models;
		if (uniqueModels < end) return epsilon;
	}
	return undefined;
}

/**
 * MetaQNN's search. Models are chosen, and committed, in the order of issue: model i from the Q-table as model i − P left it. What is
 * chosen and learned depends on the settings and on the accuracies alone, not on which training ends first, so any number of workers gives
 * the same log; and a search that was stopped goes on to the same log, since everything up to its end is derived from it anew.
 *
 * An architecture that has been issued before is not trained again: its accuracy enters the replay memory once more. ε counts unique
 * models, among those issued.
 * @throws what `train` throws; GannoError `BAD_FILE` where the log is not one of this search
 */
export async function runSearch(options: RunSearchOptions): Promise<readonly SearchEntry[]> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSpace(options.space);
	checkSettings(options.settings);
	if (typeof options.train !== 'function') throw invalidArgument('a function', 'train', options.train);
	checkFunction(options.onModel, 'onModel');
	const { settings, onModel } = options;
	const search = new Search(options);
	const underWay: Issued[] = [];
	try {
		for (;;) {
			while (underWay.length < settings.parallel) {
				const issued = search.issue();
				if (issued === undefined) break;
				issued.outcome?.catch(() => {}); // whoever commits it sees the error
				underWay.push(issued);
			}
			const next = underWay[0];
			if (next === undefined) return search.entries;
			const entry = search.commit(next, await next.outcome);
			underWay.shift();
			onModel?.(entry, search.committedUnique);
		}
	} finally {
		// One failed or was cancelled: the others must not outlive the search.
		await Promise.allSettled(underWay.map(async ({ outcome }) => await outcome));
	}
}

interface Memory {
	readonly path: QPath;
	readonly reward: number;
}

class Search {
	readonly entries: SearchEntry[] = [];
	committedUnique = 0;
	readonly #options: RunSearchOptions;
	readonly #table: QTable;
	/** Of each architecture, the model that brought it first. */
	readonly #first = new Map<string, number>();
	/** What has a reward, once per commit: repetitions weigh more. */
	readonly #memory: Memory[] = [];
	readonly #paths = new Map<string, QPath>();
	#issued = 0;
	#repeatsInRow = 0;

	constructor(options: RunSearchOptions) {
		this.#options = options;
		this.#table = new QTable(options.space, options.settings);
	}

	/** The next model, chosen from the table as it is; undefined where the search is over. */
	issue(): Issued | undefined {
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

	commit({ entry: issued, architecture }: Issued, outcome: ModelOutcome | undefined): SearchEntry {
		const { log, settings } = this.#options;
		const entry: SearchEntry =
			outcome === undefined
				? { ...issued, accuracy: (this.entries[issued.repeats as number] as SearchEntry).accuracy }
				: { ...issued, accuracy: outcome.accuracy, training: outcome.training };
		const logged = log.entries[entry.model];
		if (logged === undefined) log.append(entry);
		else checkSame(log.path, logged, entry);
		this.entries.push(entry);
		if (outcome !== undefined) this.committedUnique++;
		if (entry.accuracy !== null) {
			const path = this.#paths.get(entry.architecture) ?? this.#table.path(architecture);
			this.#paths.set(entry.architecture, path);
			this.#memory.push({ path, reward: entry.accuracy });
		}
		if (settings.strategy === 'q-learning') this.#replay(entry.model);
		return entry;
	}

	#replay(model: number): void {
		const { seed, replaySamples } = this.#options.settings;
		if (this.#memory.length === 0) return;
		const random = new PhiloxGenerator(seed, 'exploration', 2 * model + 1);
		for (let k = 0; k < replaySamples; k++) {
			const { path, reward } = this.#memory[random.nextInteger(this.#memory.length)] as Memory;
			this.#table.update(path, reward);
		}
	}
}

function loggedOutcome({ accuracy, training }: SearchEntry): ModelOutcome {
	return { accuracy, training: training as ModelTraining };
}

/** A log is followed, not believed: what it says was chosen must be what this search chooses. */
function checkSame(path: string, logged: SearchEntry, own: SearchEntry): void {
	if (JSON.stringify(logged) === JSON.stringify(own)) return;
	throw badFile(
		path,
		`model ${own.model} is ${logged.architecture} at ε ${logged.epsilon}, but this search chooses ${own.architecture} at ε ${own.epsilon}: it is the log of another search, or was changed`,
		'Use the settings it was begun with, or begin anew',
	);
}
