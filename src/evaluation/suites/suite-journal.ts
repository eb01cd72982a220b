import { existsSync, rmSync } from 'node:fs';
import { GannoError } from '../../errors.js';
import { fileSystemError } from '../../files/file-system-error.js';
import { type LineFormat, LineLog } from '../../files/line-log.js';
import type { CellResult } from './suite-cells.js';

interface Line {
	readonly key: string;
	readonly result: CellResult;
}

const FORMAT: LineFormat<Line> = {
	parse(value) {
		const { key, result } = value as Partial<Line>;
		return typeof key === 'string' && Array.isArray(result?.networks) ? (value as Line) : undefined;
	},
	expected: () => 'a cell of a suite',
	kept: 'The cells before this one are kept',
};

/**
 * The finished cells of a suite under way. A line is filed under its cell's key, which names everything the result depends on: a
 * journal of another policy or suite does no harm.
 */
export class SuiteJournal implements Disposable {
	readonly #log: LineLog<Line>;
	readonly #results: Map<string, CellResult>;

	/**
	 * @param resume go on with what is there; otherwise an unfinished journal is not to be lost by mistake
	 * @throws GannoError `INVALID_ARGUMENT` where one is there and `resume` is not set, `FILE_SYSTEM`, `BAD_FILE`
	 */
	constructor(path: string, resume: boolean) {
		if (!resume && existsSync(path)) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The cells of an evaluation that is unfinished, or kept them, lie at ${path}: go on with them by --resume, or delete them to begin anew`,
			);
		}
		this.#log = new LineLog(path, FORMAT);
		this.#results = new Map(this.#log.entries.map(({ key, result }) => [key, result]));
	}

	get(key: string): CellResult | undefined {
		return this.#results.get(key);
	}

	add(key: string, result: CellResult): void {
		this.#results.set(key, result);
		this.#log.append({ key, result });
	}

	/** The evaluation is done and written. */
	remove(): void {
		this[Symbol.dispose]();
		try {
			rmSync(this.#log.path, { force: true });
		} catch (error) {
			throw fileSystemError('delete', this.#log.path, error);
		}
	}

	[Symbol.dispose](): void {
		this.#log[Symbol.dispose]();
	}
}
