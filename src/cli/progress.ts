/** Where progress goes; `process.stderr` is one. */
export interface ProgressStream {
	readonly isTTY?: boolean;
	/** Width of the terminal; 0 where it is not known. */
	readonly columns?: number;
	write(text: string): unknown;
}

const CLEAR_LINE = '\r\u001b[2K';

/**
 * Progress on stderr: one line that is rewritten where stderr is a terminal, otherwise plain lines, at most about twenty a stage.
 */
export class Progress implements Disposable {
	readonly #stream: ProgressStream;
	#started = performance.now();
	#startedAt = 0;
	#lastTwentieth = -1;
	/** Whether the terminal's last line is the one that is rewritten. */
	#open = false;

	constructor(stream: ProgressStream = process.stderr) {
		this.#stream = stream;
	}

	/** Begins a stage. */
	stage(text: string): void {
		this.resumeAt(0);
		this.#lastTwentieth = -1;
		this.#line(text);
	}

	/** This much of the stage was done before it began now (a resumed run): the time left is reckoned from here. */
	resumeAt(done: number): void {
		this.#started = performance.now();
		this.#startedAt = done;
	}

	/** `done` of `total`, and what to show beside it. */
	update(label: string, done: number, total: number, figures: readonly string[] = []): void {
		const share = total === 0 ? 1 : done / total;
		const remaining = ((performance.now() - this.#started) / (done - this.#startedAt)) * (total - done);
		const left = done > this.#startedAt && done < total ? [`${formatDuration(remaining)} left`] : [];
		const parts = [`${label} ${done}/${total}`, ...figures, ...left];
		if (this.#stream.isTTY === true) {
			// One character short of the width: a full line would wrap, and the next rewriting would leave it standing.
			const width = (this.#stream.columns || 80) - 1;
			this.#stream.write(CLEAR_LINE + [bar(share), ...parts].join('  ').slice(0, width));
			this.#open = true;
			return;
		}
		const twentieth = Math.floor(share * 20);
		if (twentieth === this.#lastTwentieth && done < total) return;
		this.#lastTwentieth = twentieth;
		this.#line(parts.join('  '));
	}

	/** Replaces the rewritten line by a last one. */
	finish(text: string): void {
		this.#line(text);
	}

	/** Leaves the terminal with the cursor on a line of its own. */
	[Symbol.dispose](): void {
		if (this.#open) this.#stream.write('\n');
		this.#open = false;
	}

	#line(text: string): void {
		this.#stream.write(`${this.#open ? CLEAR_LINE : ''}${text}\n`);
		this.#open = false;
	}
}

function bar(share: number): string {
	const width = 12;
	const full = Math.round(Math.min(Math.max(share, 0), 1) * width);
	return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

/** `45s`, `3m 05s`, `2h 10m`. */
export function formatDuration(milliseconds: number): string {
	const seconds = Math.round(milliseconds / 1000);
	if (seconds < 60) return `${seconds}s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`;
	return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
}

/** `950`, `12.3k`, `4.56M`. */
export function formatCount(value: number): string {
	if (!Number.isFinite(value)) return '–';
	if (value < 1000) return value.toFixed(0);
	return value < 1e6 ? `${(value / 1e3).toFixed(1)}k` : `${(value / 1e6).toFixed(2)}M`;
}
