import { PhiloxGenerator } from '../philox.js';

const CHOICES = ['network', 'optimizer', 'batchSize', 'sliceSize', 'duration'] as const;

/** A choice of a task that strata spread evenly. */
export type StratifiedChoice = (typeof CHOICES)[number];

/** Sub-sequences of the orders, apart from those of the tasks themselves. */
const ORDERS = 2 ** 50;

/** One task's place in a stratum: a Latin hypercube over the choices, and one over the initial learning rates of all its networks. */
export interface StratumPlace {
	/** An index below `count`. */
	choose(choice: StratifiedChoice, count: number): number;
	/** In [0, 1), for network `n` of the task. */
	position(n: number, generator: PhiloxGenerator): number;
}

/**
 * The place of task `index` among the `size` tasks of its stratum, those from a multiple of `size` on. A pure function of its arguments.
 * @returns undefined for strata of one task: nothing to spread
 */
export function openStratum(seed: number, index: number, size: number, networks: number): StratumPlace | undefined {
	if (size === 1) return undefined;
	const orders = new PhiloxGenerator(seed, 'task', ORDERS + Math.floor(index / size));
	const task = index % size;
	// In this order, whoever asks first.
	// One offset for all tasks of the stratum (systematic sampling): the counts of any two entries differ by one at most.
	const places = new Map(
		CHOICES.map((choice) => [choice, ((order(size, orders)[task] as number) + orders.nextFloat()) / size]),
	);
	const rates = order(size * networks, orders);
	return {
		choose: (choice, count) => Math.floor((places.get(choice) as number) * count),
		position: (n, generator) => ((rates[task * networks + n] as number) + generator.nextFloat()) / (size * networks),
	};
}

function order(length: number, generator: PhiloxGenerator): Uint32Array {
	return generator.shuffle(Uint32Array.from({ length }, (_, i) => i));
}
