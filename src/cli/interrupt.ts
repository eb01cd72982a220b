/** Exit code of a command that was interrupted, whichever signal asked for it; as shells have it: 128 + SIGINT. */
export const INTERRUPTED_EXIT_CODE = 130;

/** Ctrl-C, a scheduler's or `timeout`'s polite end, a terminal that goes away. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Signals this close to the first are the same request. One Ctrl-C under npx comes twice, from the terminal and relayed by npm;
 * `timeout` signals its child, and then the whole group the child is in.
 */
const SAME_REQUEST_MILLISECONDS = 1000;

export interface InterruptOptions {
	/** Called once, at the first signal. */
	readonly onInterrupt?: (() => void) | undefined;
	/** Milliseconds on a clock that never goes back. */
	readonly now?: () => number;
	readonly exit?: (code: number) => void;
}

/**
 * Turns the first signal that asks the process to end into an abort, so that the command can write what it has. Another one a second
 * later or more is meant: it ends the process at once. SIGHUP is never meant so: a terminal that closes says it as often as it likes.
 */
export class Interrupt implements Disposable {
	readonly #controller = new AbortController();
	readonly #onInterrupt: (() => void) | undefined;
	readonly #now: () => number;
	readonly #exit: (code: number) => void;
	#first = 0;

	constructor({
		onInterrupt,
		now = () => performance.now(),
		exit = (code) => process.exit(code),
	}: InterruptOptions = {}) {
		this.#onInterrupt = onInterrupt;
		this.#now = now;
		this.#exit = exit;
		for (const signal of SIGNALS) process.on(signal, this.#handle);
	}

	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	readonly #handle = (signal: NodeJS.Signals): void => {
		if (this.#controller.signal.aborted) {
			const meant = signal !== 'SIGHUP' && this.#now() - this.#first >= SAME_REQUEST_MILLISECONDS;
			if (meant) this.#exit(INTERRUPTED_EXIT_CODE);
			return;
		}
		this.#first = this.#now();
		this.#controller.abort(new Error('interrupted'));
		this.#onInterrupt?.();
	};

	[Symbol.dispose](): void {
		for (const signal of SIGNALS) process.off(signal, this.#handle);
	}
}
