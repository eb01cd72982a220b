import { type LineFormat, LineLog, type LineLogOrigin, type Lines, readLines } from '../files/line-log.js';

/** One model of a search, one line of the log. It is independent of the machine's speed: two runs of one search write the same lines. */
export interface SearchEntry {
	/** Index in the order of issue, from 0. */
	readonly model: number;
	/** In the paper's notation. */
	readonly architecture: string;
	/** ε it was chosen with. */
	readonly epsilon: number;
	/** The reward: the best epoch's validation accuracy; null when it could not be trained (out of memory): no update uses it. */
	readonly accuracy: number | null;
	/** The earlier model of the same architecture, whose accuracy this is; absent: it was trained. */
	readonly repeats?: number;
	/** How it was trained; absent in a repetition. */
	readonly training?: ModelTraining;
}

export interface ModelTraining {
	/** uint32: weights, slice, batches and dropout follow from it. */
	readonly seed: number;
	/** Of the last try. */
	readonly learningRate: number;
	readonly tries: number;
	/** Validation accuracy after each epoch of the last try; fewer than all where it was stopped. */
	readonly accuracies: readonly number[];
	/** Why there is no accuracy, or less training than usual. */
	readonly remark?: string;
}

const FORMAT: LineFormat<SearchEntry> = {
	parse(value, index) {
		const entry = value as SearchEntry;
		const { model, accuracy, architecture } = entry;
		const isReward = accuracy === null || (typeof accuracy === 'number' && accuracy >= 0 && accuracy <= 1);
		return model === index && isReward && typeof architecture === 'string' ? entry : undefined;
	},
	expected: (index) => `model ${index} of a search`,
	kept: 'The models before this one are kept',
};

/** The log of a search: a line a model, in the order of issue. A model whose line a killed process left unfinished is trained again. */
export class ReplayLog extends LineLog<SearchEntry> {
	/**
	 * @param origin settings and data, which determine the search
	 * @throws GannoError `FILE_SYSTEM`; `BAD_FILE` where a line except the last is not of a log or was changed, or the log is of another origin
	 */
	constructor(path: string, origin?: LineLogOrigin) {
		super(path, FORMAT, origin);
	}
}

/** The entries of a log. @returns also the bytes of its whole lines */
export function readEntries(path: string): Lines<SearchEntry> {
	return readLines(path, FORMAT);
}
