import { z } from 'zod';
import { FINE_TUNING_CHANGES } from '../tasks/fine-tuning.js';
import { integer, list, number } from './config-fields.js';

/** `tasks.fineTuning`: tasks that go on with a trained network. */
export const fineTuningSection = z
	.strictObject({
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
	})
	.prefault({});
