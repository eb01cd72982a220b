import { Interrupt } from './interrupt.js';
import { Progress } from './progress.js';

/** What a long command has from its first moment to its last. */
export interface Foreground {
	readonly progress: Progress;
	/** Aborted by Ctrl-C and its like. */
	readonly signal: AbortSignal;
}

/** Runs a command's work; no signal in the meantime ends the process before the work has kept what it has. */
export async function inForeground<T>(work: (foreground: Foreground) => Promise<T>): Promise<T> {
	using progress = new Progress();
	using interrupt = new Interrupt({
		onInterrupt: () => progress.finish('Stopping. Another Ctrl-C, a second from now or later, ends at once.'),
	});
	return await work({ progress, signal: interrupt.signal });
}
