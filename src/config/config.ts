import { z } from 'zod';
import { invalidArgument } from '../arguments.js';
import { AGENT_NAMES } from '../environment/agent-kinds.js';
import { PRECISIONS } from '../networks/population-resources.js';
import { ADAPTIVE_LR_DEFAULTS } from './adaptive-lr-defaults.js';
import { checkConfig } from './config-checks.js';
import { boolean, choice, integer } from './config-fields.js';
import { type ConfigKey, type ConfigLayer, configKeys, mergeLayers, parseLayers } from './config-load.js';
import {
	checkpointSection,
	environmentSection,
	evaluationSection,
	learnerSection,
	policySection,
} from './config-sections.js';
import { tasksSection } from './config-tasks.js';

/**
 * Everything that decides how a meta-training run goes. A run directory keeps the config as resolved; two runs of one config on
 * the CPU give the same bits, whatever the number of workers.
 */

export const DATASET_NAMES = ['fashion-mnist', 'mnist', 'cifar-10', 'svhn', 'synthetic'] as const;
export type DatasetName = (typeof DATASET_NAMES)[number];

export const configSchema = z.strictObject({
	seed: integer({ default: 0, min: 0, max: 0xffffffff, description: 'All randomness of a run follows from it.' }),
	iterations: integer({ default: 200, min: 0, max: 10_000_000, description: 'Updates of the learner.' }),
	dataset: choice(DATASET_NAMES, {
		default: 'fashion-mnist',
		description: "Images the child networks train on; 'synthetic' needs no files.",
	}),
	dataDirectory: z
		.string()
		.default('')
		.meta({ expected: 'a path', unit: '', description: 'Where the data set lies; empty: the usual places.' }),
	downsample: integer({
		default: 1,
		min: 1,
		max: 2,
		description: '2: images of half the height and width, each pixel the mean of 2 × 2.',
	}),
	partialDataset: boolean({
		default: false,
		description: 'Be content with a part of the data set: some training batches of CIFAR-10, fewer images of MNIST.',
	}),
	workers: integer({
		default: -1,
		min: -1,
		max: 1024,
		unit: 'threads',
		description: 'Worker threads; 0: none, everything on the main thread; −1: one per core, or two per CUDA device.',
	}),
	device: z
		.string()
		.regex(/^(auto|cpu|cuda:\d{1,3}(,cuda:\d{1,3})*)$/)
		.default('auto')
		.meta({
			expected: "'auto', 'cpu', 'cuda:N' or several as in 'cuda:0,cuda:1'",
			unit: '',
			description: "Where child networks are trained; 'auto' is the CPU. Workers take several devices in turn.",
		}),
	precision: choice(PRECISIONS, {
		default: 'float32',
		description:
			"What child networks' matrix products are computed in; 'tf32' needs CUDA devices and is faster on them, with 10 bits of mantissa.",
	}),
	agent: choice(AGENT_NAMES, {
		default: 'ganno',
		description:
			"'ganno': an agent per layer, or one that sees their mean; 'adaptive-lr': one agent that sees the network and scales all its learning rates together (Xu et al. 2019), with defaults of its own.",
	}),
	tasks: tasksSection,
	environment: environmentSection,
	policy: policySection,
	learner: learnerSection,
	checkpoint: checkpointSection,
	evaluation: evaluationSection,
});

/** A run's settings, complete. */
export type Config = z.infer<typeof configSchema>;

/** Settings that may differ when a run goes on: they change none of its bits, or say only how long it lasts. */
export const RESUMABLE_SETTINGS = ['workers', 'device', 'dataDirectory', 'iterations'] as const;

/** Settings as a user gives them: every key optional. */
export type ConfigInput = z.input<typeof configSchema>;

/** Every key with its default, unit and one sentence; docs/meta-training.md prints it. */
export function configReference(): ConfigKey[] {
	return configKeys(configSchema);
}

/** What an agent of another kind brings with it is weaker than anything the user says. */
export function withAgentDefaults(layers: readonly ConfigLayer[]): readonly ConfigLayer[] {
	return mergeLayers(layers).agent === 'adaptive-lr'
		? [{ source: "the agent 'adaptive-lr'", values: ADAPTIVE_LR_DEFAULTS }, ...layers]
		: layers;
}

/**
 * The config of some layers, weakest first.
 * @throws GannoError `INVALID_CONFIG` naming key, value, source and what was expected
 */
export function resolveConfig(layers: readonly ConfigLayer[]): Config {
	const config = parseLayers(configSchema, withAgentDefaults(layers));
	checkConfig(config);
	return config;
}

/** The config of one object: defaults filled in, everything checked. */
export function parseConfig(values: unknown): Config {
	if (typeof values !== 'object' || values === null || Array.isArray(values)) {
		throw invalidArgument('an object of settings', 'config', values);
	}
	return resolveConfig([{ source: 'the config', values: values as Record<string, unknown> }]);
}
