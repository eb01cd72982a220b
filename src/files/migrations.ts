import { badFile } from './file-system-error.js';

/**
 * Every file of ganno states its format and version. Version 1 is that of ganno 0.1, whose config and evaluation files stated neither.
 * Readers call the migration of their kind of content and work with the present version only. A change of format raises VERSION and adds
 * its step here.
 */

type Content = Readonly<Record<string, unknown>>;

/** Kinds of files, by their `format`. */
const FORMATS = {
	'ganno-policy': 'policy',
	'ganno-checkpoint': 'checkpoint',
	'ganno-run': 'run',
	'ganno-search': 'search',
	'ganno-evaluation': 'evaluation',
	'ganno-suite-results': 'suite results',
} as const;

export type FormatName = keyof typeof FORMATS;

/** The version of all files written now. */
export const VERSION = 2;

/**
 * The version that a file states, a number or its digits.
 * @throws GannoError `BAD_FILE` for a version that this ganno does not read
 */
export function checkVersion(path: string, format: FormatName, version: unknown): 1 | typeof VERSION {
	const number = Number(version);
	if (number === 1 || number === VERSION) return number;
	const stated = typeof version === 'string' || typeof version === 'number' ? `version ${version}` : 'no known version';
	throw badFile(path, `it has ${stated} of the ${FORMATS[format]} format`, 'Use a newer version of ganno');
}

/** A spec of a policy. 1 → 2: `agents` is `granularity`. */
export function migratePolicySpec(spec: Content, version: number): Content {
	return version === 1 ? renamed(spec, 'agents', 'granularity', GRANULARITIES) : spec;
}

/** The spec of a policy in the words of version 1, from which digests of policies are computed so that they stay the same. */
export function policySpecVersion1(spec: Content): Content {
	return renamed(spec, 'granularity', 'agents', inverse(GRANULARITIES));
}

/** The training record of a policy, which holds the settings of its run. */
export function migrateTraining(training: Content, version: number): Content {
	return version === 1 ? nested(training, 'config', (config) => migrateSettings(config, version)) : training;
}

/** Settings of a run. 1 → 2: `agent` is `controller`, `environment.agents` is `environment.granularity`. */
export function migrateSettings(settings: Content, version: number): Content {
	if (version !== 1) return settings;
	const environment = (section: Content) => renamed(section, 'agents', 'granularity', GRANULARITIES);
	return nested(renamed(settings, 'agent', 'controller', CONTROLLERS), 'environment', environment);
}

/** The settings and data recorded in a checkpoint. */
export function migrateOrigin(origin: Content, version: number): Content {
	return nested(origin, 'settings', (settings) => migrateSettings(settings, version));
}

/** The record of a learner's state. It states its own version, because programs save it too. */
export function migrateLearnerRecord(record: Content): Content {
	if (record.version !== 1) return record;
	return { ...nested(record, 'spec', (spec) => migratePolicySpec(spec, 1)), version: VERSION };
}

/** Kinds of contenders by what they were in version 1. */
const CONTENDER_KINDS: Readonly<Record<string, string>> = {
	blind: 'rule-of-thumb',
	free: 'parameter-free',
	once: 'tuned-globally',
};

/** The results of a suite. 1 → 2: `agents` of a policy is `granularity`, kinds of contenders as above, and `tuning.once` is `tuning.global`. */
export function migrateSuiteResults(results: Content, version: number): Content {
	if (version !== 1) return results;
	const policies = (results.policies as readonly Content[]).map((policy) =>
		nested(migratePolicySpec(policy, version), 'training', (training) => migrateTraining(training, version)),
	);
	const contenders = (results.contenders as readonly Content[]).map((contender) => ({
		...contender,
		kind: CONTENDER_KINDS[contender.kind as string] ?? contender.kind,
	}));
	const migrated = nested(results, 'tuning', (tuning) => renamed(tuning, 'once', 'global', {}));
	return { ...migrated, version: VERSION, policies, contenders };
}

/** The state of a LayerwiseController. 1 → 2: training and held-out losses have an initial loss each, and a scale. */
export function migrateControllerState(state: Content): Content {
	if (state.version !== 1) return state;
	const { initialLoss, above } = isContent(state.divergence) ? state.divergence : {};
	const divergence = { initialLoss, lowestLoss: initialLoss, spread: [0], above, first: [0] };
	return { ...state, version: 2, divergence: { training: divergence, heldOut: divergence } };
}

/** Values of `granularity` by what they were in version 1. */
export const GRANULARITIES = { layerwise: 'layer', one: 'network' };
/** Values of `controller` likewise. */
export const CONTROLLERS = { ganno: 'layerwise' };

function inverse(values: Readonly<Record<string, string>>): Record<string, string> {
	return Object.fromEntries(Object.entries(values).map(([before, now]) => [now, before]));
}

/** Renames a key and its values in place; everything else is unchanged. */
function renamed(content: Content, before: string, now: string, values: Readonly<Record<string, string>>): Content {
	return Object.fromEntries(
		Object.entries(content).map(([key, value]) =>
			key === before ? [now, typeof value === 'string' ? (values[value] ?? value) : value] : [key, value],
		),
	);
}

function nested(content: Content, key: string, migrate: (inner: Content) => Content): Content {
	const inner = content[key];
	return isContent(inner) ? { ...content, [key]: migrate(inner) } : content;
}

function isContent(value: unknown): value is Content {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
