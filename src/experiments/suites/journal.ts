import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { GannoError } from '../../errors.js';
import { fileSystemError } from '../../files/file-system-error.js';
import type { CellResult } from './cells.js';

/**
 * The finished cells of a suite under way, a line of JSON each, so that an interruption loses only what was running. A line is filed
 * under its cell's key, which names everything the result depends on: a journal of another policy or suite does no harm.
 */
export class SuiteJournal {
	readonly path: string;
	readonly #results = new Map<string, CellResult>();

	/**
	 * @param resume go on with what is there; otherwise an unfinished journal is not to be lost by mistake
	 * @throws GannoError `INVALID_ARGUMENT` where one is there and `resume` is not set, `FILE_SYSTEM`
	 */
	constructor(path: string, resume: boolean) {
		this.path = path;
		if (existsSync(path)) {
			if (!resume) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					`An unfinished evaluation lies at ${path}: go on with it by --resume, or delete it to begin anew`,
				);
			}
			this.#read();
		} else {
			this.#attempt(() => writeFileSync(path, ''));
		}
	}

	/** Cells that are there. */
	get size(): number {
		return this.#results.size;
	}

	get(key: string): CellResult | undefined {
		return this.#results.get(key);
	}

	add(key: string, result: CellResult): void {
		this.#results.set(key, result);
		this.#attempt(() => appendFileSync(this.path, `${JSON.stringify({ key, result })}\n`));
	}

	/** The evaluation is done and written. */
	remove(): void {
		this.#attempt(() => rmSync(this.path, { force: true }));
	}

	#read(): void {
		let text = '';
		this.#attempt(() => {
			text = readFileSync(this.path, 'utf8');
		});
		const lines = text.split('\n');
		let length = 0;
		for (const line of lines.slice(0, -1)) {
			try {
				const { key, result } = JSON.parse(line) as { key: string; result: CellResult };
				if (typeof key === 'string' && Array.isArray(result?.networks)) this.#results.set(key, result);
			} catch {
				break; // a crash in the middle of a line: that cell and what follows is run again
			}
			length += Buffer.byteLength(line) + 1;
		}
		// What is broken goes, so that the next line begins on a line of its own.
		this.#attempt(() => truncateSync(this.path, length));
	}

	#attempt(action: () => void): void {
		try {
			action();
		} catch (error) {
			throw fileSystemError('write', this.path, error);
		}
	}
}
