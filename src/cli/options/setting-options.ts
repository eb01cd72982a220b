import { type Command, Option } from 'commander';
import {
	type ConfigLayer,
	mergeLayers,
	parseAssignment,
	readConfigFile,
	settingUnder,
} from '../../config/config-load.js';
import type { SettingKey } from '../../settings/check-settings.js';
import { parsePath, pathOption } from './path-option.js';

/** Options that stand for settings of a config: the settings' own declarations say what there is, and what --help says of it. */

/** What every command that reads a config is told; options that stand for settings are among the rest. */
export interface SettingOptions {
	readonly config?: string;
	readonly set?: readonly string[];
	readonly [option: string]: unknown;
}

/** The settings of a command. */
export interface Settings {
	readonly keys: readonly SettingKey[];
	/** Whose values are shown as defaults: what the command starts from, then presets by name. */
	readonly origins: readonly SettingsOrigin[];
	/** Whether no default is shown of a setting. */
	readonly silent?: (key: SettingKey) => boolean;
}

export interface SettingsOrigin {
	readonly name: string;
	/** Weakest first. */
	readonly layers: readonly ConfigLayer[];
}

const COMMAND_LINE = 'the command line';

/** Of an option that may be repeated. */
export const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

/**
 * `--preset`, `--config`, `--set`, and the options that stand for settings, in their groups.
 * @param example of an assignment, for --help
 */
export function addSettingOptions(command: Command, preset: Option, settings: Settings, example: string): Command {
	command
		.optionsGroup('Settings:')
		.addOption(preset)
		.addOption(
			pathOption('--config <file>', 'JSON file with settings; stronger than the preset, weaker than the options'),
		)
		.option(
			'--set <key=value>',
			`any setting, also one without an option here, e.g. --set ${example} (repeatable)`,
			collect,
		);
	for (const key of settings.keys) {
		if (key.option === undefined) continue;
		command.optionsGroup(`${key.group}:`).addOption(settingOption(key, settings));
	}
	return command;
}

function settingOption(key: SettingKey, { origins, silent }: Settings): Option {
	const option = new Option(key.option as string, asPhrase(key.description));
	if (key.expected === 'a path') option.argParser(parsePath);
	// Not .choices(): the config says what is wrong, be it said by an option, by --set or in a file.
	if (key.choices !== undefined) option.argChoices = [...key.choices];
	else if (key.expected.startsWith("'")) option.argChoices = [key.expected.replaceAll("'", '')];
	return key.default === '' || silent?.(key) === true ? option : option.default(undefined, defaults(key, origins));
}

/** `800; quick: 120, gpu: 1000`: what the command starts from, and the presets that have it otherwise. */
function defaults(key: SettingKey, [own, ...others]: readonly SettingsOrigin[]): string {
	const value = ({ layers }: SettingsOrigin): string => String(settingUnder(layers, key));
	const first = value(own as SettingsOrigin);
	const differing = others.filter((origin) => value(origin) !== first);
	if (differing.length === 0) return first;
	return `${first}; ${differing.map((origin) => `${origin.name}: ${value(origin)}`).join(', ')}`;
}

/** A sentence as the words beside an option. */
function asPhrase(sentence: string): string {
	const text = sentence.replace(/\.$/, '');
	return /^[A-Z][a-z]/.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text;
}

/** Numbers as numbers, so that a message can say what was wrong with anything else. */
export function scalar(text: string | undefined): number | string | undefined {
	if (text === undefined) return undefined;
	const value = Number(text);
	return text.trim() !== '' && Number.isFinite(value) ? value : text;
}

/** What the options say, as a layer of the config. @param others what other options mean, by dotted key */
export function optionLayer(
	options: SettingOptions,
	keys: readonly SettingKey[],
	others: Readonly<Record<string, unknown>> = {},
): ConfigLayer {
	const given = keys.flatMap((key): Record<string, unknown>[] => {
		if (key.option === undefined) return [];
		const value = options[new Option(key.option).attributeName()] as string | undefined;
		if (value === undefined) return [];
		return [nested(key.key, typeof key.default === 'number' ? scalar(value) : value)];
	});
	const layers = [
		...given,
		...Object.entries(others).map(([key, value]) => nested(key, value)),
		...(options.set ?? []).map(parseAssignment),
	];
	return { source: COMMAND_LINE, values: mergeLayers(layers.map((values) => ({ source: COMMAND_LINE, values }))) };
}

function nested(key: string, value: unknown): Record<string, unknown> {
	return key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Record<string, unknown>;
}

/** What the user says: the file, read once as it may be a pipe, and the options. */
export function ownLayers(options: SettingOptions, fromOptions: ConfigLayer): readonly ConfigLayer[] {
	return [...(options.config === undefined ? [] : [readConfigFile(options.config)]), fromOptions];
}
