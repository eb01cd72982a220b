import { checkInteger, checkKeys, checkNumber, checkOneOf, invalidArgument, keysOf } from '../arguments.js';
import { counted } from '../counted.js';
import { PhiloxGenerator } from '../philox.js';
import type { Pretraining } from './pretraining.js';
import type { TrainingTask } from './task.js';

/** What a fine-tuning task meets that its networks were not pre-trained on. */
export const FINE_TUNING_CHANGES = ['classes', 'more-classes', 'labels', 'images'] as const;
export type FineTuningChange = (typeof FINE_TUNING_CHANGES)[number];

/**
 * Fine-tuning in a distribution of tasks: networks are pre-trained on one half of the training images, then the episode trains them on a
 * few of the other half. What changes between the two:
 * - `classes`: pre-trained on a random half of the classes, then trained on the other half, with a new output layer;
 * - `more-classes`: pre-trained on a random half of the classes, then trained on all of them, with a new output layer;
 * - `labels`: all labels are shifted by one; the output layer stays and must learn which class is which;
 * - `images`: nothing but the images; the output layer stays.
 */
export interface FineTuning {
	/** Share of the tasks. */
	readonly share: number;
	/** Each with equal chances (default ['classes']). */
	readonly changes?: readonly FineTuningChange[];
	/** Optimiser steps of the pre-training, Adam under a cosine from 0.001 to 0 (default 500). */
	readonly pretrainingSteps?: number;
	/** Pre-trained networks of a task; its networks start from them in turn, by their seeds (default 2). */
	readonly pretrainedNetworks?: number;
	/** Training images of a network in the episode, a batch at least (default 500). */
	readonly sliceSize?: number;
	/** Optimiser steps of the episode (default: the task's), in as many intervals as the task has decisions. */
	readonly horizon?: number;
}

const DEFAULTS = { changes: ['classes'], pretrainingSteps: 500, pretrainedNetworks: 2, sliceSize: 500 } as const;

const KEYS = keysOf<FineTuning>({
	share: true,
	changes: true,
	pretrainingSteps: true,
	pretrainedNetworks: true,
	sliceSize: true,
	horizon: true,
});

/** Sub-sequence of Philox stream `task` for a task's fine-tuning, its index added: no other choice changes with it. */
const SEQUENCE = 2 ** 47;

/** @param decisions what tasks of the distribution may have; each must divide the horizon */
export function checkFineTuning(
	fineTuning: FineTuning,
	name: string,
	classes: number,
	decisions: readonly number[],
): void {
	checkKeys(fineTuning, name, KEYS);
	const { share, changes, pretrainingSteps, pretrainedNetworks, sliceSize, horizon } = fineTuning;
	checkNumber(share, `${name}.share`, 0, 1);
	if (changes !== undefined) {
		if (!Array.isArray(changes) || changes.length === 0) {
			throw invalidArgument('an array of at least one change', `${name}.changes`, changes);
		}
		for (const [i, change] of changes.entries()) checkOneOf(change, `${name}.changes[${i}]`, FINE_TUNING_CHANGES);
	}
	if (classes < 4 && (changes ?? DEFAULTS.changes).some((change) => change.endsWith('classes'))) {
		throw invalidArgument("'labels' or 'images' where there are fewer than 4 classes", `${name}.changes`, changes);
	}
	if (pretrainingSteps !== undefined) checkInteger(pretrainingSteps, `${name}.pretrainingSteps`, 1, 1_000_000);
	if (pretrainedNetworks !== undefined) checkInteger(pretrainedNetworks, `${name}.pretrainedNetworks`, 1, 4096);
	if (sliceSize !== undefined) checkInteger(sliceSize, `${name}.sliceSize`, 1);
	if (horizon === undefined) return;
	checkInteger(horizon, `${name}.horizon`, 1);
	for (const count of decisions) {
		if (horizon % count !== 0)
			throw invalidArgument(`a multiple of the ${counted(count, 'decision')}`, `${name}.horizon`, horizon);
	}
}

/** The task, or for a share of the indices one that goes on with trained networks. */
export function fineTune(task: TrainingTask, fineTuning: FineTuning, classes: number, seed: number): TrainingTask {
	const generator = new PhiloxGenerator(seed, 'task', SEQUENCE + task.index);
	if (generator.nextFloat() >= fineTuning.share) return task;
	const {
		changes = DEFAULTS.changes,
		pretrainingSteps = DEFAULTS.pretrainingSteps,
		pretrainedNetworks = DEFAULTS.pretrainedNetworks,
		sliceSize = DEFAULTS.sliceSize,
		horizon,
	} = fineTuning;
	const change = changes[generator.nextInteger(changes.length)] as FineTuningChange;
	const seeds = Array.from({ length: pretrainedNetworks }, () => generator.nextUint32());
	const order = generator.shuffle(Array.from({ length: classes }, (_, label) => label));
	const half = classes >> 1;
	const newClasses = change === 'classes' || change === 'more-classes';
	const pretraining: Pretraining = {
		steps: pretrainingSteps,
		data: {
			trainShare: [0, 0.5],
			...(newClasses ? { classes: order.slice(0, half).toSorted(ascending) } : {}),
		},
		seeds,
		keepOutputLayer: !newClasses,
	};
	return {
		...task,
		sliceSize: Math.max(sliceSize, task.batchSize),
		...(horizon === undefined ? {} : { horizon, interval: horizon / (task.horizon / task.interval) }),
		data: {
			trainShare: [0.5, 1],
			...(change === 'classes' ? { classes: order.slice(half).toSorted(ascending) } : {}),
			...(change === 'labels' ? { labelOffset: 1 } : {}),
		},
		pretraining,
	};
}

const ascending = (a: number, b: number): number => a - b;
