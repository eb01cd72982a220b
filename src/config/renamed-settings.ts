import { CONTROLLERS, GRANULARITIES } from '../files/migrations.js';

/**
 * What became of settings: a user's config, `--set` or command line in an older version's words gets an error that names the new one. What
 * ganno itself has kept is carried over by `src/files/migrations.ts`.
 */
export interface RenamedSetting {
	/** Dotted. */
	readonly from: string;
	readonly to: string;
	/** Values that are called otherwise now. */
	readonly values: Readonly<Record<string, string>>;
	/** The command-line options that stood and stand for it. */
	readonly options: { readonly from: string; readonly to: string };
}

export const RENAMED_SETTINGS: readonly RenamedSetting[] = [
	{
		from: 'agent',
		to: 'controller',
		values: CONTROLLERS,
		options: { from: '--agent', to: '--controller' },
	},
	{
		from: 'environment.agents',
		to: 'environment.granularity',
		values: GRANULARITIES,
		options: { from: '--agents', to: '--granularity' },
	},
];

/** `is called controller now, and its value 'ganno' is 'layerwise'` @param name of the setting or of its option */
export function becameOf(name: string, { values }: RenamedSetting): string {
	const words = Object.entries(values).map(([before, now]) => `'${before}' is '${now}'`);
	return `is called ${name} now, and its value ${words.join(', ')}`;
}
