import fc from 'fast-check';

/** Arguments that nobody should pass, and somebody will. */

const TYPED_ARRAYS = [Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array, Int8Array, Uint16Array] as const;

const POWERS = [2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, -(2 ** 31)];
const UNUSUAL = [
	Number.NaN,
	Number.POSITIVE_INFINITY,
	Number.NEGATIVE_INFINITY,
	5e-324,
	1e-46,
	1e30,
	3.5e38,
	1e39,
	1e308,
];
const numbers = fc.constantFrom(0, -0, 1, -1, 2, 3, 8, 64, 0.5, 1e-3, ...POWERS, ...UNUSUAL);

/** Plain, shared, resizable (tracking its length, perhaps shrunk) and detached ones, of every kind. */
const typedArrays = fc
	.record({
		Kind: fc.constantFrom(...TYPED_ARRAYS),
		length: fc.constantFrom(0, 1, 2, 3, 4, 28, 64),
		memory: fc.constantFrom('plain', 'shared', 'resizable', 'shrunk', 'detached'),
		value: numbers,
	})
	.map(({ Kind, length, memory, value }) => {
		const bytes = length * Kind.BYTES_PER_ELEMENT;
		if (memory === 'shared') return new Kind(new SharedArrayBuffer(bytes) as unknown as ArrayBuffer).fill(value);
		if (memory === 'plain') return new Kind(bytes / Kind.BYTES_PER_ELEMENT).fill(value);
		const buffer = resizable(bytes);
		const array = new Kind(buffer).fill(value);
		if (memory === 'detached') structuredClone(buffer, { transfer: [buffer] });
		if (memory === 'shrunk') (buffer as unknown as { resize(bytes: number): void }).resize(0);
		return array;
	});

/** TypeScript's library of ES2022 does not know this argument; every supported Node does. */
function resizable(bytes: number): ArrayBuffer {
	const Buffers = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
	return new Buffers(bytes, { maxByteLength: bytes + 64 });
}

function detachedDataView(): DataView {
	const buffer = new ArrayBuffer(8);
	const view = new DataView(buffer);
	structuredClone(buffer, { transfer: [buffer] });
	return view;
}

const oddities = fc.constantFrom<(() => unknown)[]>(
	() => undefined,
	() => null,
	() => true,
	() => '',
	() => 'abc',
	() => 'x'.repeat(1000),
	() => Symbol('x'),
	() => 10n,
	() => () => 1,
	() => new Map(),
	() => new Date(Number.NaN),
	() => Object.create(null),
	() => [],
	() => Array.from<unknown>({ length: 2 }),
	() => ({}),
	() => new Proxy({}, {}),
	() => new ArrayBuffer(8),
	() => new SharedArrayBuffer(8),
	detachedDataView,
);

export const garbage: fc.Arbitrary<unknown> = fc.oneof(
	numbers,
	typedArrays,
	oddities.map((make) => make()),
	fc.array(numbers, { maxLength: 3 }),
);

/** Where a tree is spoilt: each number picks a key of the level it has come to. */
export const damage = fc.record({
	path: fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 }),
	how: fc.constantFrom('replace', 'replace', 'replace', 'delete', 'add'),
	value: garbage,
});

export type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

/** Spoils a fresh tree of options in place: one value anywhere in it is replaced or deleted, or a key that means nothing added. */
export function spoil<T extends object>(tree: T, { path, how, value }: Damage): T {
	let parent = tree as Record<string, unknown>;
	for (const [depth, pick] of path.entries()) {
		const keys = Object.keys(parent);
		const key = keys[pick % Math.max(keys.length, 1)];
		if (key === undefined) break;
		const child = parent[key];
		const isTree = typeof child === 'object' && child !== null && !ArrayBuffer.isView(child);
		if (isTree && depth < path.length - 1) {
			parent = child as Record<string, unknown>;
			continue;
		}
		if (how === 'delete') delete parent[key];
		else parent[how === 'add' ? 'somethingElse' : key] = value;
		break;
	}
	return tree;
}
