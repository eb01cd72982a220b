import type { z } from 'zod';
import { invalidArgument } from '../arguments.js';
import { DATASET_NAMES, DATASETS } from '../datasets/download/sources.js';
import { SYNTHETIC_CLASSES } from '../datasets/synthetic.js';
import { AGENT_SPACES, type AgentSpaces, CONTROLLER_KINDS } from '../environment/agent-spaces.js';
import { learnerSection } from '../learner/ppo-settings.js';
import { PRECISIONS } from '../networks/population-resources.js';
import { environmentSection } from '../rollouts/environment-settings.js';
import { refuse, type SettingKey, settingKeys } from '../settings/check-settings.js';
import {
	boolean,
	choice,
	integer,
	type SettingsInput,
	type SettingsOf,
	settings,
	text,
} from '../settings/setting-fields.js';
import { isOpen } from '../tasks/network-family.js';
import { tasksSection } from '../tasks/task-settings.js';
import { type ConfigLayer, mergeLayers, parseLayers } from './config-load.js';
import { checkpointSection, evaluationSection, policySection } from './config-sections.js';
import { RENAMED_SETTINGS } from './renamed-settings.js';

/**
 * Everything that decides how a meta-training run goes. A run directory keeps the config as resolved; two runs of one config on
 * the CPU give the same bits, whatever the number of workers.
 */

/** The data sets that `loadDataset` loads, and the synthetic one. */
export const CONFIG_DATASETS = [...DATASET_NAMES, 'synthetic'] as const;

/** What every run has: of a training and of a search. */
export const runFields = {
	seed: integer({
		default: 0,
		min: 0,
		max: 0xffffffff,
		option: '--seed <n>',
		group: 'Settings',
		description: 'All randomness of a run follows from it.',
	}),
	dataset: choice(CONFIG_DATASETS, {
		default: 'fashion-mnist',
		option: '--dataset <name>',
		group: 'Data',
		description: "Images the child networks train on; 'synthetic' needs no files.",
	}),
	dataDirectory: text({
		default: '',
		option: '--data-dir <dir>',
		group: 'Data',
		expected: 'a path',
		description: 'Where the data set lies; empty: the usual places.',
	}),
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
		option: '--workers <n>',
		group: 'Machine',
		description: 'Worker threads; 0: none, everything on the main thread; −1: one per core, or two per CUDA device.',
	}),
	device: text({
		default: 'auto',
		option: '--device <name>',
		group: 'Machine',
		pattern: /^(auto|cpu|cuda:\d{1,3}(,cuda:\d{1,3})*)$/,
		expected: "'auto', 'cpu', 'cuda:N' or several as in 'cuda:0,cuda:1'",
		description: "Where child networks are trained; 'auto' is the CPU. Workers take several devices in turn.",
	}),
	precision: choice(PRECISIONS, {
		default: 'float32',
		option: '--precision <name>',
		group: 'Machine',
		description:
			"What child networks' matrix products are computed in; 'tf32' needs CUDA devices and is faster on them, with 10 bits of mantissa.",
	}),
};

const { seed, ...dataAndMachine } = runFields;

const configFields = {
	seed,
	iterations: integer({
		default: 200,
		min: 0,
		max: 10_000_000,
		option: '--iterations <n>',
		group: 'Settings',
		description: 'Updates of the learner.',
	}),
	...dataAndMachine,
	controller: choice(CONTROLLER_KINDS, {
		default: 'layerwise',
		option: '--controller <kind>',
		group: 'Agents',
		description:
			"'layerwise': an agent per layer, or one that observes their mean; 'adaptive-lr': one agent that observes the network and scales all its learning rates together (Xu et al. 2019), with defaults of its own.",
	}),
	tasks: tasksSection,
	environment: environmentSection,
	policy: policySection,
	learner: learnerSection,
	checkpoint: checkpointSection,
	evaluation: evaluationSection,
};

type Fields = z.ZodObject<typeof configFields>;

/** A run's settings, complete. */
export type Config = SettingsOf<Fields>;

/** Settings as a user gives them: every key optional. */
export type ConfigInput = SettingsInput<Fields>;

export const configSchema = settings(configFields, checkConfig);

/** Settings that may differ when a run goes on: they change none of its bits, or say only how long it lasts. */
export const RESUMABLE_SETTINGS = ['workers', 'device', 'dataDirectory', 'iterations'] as const;

/** Every key with its default, unit and one sentence; docs/meta-training.md prints it. */
export function configReference(): SettingKey[] {
	return settingKeys(configSchema);
}

/**
 * What the controller 'adaptive-lr' (Xu et al. 2019) means where nobody says otherwise: a decision every 10 steps of 1000, one learning rate
 * for all layers, paid by the validation loss. The number of steps is a re-implementation's; the paper's is not known.
 */
const ADAPTIVE_LR_DEFAULTS = {
	environment: { granularity: 'network', action: 'continuous', reward: 'validation-loss' },
	tasks: { horizon: 1000, decisions: 100, layerSpreadShare: 0, fineTuning: { horizon: 1000 } },
} as const satisfies ConfigInput;

/** What a controller of another kind brings with it is weaker than anything the user says. */
export function withControllerDefaults(layers: readonly ConfigLayer[]): readonly ConfigLayer[] {
	return mergeLayers(layers).controller === 'adaptive-lr'
		? [{ source: "the controller 'adaptive-lr'", values: ADAPTIVE_LR_DEFAULTS }, ...layers]
		: layers;
}

/**
 * The config of some layers, weakest first.
 * @throws GannoError `INVALID_CONFIG` naming key, value, source and what was expected
 */
export function resolveConfig(layers: readonly ConfigLayer[]): Config {
	return parseLayers(configSchema, withControllerDefaults(layers), {
		page: 'docs/meta-training.md',
		renamed: RENAMED_SETTINGS,
	});
}

/** The config of one object: defaults filled in, everything checked. */
export function parseConfig(values: unknown): Config {
	if (typeof values !== 'object' || values === null || Array.isArray(values)) {
		throw invalidArgument('an object of settings', 'config', values);
	}
	return resolveConfig([{ source: 'the config', values: values as Record<string, unknown> }]);
}

/** What no single setting, and no section, can say of itself. */
function checkConfig(payload: z.core.ParsePayload<Config>): void {
	const { tasks, evaluation, dataset, device, precision } = payload.value;
	checkController(payload);
	if (precision === 'tf32' && !device.startsWith('cuda')) {
		refuse(payload, ['device'], { expected: "'cuda:N'", when: "with precision 'tf32'", received: device });
	}
	const classes = dataset === 'synthetic' ? SYNTHETIC_CLASSES : DATASETS[dataset].classes;
	const wrong = tasks.classes.find((count) => count !== 0 && (count < 2 || count > classes));
	if (wrong !== undefined) {
		refuse(payload, ['tasks', 'classes'], {
			expected: `0 (all), or 2 to ${classes} classes of ${dataset},`,
			received: wrong,
		});
	}
	if (isOpen(evaluation.network)) {
		refuse(payload, ['evaluation', 'network'], {
			expected: 'one network, not a family with ranges or lists to draw from,',
			received: evaluation.network,
		});
	}
}

function checkController(payload: z.core.ParsePayload<Config>): void {
	const { controller, environment } = payload.value;
	const spaces: AgentSpaces = AGENT_SPACES[controller];
	const when = `with controller '${controller}'`;
	for (const [key, known] of [
		['action', Object.keys(spaces.actions)],
		['granularity', spaces.granularities],
	] as const) {
		if ((known as readonly string[]).includes(environment[key])) continue;
		const expected = known.map((value) => `'${value}'`).join(' or ');
		refuse(payload, ['environment', key], { expected, when, received: environment[key] });
	}
	const { secondControl } = environment;
	if (secondControl === 'none' || spaces.secondControls.includes(secondControl)) return;
	refuse(payload, ['environment', 'secondControl'], { expected: "'none'", when, received: secondControl });
}
