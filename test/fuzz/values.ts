import { types } from 'node:util';
import { FuzzError, type Mischief } from './mischief.js';
import type { Random } from './random.js';

/** Arguments that nobody should pass, and somebody will. */

const NUMBERS = [
	0,
	-0,
	1,
	-1,
	2,
	3,
	4,
	6,
	8,
	64,
	0.5,
	1e-3,
	255,
	256,
	1024,
	2 ** 31 - 1,
	2 ** 31,
	2 ** 32 - 1,
	2 ** 32,
	2 ** 53,
	2 ** 53 + 2,
	-(2 ** 31),
	2 ** 63,
	2 ** 64,
	Number.NaN,
	Number.POSITIVE_INFINITY,
	Number.NEGATIVE_INFINITY,
	5e-324,
	1e-46,
	1.2e-38,
	3.4e38,
	3.5e38,
	1e308,
];

const KINDS = [
	Float32Array,
	Float64Array,
	Int32Array,
	Uint32Array,
	Uint8Array,
	Int8Array,
	Uint16Array,
	Uint8ClampedArray,
	BigInt64Array,
] as const;

/** A subclass, and one that lies about its length, its memory and what it is. */
class Derived extends Float32Array {}
class Liar extends Float32Array {
	override get length(): number {
		return 4;
	}
	override get buffer(): ArrayBuffer {
		return {} as ArrayBuffer;
	}
	override get byteOffset(): number {
		return 2 ** 31;
	}
}

/** Bytes in memory that can be detached, and that say they were not. */
export class LyingBytes extends Uint8Array {
	override get buffer(): ArrayBuffer {
		return {} as ArrayBuffer;
	}
}

interface Resizable {
	resize(bytes: number): void;
}
interface Growable {
	grow(bytes: number): void;
}

// TypeScript's library of ES2022 does not know these arguments; every supported Node does.
type Buffers<T> = new (bytes: number, options: { maxByteLength: number }) => T;
const ResizableBuffer = ArrayBuffer as unknown as Buffers<ArrayBuffer & Resizable>;
const GrowableBuffer = SharedArrayBuffer as unknown as Buffers<ArrayBuffer & Growable>;

export function detach(buffer: ArrayBufferLike): void {
	structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}

export function number(random: Random): number {
	return random.pick(NUMBERS);
}

type TypedArrayKind = new (buffer: ArrayBufferLike, offset?: number, length?: number) => ArrayBufferView;

/** A typed array over memory of any sort. */
export function typedArray(
	random: Random,
	Kind: TypedArrayKind = random.pick(KINDS) as unknown as TypedArrayKind,
	length = random.pick([0, 1, 2, 3, 4, 6, 14, 28, 64]),
): ArrayBufferView {
	const bytes = length * (Kind as unknown as Float32ArrayConstructor).BYTES_PER_ELEMENT;
	const fill = <T extends ArrayBufferView>(view: T): T => {
		if (view instanceof Float32Array && view.byteLength > 0) Float32Array.prototype.fill.call(view, number(random));
		return view;
	};
	switch (random.below(9)) {
		case 0:
			return fill(new Kind(new SharedArrayBuffer(bytes)));
		case 1: {
			const buffer = new ResizableBuffer(bytes, { maxByteLength: bytes + 64 });
			const view = fill(random.oneIn(2) ? new Kind(buffer) : new Kind(buffer, 0, length));
			if (random.oneIn(2)) buffer.resize(random.pick([0, 8, bytes + 64]));
			return view;
		}
		case 2: {
			const buffer = new GrowableBuffer(bytes, { maxByteLength: bytes + 64 });
			const view = fill(new Kind(buffer));
			if (random.oneIn(2)) buffer.grow(bytes + 64);
			return view;
		}
		case 3: {
			const view = new Kind(new ArrayBuffer(bytes));
			detach(view.buffer);
			return view;
		}
		case 4:
			return random.oneIn(2) ? new Derived(length) : new Liar(length);
		case 5:
			return fill(new Kind(new ArrayBuffer(bytes + 64), 8, length));
		case 6:
			return Object.defineProperties(fill(new Kind(new ArrayBuffer(bytes))), {
				length: { value: 4 },
				constructor: { value: undefined },
			});
		default:
			return fill(new Kind(new ArrayBuffer(bytes)));
	}
}

function revoked(): object {
	const { proxy, revoke } = Proxy.revocable({}, {});
	revoke();
	return proxy;
}

const ODDITIES: readonly (() => unknown)[] = [
	() => undefined,
	() => null,
	() => true,
	() => '',
	() => 'abc',
	() => 'adam',
	() => 'avx2',
	() => '\0\u{1f600}\ud800',
	() => 'x'.repeat(1000),
	() => Symbol('x'),
	() => 10n,
	() => 2n ** 70n,
	() => () => 1,
	() => class {},
	() => new Map(),
	() => new Date(Number.NaN),
	() => Object.create(null) as unknown,
	() => [],
	() => Array.from<unknown>({ length: 2 }),
	() => Array(3) as unknown[],
	() => ({}),
	() => ({ length: 2 ** 32 }),
	() => new Number(1),
	() => new Proxy({}, {}),
	() => new Proxy([], {}),
	() => new Proxy(new Float32Array(4), {}),
	revoked,
	() => new ArrayBuffer(8),
	() => new SharedArrayBuffer(8),
	() => new DataView(new ArrayBuffer(8)),
	() => Promise.resolve(1),
	() => /x/,
	() => new Error('x'),
];

/** A value that does mischief when it is looked at. */
function trap(random: Random, mischief: Mischief): unknown {
	const act = (): unknown => {
		mischief();
		return number(random);
	};
	const fail = (): never => {
		throw new FuzzError();
	};
	switch (random.below(5)) {
		case 0:
			return { valueOf: act, toString: () => `${String(act())}`, [Symbol.toPrimitive]: act };
		case 1:
			return Object.defineProperty([1, 2, 3], random.below(3), { get: act, enumerable: true });
		case 2:
			return new Proxy({}, { get: act, has: fail, ownKeys: fail, getPrototypeOf: fail });
		case 3:
			return new Proxy([], { get: random.oneIn(2) ? act : fail });
		default:
			return {
				get length(): unknown {
					return act();
				},
				get name(): unknown {
					return act();
				},
				get learningRates(): unknown {
					return act();
				},
				get inverseScale(): unknown {
					return act();
				},
			};
	}
}

export function anything(random: Random, mischief: Mischief): unknown {
	switch (random.below(8)) {
		case 0:
		case 1:
			return number(random);
		case 2:
		case 3:
		case 4:
			return typedArray(random);
		case 5:
			return trap(random, mischief);
		case 6:
			return Array.from({ length: random.below(4) }, () => (random.oneIn(2) ? number(random) : typedArray(random)));
		default:
			return random.pick(ODDITIES)();
	}
}

/** To be descended into without waking a trap. */
function isTree(value: unknown): value is object {
	return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !types.isProxy(value);
}

/** Spoils a fresh tree of options: a value anywhere in it is replaced or removed, or made a getter that does mischief first. */
export function spoil<T extends object>(random: Random, mischief: Mischief, tree: T): T {
	let parent = tree as Record<string, unknown>;
	for (let depth = 0; ; depth++) {
		const keys = Object.keys(parent);
		const key = keys[random.below(Math.max(keys.length, 1))];
		if (key === undefined) return tree;
		const child: unknown = Object.getOwnPropertyDescriptor(parent, key)?.value; // what a getter gives is not looked at here
		if (isTree(child) && depth < 4 && !random.oneIn(4)) {
			parent = child as Record<string, unknown>;
			continue;
		}
		const value = random.oneIn(3) ? child : anything(random, mischief);
		if (random.oneIn(8)) {
			Reflect.deleteProperty(parent, key);
		} else if (random.oneIn(3)) {
			const get = (): unknown => {
				mischief();
				return value;
			};
			Reflect.defineProperty(parent, key, { get, enumerable: true, configurable: true });
		} else {
			Reflect.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
		}
		return tree;
	}
}
