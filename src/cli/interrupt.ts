/** Exit code of a command that was interrupted, as shells have it: 128 + SIGINT. */
export const INTERRUPTED_EXIT_CODE = 130;

/**
 * Turns the first Ctrl-C (or SIGTERM) into an abort, so that the command can write what it has; the second ends the process at once.
 */
export class Interrupt implements Disposable {
	readonly #controller = new AbortController();
	readonly #onInterrupt: (() => void) | undefined;

	constructor(onInterrupt?: () => void) {
		this.#onInterrupt = onInterrupt;
		process.on('SIGINT', this.#handle);
		process.on('SIGTERM', this.#handle);
	}

	get signal(): AbortSignal {
		return this.#controller.signal;
	}

	readonly #handle = (): void => {
		if (this.#controller.signal.aborted) process.exit(INTERRUPTED_EXIT_CODE);
		this.#controller.abort(new Error('interrupted'));
		this.#onInterrupt?.();
	};

	[Symbol.dispose](): void {
		process.off('SIGINT', this.#handle);
		process.off('SIGTERM', this.#handle);
	}
}
