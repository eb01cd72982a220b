/**
 * Values that settings had in ganno 0.1, that were measured and lost: whoever still gives one is told so, by configs, arguments and
 * policy files alike. Figures: docs/what-we-tried.md.
 */
const REMOVED_VALUES = [
	{
		setting: 'action',
		value: 'fine',
		why: 'its factors are too small to leave a bad initial learning rate',
		instead: 'coarse',
	},
	{ setting: 'action', value: 'anchored', why: 'it cannot leave a bad initial learning rate', instead: 'coarse' },
	{
		setting: 'reward',
		value: 'difference',
		why: 'it learned worse policies at five times the training steps',
		instead: 'log-improvement',
	},
	{
		setting: 'secondControl',
		value: 'momentum',
		why: 'it learned worse policies than control of the learning rate alone',
		instead: 'none',
	},
] as const;

/**
 * What to say of a value that this version no longer has; undefined: it never had it.
 * @param name of the setting, as errors have it: `reward`, `environment.reward`, `policy.spec.action`
 */
export function removedValue(name: string, value: unknown): string | undefined {
	const setting = name.slice(name.lastIndexOf('.') + 1);
	const removed = REMOVED_VALUES.find((each) => each.setting === setting && each.value === value);
	if (removed === undefined) return undefined;
	return `'${removed.value}' was removed: ${removed.why}. Use '${removed.instead}'; docs/what-we-tried.md has the figures`;
}
