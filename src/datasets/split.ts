import { PhiloxGenerator } from '../philox.js';

/**
 * Divides the training part into training and validation indices, stratified: every class gives its share of the validation
 * images, exact where the shares are whole numbers, else by largest remainder (ties: the lower class).
 * @param labels `[≥ count]`; the first `count` are the training part
 * @param seed which images of a class are taken: stream `split` of Philox, one sub-sequence per class
 * @returns training indices ascending; validation indices in an order whose every prefix holds the classes in proportion, so
 *   that the first n are a fair sample
 */
export function stratifiedSplit(
	labels: Uint8Array,
	count: number,
	classes: number,
	validationSize: number,
	seed: number,
): { train: Uint32Array; validation: Uint32Array } {
	const members: number[][] = Array.from({ length: classes }, () => []);
	for (let i = 0; i < count; i++) members[labels[i] as number]?.push(i);

	const quotas = classQuotas(
		members.map((indices) => indices.length),
		validationSize,
	);
	const chosen: { index: number; position: number; label: number }[] = [];
	const isValidation = new Uint8Array(count);
	for (const [label, indices] of members.entries()) {
		const quota = quotas[label] as number;
		const shuffled = new PhiloxGenerator(seed, 'split', label).shuffle(indices);
		for (let i = 0; i < quota; i++) {
			const index = shuffled[i] as number;
			isValidation[index] = 1;
			chosen.push({ index, position: (i + 0.5) / quota, label });
		}
	}
	chosen.sort((a, b) => a.position - b.position || a.label - b.label);

	const validation = shared(validationSize);
	for (const [i, { index }] of chosen.entries()) validation[i] = index;
	const train = shared(count - validationSize);
	let next = 0;
	for (let i = 0; i < count; i++) if (isValidation[i] === 0) train[next++] = i;
	return { train, validation };
}

/** The indices `begin … begin + count − 1`. */
export function indexRange(begin: number, count: number): Uint32Array {
	const indices = shared(count);
	for (let i = 0; i < count; i++) indices[i] = begin + i;
	return indices;
}

function shared(length: number): Uint32Array {
	return new Uint32Array(new SharedArrayBuffer(length * 4));
}

function classQuotas(sizes: readonly number[], total: number): number[] {
	const count = sizes.reduce((sum, size) => sum + size, 0);
	// Integer arithmetic: size × total stays far below 2^53.
	const quotas = sizes.map((size) => Math.floor((size * total) / count));
	const byRemainder = sizes
		.map((size, label) => ({ label, remainder: (size * total) % count }))
		.sort((a, b) => b.remainder - a.remainder || a.label - b.label);
	const missing = total - quotas.reduce((sum, quota) => sum + quota, 0);
	for (const { label } of byRemainder.slice(0, missing)) quotas[label] = (quotas[label] as number) + 1;
	return quotas;
}
