import { permutation } from './network-random.js';

/** What decides which images a network sees when. */
export interface BatchOrder {
	/** Indices of the training split. */
	readonly train: Uint32Array;
	/** Images a network trains on, chosen by its seed. */
	readonly sliceSize: number;
	readonly batchSize: number;
}

/** Which place of the training split each place of a network's slice is. */
export function trainingSlice({ train, sliceSize }: BatchOrder, seed: number): (index: number) => number {
	return sliceSize < train.length ? permutation(seed, 'slice', 0, train.length) : (index) => index;
}

/** Numbers of the images of a network's step `step`: those that native populations train on. */
export function trainingBatch(order: BatchOrder, seed: number, step: number): Uint32Array {
	const batches = Math.floor(order.sliceSize / order.batchSize);
	return draw(order, seed, 'batchOrder', Math.floor(step / batches), step);
}

/** Numbers of the images of batch `k` of a probe that follows step `step`: from an order of its own. */
export function probeBatch(order: BatchOrder, seed: number, step: number, k: number): Uint32Array {
	return draw(order, seed, 'probe', step, k);
}

function draw(
	order: BatchOrder,
	seed: number,
	stream: 'batchOrder' | 'probe',
	epoch: number,
	number: number,
): Uint32Array {
	const { train, sliceSize, batchSize } = order;
	const place = permutation(seed, stream, epoch, sliceSize);
	const slice = trainingSlice(order, seed);
	const first = (number % Math.floor(sliceSize / batchSize)) * batchSize;
	return Uint32Array.from({ length: batchSize }, (_, i) => train[slice(place(first + i))]!);
}
