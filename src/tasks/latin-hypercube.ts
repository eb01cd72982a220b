import { PhiloxGenerator } from '../philox.js';

const CHOICES = ['network', 'optimizer', 'batchSize', 'sliceSize', 'duration'] as const;

/** A choice of a task that is stratified. */
export type StratifiedChoice = (typeof CHOICES)[number];

/** First sub-sequence of the permutations, apart from those of the tasks. */
const ORDERS = 2 ** 50;

/** One task's sample in a stratum: a Latin hypercube over the choices, and one over the initial learning rates of all its networks. */
export interface LatinHypercubeSample {
	/** An index below `count`. */
	index(choice: StratifiedChoice, count: number): number;
	/** In [0, 1), for network `n` of the task. */
	position(n: number, generator: PhiloxGenerator): number;
}

/**
 * The sample of task `index` in its stratum, the `size` tasks from a multiple of `size` on. A pure function of its arguments.
 * @returns undefined for strata of one task
 */
export function latinHypercubeSample(
	seed: number,
	index: number,
	size: number,
	networks: number,
): LatinHypercubeSample | undefined {
	if (size === 1) return undefined;
	const orders = new PhiloxGenerator(seed, 'task', ORDERS + Math.floor(index / size));
	const task = index % size;
	// One offset for all tasks of the stratum (systematic sampling): the counts of any two entries differ by one at most.
	const places = new Map(
		CHOICES.map((choice) => [choice, ((order(size, orders)[task] as number) + orders.nextFloat()) / size]),
	);
	const rates = order(size * networks, orders);
	return {
		index: (choice, count) => Math.floor((places.get(choice) as number) * count),
		position: (n, generator) => ((rates[task * networks + n] as number) + generator.nextFloat()) / (size * networks),
	};
}

function order(length: number, generator: PhiloxGenerator): Uint32Array {
	return generator.shuffle(Uint32Array.from({ length }, (_, i) => i));
}
