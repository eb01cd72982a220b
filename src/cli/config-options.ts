import { type Command, Option } from 'commander';
import { AGENT_NAMES } from '../environment/agent-kinds.js';
import { type Config, configReference, resolveConfig } from '../experiments/config.js';
import { describeOrigin } from '../experiments/config-changes.js';
import { type ConfigLayer, mergeLayers, parseAssignment, readConfigFile } from '../experiments/config-load.js';
import { PRESET_NAMES, PRESETS, type PresetName } from '../experiments/presets.js';
import { pathOption } from './path-option.js';

/** The options that make a config, shared by the commands that need one. */
export interface ConfigOptions {
	readonly preset?: PresetName;
	readonly config?: string;
	readonly set?: readonly string[];
	readonly seed?: string;
	readonly iterations?: string;
	readonly workers?: string;
	readonly device?: string;
	readonly precision?: string;
	readonly dataset?: string;
	readonly dataDir?: string;
	readonly agent?: string;
	readonly agents?: string;
	readonly action?: string;
	readonly reward?: string;
	readonly secondControl?: string;
	readonly network?: string;
	readonly algorithm?: string;
	readonly learnerBackend?: string;
}

const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

/** Options of every command that reads a config. */
export function addConfigOptions(command: Command): Command {
	return command
		.addOption(new Option('--preset <name>', 'named settings to start from').choices(PRESET_NAMES))
		.addOption(
			pathOption('--config <file>', 'JSON file with settings; stronger than the preset, weaker than the options'),
		)
		.option('--set <key=value>', 'any setting, e.g. --set learner.clip=0.1 (repeatable)', collect)
		.option('--seed <n>', 'all randomness of the run follows from it')
		.option('--workers <n>', 'worker threads; 0: none, -1: one per core, or two per CUDA device')
		.option('--device <name>', 'auto, cpu, cuda:N, or several as in cuda:0,cuda:1')
		.option('--precision <name>', 'float32, or tf32 on CUDA devices: tensor cores, 10 bits of mantissa')
		.option('--dataset <name>', 'fashion-mnist, mnist, cifar-10, svhn or synthetic')
		.addOption(pathOption('--data-dir <dir>', 'where the data set lies'));
}

/** Options of the commands that train agents. */
export function addTrainingOptions(command: Command): Command {
	return addConfigOptions(command)
		.option('--iterations <n>', 'updates of the learner')
		.addOption(
			new Option('--agent <kind>', 'ganno, or adaptive-lr: one learning rate, set by one agent').choices(AGENT_NAMES),
		)
		.option('--agents <mode>', 'layerwise, or one for all layers')
		.option(
			'--action <rule>',
			'compounding, fine, coarse, anchored or absolute; of adaptive-lr: continuous or three-way',
		)
		.option('--reward <name>', 'log-improvement, baseline, final-loss, accuracy-gain, difference or validation-loss')
		.option('--second-control <name>', 'what agents set beside the learning rate: none, weight-decay or momentum')
		.option('--network <kind>', "the agents' network: feed-forward or recurrent")
		.option('--algorithm <name>', 'ippo or mappo')
		.option('--learner-backend <name>', 'wasm, cpu or tensorflow');
}

/** Numbers as numbers, so that a message can say what was wrong with anything else. */
export function scalar(text: string | undefined): number | string | undefined {
	if (text === undefined) return undefined;
	const value = Number(text);
	return text.trim() !== '' && Number.isFinite(value) ? value : text;
}

/** What the options say, as a layer of the config. */
export function optionLayer(options: ConfigOptions): ConfigLayer {
	const flags = {
		seed: scalar(options.seed),
		iterations: scalar(options.iterations),
		workers: scalar(options.workers),
		device: options.device,
		precision: options.precision,
		dataset: options.dataset,
		dataDirectory: options.dataDir,
		agent: options.agent,
		environment: {
			agents: options.agents,
			action: options.action,
			reward: options.reward,
			secondControl: options.secondControl,
		},
		policy: { network: options.network },
		learner: { algorithm: options.algorithm, backend: options.learnerBackend },
	};
	const assignments = (options.set ?? []).map((assignment) => ({
		source: 'the command line',
		values: parseAssignment(assignment),
	}));
	const values = mergeLayers([{ source: 'the command line', values: withoutUndefined(flags) }, ...assignments]);
	return { source: 'the command line', values };
}

export function withoutUndefined(values: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(values).flatMap(([key, value]): [string, unknown][] => {
			if (value === undefined) return [];
			if (typeof value !== 'object' || value === null) return [[key, value]];
			const inner = withoutUndefined(value as Record<string, unknown>);
			return Object.keys(inner).length === 0 ? [] : [[key, inner]];
		}),
	);
}

/** A config, and what the file and the options say of it themselves. */
export interface LayeredConfig {
	readonly config: Config;
	readonly own: Readonly<Record<string, unknown>>;
}

/** Preset, then file, then options; `base` is weaker than all of them. */
export function configFromOptions(options: ConfigOptions, base?: ConfigLayer): LayeredConfig {
	const preset = options.preset === undefined ? [] : [presetLayer(options.preset)];
	const own = ownLayers(options);
	const config = resolveConfig([...(base === undefined ? [] : [base]), ...preset, ...own]);
	return { config, own: mergeLayers(own) };
}

/** The config of a new run. */
export interface NewRunConfig {
	readonly config: Config;
	/** What it starts from. */
	readonly preset: PresetName;
	/** One line that says so, and what was changed. */
	readonly origin: string;
}

/**
 * The config of a new run, and the preset that it starts from.
 * @param defaultPreset where none is named; it may depend on what the file and the options say of themselves
 */
export function newRunConfig(
	options: ConfigOptions,
	defaultPreset: (values: Readonly<Record<string, unknown>>) => PresetName,
): NewRunConfig {
	const own = ownLayers(options);
	const preset = options.preset ?? defaultPreset(mergeLayers(own));
	const [from, config] = [resolveConfig([presetLayer(preset)]), resolveConfig([presetLayer(preset), ...own])];
	// What comes with another agent is no less of a change.
	const agent = {
		source: `the agent '${config.agent}'`,
		values: config.agent === from.agent ? {} : { agent: config.agent },
	};
	const changes = { base: `Preset ${preset}`, from, to: config, layers: [...own, agent] };
	return { config, preset, origin: describeOrigin(changes, configReference()) };
}

function presetLayer(preset: PresetName): ConfigLayer {
	return { source: `the preset '${preset}'`, values: PRESETS[preset] };
}

/** The file, read once as it may be a pipe, and the options. */
function ownLayers(options: ConfigOptions): ConfigLayer[] {
	const file = options.config === undefined ? [] : [readConfigFile(options.config)];
	return [...file, optionLayer(options)];
}
