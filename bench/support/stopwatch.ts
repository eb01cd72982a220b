/** Wall time spent inside something, nested calls counted once. */
export class Stopwatch {
	milliseconds = 0;
	#depth = 0;
	#started = 0;

	enter(): void {
		if (this.#depth++ === 0) this.#started = performance.now();
	}

	leave(): void {
		if (--this.#depth === 0) this.milliseconds += performance.now() - this.#started;
	}
}

/** Puts a stopwatch round every method of a class, from its prototype. Accessors stay as they are. */
export function timeMethods(prototype: object, stopwatch: Stopwatch): void {
	for (const name of Object.getOwnPropertyNames(prototype)) {
		const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
		if (name === 'constructor' || typeof descriptor?.value !== 'function') continue;
		const method = descriptor.value as (...parameters: unknown[]) => unknown;
		if ((method as { timed?: Stopwatch }).timed !== undefined) {
			throw new Error(`${name} is timed already`);
		}
		const timed = function (this: unknown, ...parameters: unknown[]): unknown {
			stopwatch.enter();
			try {
				return method.apply(this, parameters);
			} finally {
				stopwatch.leave();
			}
		};
		Object.defineProperty(prototype, name, { ...descriptor, value: Object.assign(timed, { timed: stopwatch }) });
	}
}
