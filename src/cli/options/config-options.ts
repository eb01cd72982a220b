import { type Command, Option } from 'commander';
import { type Config, configReference, resolveConfig, runFields, withControllerDefaults } from '../../config/config.js';
import { describeOrigin } from '../../config/config-changes.js';
import { type ConfigLayer, mergeLayers } from '../../config/config-load.js';
import { PRESET_NAMES, PRESETS, type PresetName } from '../../config/presets.js';
import type { SettingKey } from '../../settings/check-settings.js';
import {
	addSettingOptions,
	optionLayer,
	ownLayers,
	type SettingOptions,
	type SettingsOrigin,
} from './setting-options.js';

/** The options that make a config, shared by the commands that need one. */
export interface ConfigOptions extends SettingOptions {
	readonly preset?: PresetName;
}

const EXAMPLE = 'learner.clip=0.1';

function presetOrigin(name: PresetName): SettingsOrigin {
	return { name, layers: withControllerDefaults([presetLayer(name)]) };
}

function presetOption(): Option {
	return new Option('--preset <name>', 'named settings to start from').choices(PRESET_NAMES);
}

/** Options of a command that starts from the settings of a policy: what is not of its training. */
export function addConfigOptions(command: Command): Command {
	const settings = {
		keys: configReference().filter(({ key }) => key in runFields),
		origins: [{ name: 'config', layers: [] }],
		// The policy says what the rest is; where it was trained says nothing about where it is tried.
		silent: ({ group, key }: SettingKey) => group !== 'Machine' || key === 'precision',
	};
	return addSettingOptions(command, presetOption(), settings, EXAMPLE);
}

/** Options of the commands that train agents. @param preset what they start from where nothing else is said */
export function addTrainingOptions(command: Command, preset: PresetName): Command {
	const others = PRESET_NAMES.filter((name) => name !== preset);
	const settings = { keys: configReference(), origins: [preset, ...others].map(presetOrigin) };
	return addSettingOptions(command, presetOption().default(undefined, preset), settings, EXAMPLE);
}

/** What the options say, as a layer of the config. */
export function configLayer(options: ConfigOptions, others?: Readonly<Record<string, unknown>>): ConfigLayer {
	return optionLayer(options, configReference(), others);
}

/** A config, and what the file and the options say of it themselves. */
export interface LayeredConfig {
	readonly config: Config;
	readonly own: Readonly<Record<string, unknown>>;
}

/**
 * Preset, then file, then options.
 * @param weaker than all of them
 * @param stronger than all of them
 */
export function configFromOptions(
	options: ConfigOptions,
	weaker: readonly ConfigLayer[] = [],
	stronger: readonly ConfigLayer[] = [],
): LayeredConfig {
	const preset = options.preset === undefined ? [] : [presetLayer(options.preset)];
	const own = ownLayers(options, configLayer(options));
	return { config: resolveConfig([...weaker, ...preset, ...own, ...stronger]), own: mergeLayers(own) };
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
	const own = ownLayers(options, configLayer(options));
	const preset = options.preset ?? defaultPreset(mergeLayers(own));
	const [from, config] = [resolveConfig([presetLayer(preset)]), resolveConfig([presetLayer(preset), ...own])];
	// What comes with another controller is no less of a change.
	const controller = {
		source: `the controller '${config.controller}'`,
		values: config.controller === from.controller ? {} : { controller: config.controller },
	};
	const changes = { base: `Preset ${preset}`, from, to: config, layers: [...own, controller] };
	return { config, preset, origin: describeOrigin(changes, configReference()) };
}

function presetLayer(preset: PresetName): ConfigLayer {
	return { source: `the preset '${preset}'`, values: PRESETS[preset] };
}
