import { type Command, Option } from 'commander';
import { type Config, configReference, resolveConfig, withAgentDefaults } from '../config/config.js';
import { describeOrigin } from '../config/config-changes.js';
import { type ConfigLayer, mergeLayers, parseAssignment, readConfigFile } from '../config/config-load.js';
import { PRESET_NAMES, PRESETS, type PresetName } from '../config/presets.js';
import { AGENT_NAMES } from '../environment/agent-kinds.js';
import { parsePath, pathOption } from './path-option.js';
import { type Settings, type SettingsOrigin, settingOption } from './setting-options.js';

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

function presetOrigin(name: PresetName): SettingsOrigin {
	return { name, layers: withAgentDefaults([presetLayer(name)]) };
}

/** The settings of a command whose defaults are those of a preset. */
function settingsFrom(preset: PresetName): Settings {
	const others = PRESET_NAMES.filter((name) => name !== preset);
	return { keys: configReference(), origins: [preset, ...others].map(presetOrigin) };
}

/** Options of every command that reads a config. @param settings whose values --help shows as defaults */
function addSettings(command: Command, preset: Option, settings: Settings): Command {
	return command
		.optionsGroup('Settings:')
		.addOption(preset)
		.addOption(
			pathOption('--config <file>', 'JSON file with settings; stronger than the preset, weaker than the options'),
		)
		.option(
			'--set <key=value>',
			'any setting, also one without an option here, e.g. --set learner.clip=0.1 (repeatable)',
			collect,
		)
		.addOption(settingOption('--seed <n>', 'seed', settings));
}

/** What a config says of data and machine. */
export function addDataAndMachine(command: Command, data: Settings, machine: Settings): Command {
	return command
		.optionsGroup('Data:')
		.addOption(settingOption('--dataset <name>', 'dataset', data))
		.addOption(settingOption('--data-dir <dir>', 'dataDirectory', data).argParser(parsePath))
		.optionsGroup('Machine:')
		.addOption(settingOption('--workers <n>', 'workers', machine))
		.addOption(settingOption('--device <name>', 'device', machine))
		.addOption(settingOption('--precision <name>', 'precision', data));
}

function presetOption(): Option {
	return new Option('--preset <name>', 'named settings to start from').choices(PRESET_NAMES);
}

/** Options of a command that starts from the settings of a policy. */
export function addConfigOptions(command: Command): Command {
	const none: Settings = { keys: configReference(), origins: [] };
	// Where it was trained says nothing about where it is tried.
	const machine: Settings = { ...none, origins: [{ name: 'config', layers: [] }] };
	return addDataAndMachine(addSettings(command, presetOption(), none), none, machine);
}

/** Options of the commands that train agents. @param preset what they start from where nothing else is said */
export function addTrainingOptions(command: Command, preset: PresetName): Command {
	const settings = settingsFrom(preset);
	addSettings(command, presetOption().default(undefined, preset), settings);
	command.addOption(settingOption('--iterations <n>', 'iterations', settings));
	return addDataAndMachine(command, settings, settings)
		.optionsGroup('Agents:')
		.addOption(settingOption('--agent <kind>', 'agent', settings).choices(AGENT_NAMES))
		.addOption(settingOption('--agents <mode>', 'environment.agents', settings))
		.addOption(settingOption('--action <rule>', 'environment.action', settings))
		.addOption(settingOption('--reward <name>', 'environment.reward', settings))
		.addOption(settingOption('--second-control <name>', 'environment.secondControl', settings))
		.addOption(settingOption('--network <kind>', 'policy.network', settings))
		.optionsGroup('Learner:')
		.addOption(settingOption('--algorithm <name>', 'learner.algorithm', settings))
		.addOption(settingOption('--learner-backend <name>', 'learner.backend', settings));
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
