import { z } from 'zod';
import { CONFIG_DATASETS } from '../../../config/config.js';
import { GannoError } from '../../../errors.js';
import { ALGORITHMS } from '../../../optimizer/algorithms.js';
import { expectation } from '../../../settings/check-settings.js';
import { forbiddenKeys, showValue, valueAt } from '../../../settings/setting-values.js';
import { FINE_TUNING_CHANGES } from '../../../tasks/fine-tuning.js';
import { isOpen, networkFamilySchema } from '../../../tasks/network-family.js';
import { hyperparametersSchema } from '../../../tasks/task-settings.js';

/** What an evaluation suite says, as plain data: the built-in ones are objects of this shape, a user's is a JSON file of it. */

const rate = z.number().gt(0).max(10);
const count = z.int().min(1).max(10_000_000);

/** Where a task's images come from; the same entry for several tasks is loaded once. */
const datasetSchema = z.strictObject({
	name: z.enum(CONFIG_DATASETS),
	/** 2: images of half the height and width. */
	downsample: z.union([z.literal(1), z.literal(2)]).default(1),
	/** Synthetic images only: how many in all. */
	size: count.optional(),
});

const taskSchema = z
	.strictObject({
		id: z.string().min(1).max(80),
		/** Tasks that share their tuned learning rates. */
		family: z.string().min(1).max(80),
		/** What is held out here, in a few words. */
		about: z.string().max(400).default(''),
		dataset: datasetSchema,
		network: networkFamilySchema,
		optimizer: z.enum(ALGORITHMS),
		hyperparameters: hyperparametersSchema.optional(),
		batchSize: count,
		horizon: count,
		decisions: count.default(20),
		/** Images each network trains on; absent: all. */
		sliceSize: count.optional(),
		validationSize: count.optional(),
		/** Initial learning rates, a column each. Contenders that choose their own run once. */
		learningRates: z.array(rate).min(1).max(32),
		/** p: layers start at 10^U(−p, p) times the learning rate. */
		layerSpreadDecades: z.number().min(0).max(6).default(0),
		/** q: weights start at 10^U(−q, q) times what their initialiser gives, layer by layer, the factors' product made 1. */
		initialScaleDecades: z.number().min(0).max(3).default(0),
		/** Networks are trained before on one half of the training images; the task is the other half. */
		fineTuning: z
			.strictObject({
				change: z.enum(FINE_TUNING_CHANGES),
				pretrainingSteps: count.default(500),
				sliceSize: count.default(500),
			})
			.optional(),
		/** In place of the suite's. */
		tuningSeeds: count.optional(),
		/** In place of the suite's. */
		testPoints: count.optional(),
		/** `full-cnn` and `cifar-residual` mark the tasks that targets name. */
		role: z.enum(['full-cnn', 'cifar-residual']).optional(),
		/** The id of the same task with a shorter horizon: what is checked is that more steps do no harm. */
		longerThan: z.string().optional(),
	})
	.refine(({ horizon, decisions }) => horizon % decisions === 0, 'decisions that divide the horizon')
	.refine(({ network }) => !isOpen(network), 'one network, not a family with ranges or lists to draw from');

const suiteSchema = z
	.strictObject({
		name: z.string().regex(/^[\w-]{1,60}$/, 'letters, digits, _ and -'),
		description: z.string().default(''),
		/** Too small to conclude anything from: the tables check no target. */
		trial: z.literal(true).optional(),
		/** All networks of the suite follow from it. */
		seed: z.int().min(0).max(0xffffffff),
		/** Networks of a cell. */
		seeds: count,
		/** Networks per learning rate and task when tuning. */
		tuningSeeds: count,
		tuningLearningRates: z.array(rate).min(1).max(64),
		/** How often a run is measured on the test split, evenly spread. */
		testPoints: count.default(4),
		/** Resamples of a bootstrap interval. */
		resamples: z.int().min(100).max(1_000_000).default(2000),
		tasks: z.array(taskSchema).min(1).max(1000),
	})
	.superRefine(({ tasks }, context) => {
		const ids = tasks.map(({ id }) => id);
		for (const [i, task] of tasks.entries()) {
			if (ids.indexOf(task.id) !== i) {
				context.addIssue({ code: 'custom', path: ['tasks', i, 'id'], message: 'another name: this one is taken' });
			}
			if (task.longerThan !== undefined && !ids.includes(task.longerThan)) {
				context.addIssue({
					code: 'custom',
					path: ['tasks', i, 'longerThan'],
					message: 'the id of a task of the suite',
				});
			}
		}
	});

export type Suite = z.infer<typeof suiteSchema>;
export type SuiteInput = z.input<typeof suiteSchema>;
export type SuiteTask = Suite['tasks'][number];
export type SuiteDataset = SuiteTask['dataset'];

/**
 * A suite with its defaults filled in.
 * @param source what messages call it
 * @throws GannoError `INVALID_CONFIG` naming every fault
 */
export function parseSuite(values: unknown, source: string): Suite {
	const forbidden = forbiddenKeys(values);
	if (forbidden.length > 0) {
		throw new GannoError('INVALID_CONFIG', `Expected no key ${forbidden.join(', ')} in ${source}`);
	}
	const result = suiteSchema.safeParse(values);
	if (result.success) return result.data;
	const faults = result.error.issues.map((issue) => {
		const key = issue.path.join('.');
		const received = showValue(valueAt(values, issue.path));
		return `Expected ${suiteExpectation(issue)} for ${key === '' ? 'the suite' : key} but received ${received} in ${source}`;
	});
	throw new GannoError('INVALID_CONFIG', [...new Set(faults)].join('\n'));
}

/** What was expected, in the words after "Expected"; the checks of this file say it themselves. */
function suiteExpectation(issue: z.core.$ZodIssue): string {
	if (issue.code === 'custom') return issue.message;
	if (issue.code === 'unrecognized_keys') return `no key ${issue.keys.join(', ')}`;
	if (issue.code === 'invalid_union') return 'one of the kinds in docs/evaluation.md';
	return expectation(issue);
}
