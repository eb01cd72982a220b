import { GannoError } from 'ganno';
import { ERROR_CODES } from '#ganno/errors.js';
import { FuzzError, type Mischief } from './mischief.js';
import type { Random } from './random.js';
import { anything, detach } from './values.js';

interface Handle {
	dispose(): void;
}

/** Who is asked decides which errors are proper: the public face explains itself, the addon below it only has to survive. */
export type Face = 'public' | 'addon';

/** One case: what it has made, what may be spoilt in the middle of a call, and how its calls went. */
export class World {
	readonly random: Random;
	/** Argument lists passed so far. */
	calls = 0;
	/** How many of them were refused. */
	refused = 0;
	/** Memory that mischief may take away. */
	readonly #victims: ArrayBufferView[] = [];
	readonly #handles: Handle[] = [];
	readonly #pending: Promise<unknown>[] = [];
	#depth = 0;
	/** While true, mischief takes no memory away: a thread is reading it. */
	quiet = false;

	constructor(random: Random) {
		this.random = random;
	}

	/** Runs in getters, proxies and conversions, that is, in the middle of calls. */
	readonly mischief: Mischief = () => {
		const { random } = this;
		const victim = this.#victims[random.below(Math.max(this.#victims.length, 1))];
		switch (random.below(5)) {
			case 0:
				throw new FuzzError();
			case 1:
			case 2:
				if (victim !== undefined && !this.quiet) take(random, victim);
				return;
			case 3:
				this.#handles[random.below(Math.max(this.#handles.length, 1))]?.dispose();
				return;
			default: {
				if (this.#depth > 1) return;
				const handle = this.#handles[random.below(Math.max(this.#handles.length, 1))];
				if (handle === undefined) return;
				this.#depth++;
				this.callMethod(handle, 'addon');
				this.#depth--;
			}
		}
	};

	anything(): unknown {
		return anything(this.random, this.mischief);
	}

	list(length: number): unknown[] {
		return Array.from({ length }, () => this.anything());
	}

	/** Lets mischief have this memory. */
	offer<T extends ArrayBufferView>(array: T): T {
		this.#victims.push(array);
		return array;
	}

	/** From now on the memory is registered with the addon, whose caller must not take it away. */
	withdrawVictims(): void {
		this.#victims.length = 0;
	}

	/** One call; what it throws must be an error that a caller can understand. */
	attempt<T>(face: Face, call: () => T): T | undefined {
		this.calls++;
		let result: T;
		try {
			result = call();
		} catch (error) {
			this.refused++;
			checkError(face, error);
			return undefined;
		}
		if (result instanceof Promise) {
			this.#pending.push(result.catch((error: unknown) => checkError(face, error)));
		}
		return result;
	}

	/** Remembers something that mischief may use and that must be disposed at the end. */
	keep<T>(handle: T | undefined): T | undefined {
		if (typeof (handle as Handle | undefined)?.dispose === 'function') this.#handles.push(handle as Handle);
		return handle;
	}

	/** Calls any method of `target`, now and then on something else. */
	callMethod(target: object, face: Face, goodArguments: readonly (() => readonly unknown[])[] = []): unknown {
		const { random } = this;
		const prototype = Object.getPrototypeOf(target) as Record<string, unknown> | null;
		const names =
			prototype === null ? [] : Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
		if (names.length === 0) return undefined;
		const name = random.pick(names);
		const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
		const method: unknown = descriptor?.value ?? Reflect.get(descriptor ?? {}, 'get');
		if (typeof method !== 'function') return undefined;
		let given =
			goodArguments.length > 0 && !random.oneIn(3) ? [...random.pick(goodArguments)()] : this.list(random.below(5));
		if (random.oneIn(3)) given = given.map((value) => (random.oneIn(2) ? value : this.anything()));
		const receiver = random.oneIn(12) ? this.anything() : target;
		return this.attempt(receiver === target ? face : 'addon', () => Reflect.apply(method, receiver, given) as unknown);
	}

	/** Waits for what runs, then disposes everything. */
	async finish(): Promise<void> {
		await Promise.all(this.#pending);
		for (const handle of this.#handles) handle.dispose();
		await Promise.all(this.#pending);
	}
}

function take(random: Random, victim: ArrayBufferView): void {
	const buffer = victim.buffer as ArrayBuffer & { readonly resizable?: boolean; resize?(bytes: number): void };
	if (buffer instanceof SharedArrayBuffer) return;
	if (buffer.resizable === true && random.oneIn(2)) buffer.resize?.(random.pick([0, 4]));
	else if (buffer.byteLength > 0) detach(buffer);
}

function checkError(face: Face, error: unknown): void {
	if (!(error instanceof Error)) throw new Error(`Thrown was not an Error but ${typeof error}`, { cause: error });
	if (error instanceof FuzzError || error instanceof TypeError || error.cause instanceof FuzzError) return;
	if (error instanceof GannoError) {
		if (!ERROR_CODES.includes(error.code) || error.code === 'INTERNAL' || !/\w+ \w+/.test(error.message)) {
			throw new Error(`An error explains nothing: ${error.code} ${error.message}`, { cause: error });
		}
		return;
	}
	const { code } = error as { readonly code?: unknown };
	if (face === 'addon' && (typeof code === 'string' ? code !== 'INTERNAL' : error instanceof RangeError)) return;
	throw new Error(`Not an error of ours: ${error.name}: ${error.message}`, { cause: error });
}
