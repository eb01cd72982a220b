import { z } from 'zod';
import { PhiloxGenerator } from '../philox.js';
import { integer, list, number, type SettingsOf, section } from '../settings/setting-fields.js';
import type { Pretraining } from './pretraining.js';
import type { TrainingTask } from './task.js';

/** What changes between the pre-training and the episode of a fine-tuning task. */
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
export const fineTuningSection = section({
	share: number({
		default: 0,
		min: 0,
		max: 1,
		description:
			'Share of the tasks whose networks are pre-trained on one half of the training images, then trained on the other.',
	}),
	changes: list(z.enum(FINE_TUNING_CHANGES), {
		default: ['classes'],
		expected: `a list of ${FINE_TUNING_CHANGES.map((name) => `'${name}'`).join(', ')}`,
		description:
			'What is new after the pre-training; each such task draws one. Classes: the other half of the classes, with a new output layer; more-classes: all of them, likewise; labels: all shifted by one; images: nothing else.',
	}),
	pretrainingSteps: integer({
		default: 500,
		min: 1,
		max: 1_000_000,
		unit: 'optimiser steps',
		description: 'Length of the pre-training, Adam under a cosine from 0.001 to 0.',
	}),
	pretrainedNetworks: integer({
		default: 2,
		min: 1,
		max: 4096,
		description: "Pre-trained networks of a task; the task's networks start from these in turn.",
	}),
	sliceSize: integer({
		default: 500,
		min: 1,
		max: 100_000_000,
		unit: 'images',
		description: 'Training images of a network after the pre-training, in place of tasks.sliceSize.',
	}),
	horizon: integer({
		default: 0,
		min: 0,
		max: 10_000_000,
		unit: 'optimiser steps',
		description: 'Length of these episodes, a multiple of tasks.decisions; 0: tasks.horizon.',
	}),
});

export type FineTuning = SettingsOf<typeof fineTuningSection>;

/** Sub-sequence of Philox stream `task` for a task's fine-tuning, its index added: no other choice changes with it. */
const SEQUENCE = 2 ** 47;

/** The task, or for a share of the indices one whose networks are pre-trained. */
export function withFineTuning(
	task: TrainingTask,
	fineTuning: FineTuning,
	classes: number,
	seed: number,
): TrainingTask {
	const generator = new PhiloxGenerator(seed, 'task', SEQUENCE + task.index);
	if (generator.nextFloat() >= fineTuning.share) return task;
	const { changes, pretrainingSteps, pretrainedNetworks, sliceSize, horizon } = fineTuning;
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
		...(horizon === 0 ? {} : { horizon, interval: horizon / (task.horizon / task.interval) }),
		data: {
			trainShare: [0.5, 1],
			...(change === 'classes' ? { classes: order.slice(half).toSorted(ascending) } : {}),
			...(change === 'labels' ? { labelOffset: 1 } : {}),
		},
		pretraining,
	};
}

const ascending = (a: number, b: number): number => a - b;
