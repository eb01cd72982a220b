import { z } from 'zod';
import { ALGORITHMS, type OptimizerSpec } from '../optimizer/algorithms.js';
import { resolveHyperparameters } from '../optimizer/optimizer-options.js';
import { refuse } from '../settings/check-settings.js';
import {
	ascending,
	boolean,
	integer,
	integers,
	interval,
	list,
	number,
	type SettingsInput,
	type SettingsOf,
	section,
} from '../settings/setting-fields.js';
import { fineTuningSection } from './fine-tuning.js';
import { networkFamilySchema } from './network-family.js';
import { DEFAULT_DECISIONS } from './task.js';

/** Which of them an optimiser has is checked below. */
export const hyperparametersSchema = z.strictObject({
	beta1: z.number().optional(),
	beta2: z.number().optional(),
	epsilon: z.number().optional(),
	momentum: z.number().optional(),
	rho: z.number().optional(),
	weightDecay: z.number().optional(),
});

/** An optimiser by name, or with hyper-parameters and initial learning rates of its own. */
const drawnOptimizerSchema = z.union([
	z.enum(ALGORITHMS),
	z.strictObject({
		algorithm: z.enum(ALGORITHMS),
		hyperparameters: hyperparametersSchema.optional(),
		initialLearningRates: ascending(z.number().min(1e-12).max(10)).optional(),
	}),
]);

export type DrawnOptimizer = SettingsOf<typeof drawnOptimizerSchema>;

/** As tasks carry it. */
export function optimizerSpec(optimizer: DrawnOptimizer): OptimizerSpec {
	if (typeof optimizer === 'string') return { algorithm: optimizer };
	const { algorithm, hyperparameters } = optimizer;
	return hyperparameters === undefined ? { algorithm } : { algorithm, hyperparameters };
}

const taskFields = {
	networks: list(networkFamilySchema, {
		default: [{ type: 'mlp', depth: [1, 3], width: [32, 128] }],
		expected:
			"a list of network families, e.g. { type: 'mlp', depth: [1, 3], width: [32, 128] } or { type: 'cnn', convolutions: [1, 3], filters: [8, 32], depth: [0, 2], width: [16, 64], activation: ['relu', 'tanh'] }",
		description: 'What the child networks look like; each task draws one family, then what the family leaves open.',
	}),
	perIteration: integer({
		default: 2,
		min: 1,
		max: 4096,
		description: 'Rollouts an iteration of the learner collects.',
	}),
	networksPerTask: integer({
		default: 16,
		min: 1,
		max: 4096,
		description: 'Child networks a rollout trains side by side.',
	}),
	horizon: integers({
		default: [500],
		min: 1,
		max: 10_000_000,
		unit: 'optimiser steps',
		description: 'Length of an episode; of a list each task draws one.',
	}),
	decisions: integers({
		default: [DEFAULT_DECISIONS],
		min: 1,
		max: 100_000,
		description: 'Decisions of an episode; divides the horizon. Of a list each task draws one.',
	}),
	costLimit: number({
		default: 0,
		min: 0,
		max: 1e9,
		unit: '10⁹ multiply–adds',
		description:
			'What the episode of one network may cost, training (3 forward passes an image) and validation; a task that would cost more draws again among the batch sizes and horizons that fit. 0: no limit.',
	}),
	stratified: boolean({
		default: false,
		description:
			'Spread families, optimisers, batch sizes, horizons and initial learning rates evenly over the tasks of an iteration instead of drawing each by itself.',
	}),
	batchSizes: list(z.int().min(1).max(65_536), {
		default: [32],
		expected: 'a list of integers from 1 to 65536',
		unit: 'images',
		description: 'Mini-batch sizes of the child networks; each task draws one.',
	}),
	optimizers: list(drawnOptimizerSchema, {
		default: ['adam'],
		expected: `a list of ${ALGORITHMS.map((name) => `'${name}'`).join(', ')} or objects, e.g. { algorithm: 'momentum', hyperparameters: { momentum: 0.95 }, initialLearningRates: [1e-4, 1] }`,
		description:
			'Optimisers of the child networks; each task draws one. An object gives hyper-parameters, or initial learning rates of its own.',
	}),
	initialLearningRates: interval({
		default: [3.16e-6, 0.316],
		min: 1e-12,
		max: 10,
		description: 'Initial learning rates, drawn log-uniformly network by network; wider than what is claimed.',
	}),
	layerSpreadDecades: number({
		default: 1,
		min: 0,
		max: 6,
		unit: 'decades',
		description: 'Initial learning rates of the layers differ by up to this many decades either way.',
	}),
	layerSpreadShare: number({
		default: 0.25,
		min: 0,
		max: 1,
		description: 'Share of the networks whose layers start at different learning rates.',
	}),
	initialScaleDecades: number({
		default: 1,
		min: 0,
		max: 3,
		unit: 'decades',
		description:
			"Initial weights of the layers are out of balance by up to this many decades either way; the factors' product is 1.",
	}),
	initialScaleShare: number({
		default: 0,
		min: 0,
		max: 1,
		description: "Share of the networks whose layers' initial weights are out of balance.",
	}),
	classes: integers({
		default: [0],
		min: 0,
		max: 256,
		unit: 'classes',
		description:
			'As many classes, drawn at random, make up the data of a task, in all splits: easier than all of them; 0: all. Of a list each task draws one. Fine-tuning tasks choose their own.',
	}),
	labelNoise: list(z.number().min(0).max(1), {
		default: [0],
		expected: 'a list of numbers from 0 to 1',
		description:
			'Share of the images, in all splits, whose label is replaced by another class drawn at random: harder data than the data set has. Of a list each task draws one.',
	}),
	fineTuning: fineTuningSection,
	sliceSize: integers({
		default: [4000],
		min: 0,
		max: 100_000_000,
		unit: 'images',
		description: 'Training images of one network, drawn by its seed; 0: all of them. Of a list each task draws one.',
	}),
	validationSize: integer({
		default: 512,
		min: 1,
		max: 100_000_000,
		unit: 'images',
		description: 'Validation images every network is judged on at each decision.',
	}),
};

/** What tasks are drawn from, complete. */
export type TaskSettings = SettingsOf<z.ZodObject<typeof taskFields>>;

/** Every key optional. */
export type TaskSettingsInput = SettingsInput<z.ZodObject<typeof taskFields>>;

/** The section `tasks` of a config, and what `sampleTasks` takes. */
export const tasksSection = section(taskFields, checkTasks);

/** What no single setting can say of itself. */
function checkTasks(payload: z.core.ParsePayload<TaskSettings>): void {
	const { horizon: horizons, decisions, fineTuning, batchSizes, sliceSize, optimizers } = payload.value;
	for (const horizon of horizons) {
		const received = decisions.find((count) => horizon % count !== 0);
		if (received !== undefined) {
			refuse(payload, ['decisions'], { expected: `a divisor of the horizon (${horizon})`, received });
			return;
		}
	}
	for (const count of decisions) {
		if (fineTuning.horizon % count === 0) continue;
		const expected = `a multiple of the decisions (${count})`;
		refuse(payload, ['fineTuning', 'horizon'], { expected, received: fineTuning.horizon });
		return;
	}
	const largest = Math.max(...batchSizes);
	const tooSmall = sliceSize.find((size) => size !== 0 && size < largest);
	if (tooSmall !== undefined) {
		const expected = `at least the largest of the batch sizes (${largest})`;
		refuse(payload, ['sliceSize'], { expected, received: tooSmall });
	}
	for (const [i, optimizer] of optimizers.entries()) {
		if (typeof optimizer === 'string') continue;
		try {
			resolveHyperparameters(optimizer.algorithm, optimizer.hyperparameters);
		} catch (error) {
			refuse(payload, ['optimizers', i], { sentence: (error as Error).message });
		}
	}
}
