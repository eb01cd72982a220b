import { Option } from 'commander';
import { type ConfigKey, type ConfigLayer, settingUnder } from '../config/config-load.js';

/** Options that stand for settings of a config: what --help says of them comes from the config's own description. */

/** The settings of a command. */
export interface Settings {
	readonly keys: readonly ConfigKey[];
	/** Whose values are shown as defaults: what the command starts from, then presets by name. None: no defaults are shown. */
	readonly origins: readonly SettingsOrigin[];
}

export interface SettingsOrigin {
	readonly name: string;
	/** Weakest first. */
	readonly layers: readonly ConfigLayer[];
}

/** @param name the setting's key, e.g. `learner.algorithm` */
export function settingOption(flags: string, name: string, { keys, origins }: Settings): Option {
	const key = keys.find((each) => each.key === name);
	if (key === undefined) throw new RangeError(`There is no setting ${name}`);
	const option = new Option(flags, asPhrase(key.description));
	// Not .choices(): the config says what is wrong, be it said by an option, by --set or in a file.
	if (key.choices !== undefined) option.argChoices = [...key.choices];
	else if (key.expected.startsWith("'")) option.argChoices = [key.expected.replaceAll("'", '')];
	return origins.length === 0 || key.default === '' ? option : option.default(undefined, defaults(key, origins));
}

/** `800; quick: 120, gpu: 1000`: what the command starts from, and the presets that have it otherwise. */
function defaults(key: ConfigKey, [own, ...others]: readonly SettingsOrigin[]): string {
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
