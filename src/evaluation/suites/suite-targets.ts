import { mean } from '../../means.js';
import { DIVERGED, type Interval, pairedBootstrap, type RunTable, type Selection } from './comparison.js';
import { HAND_MADE, ownRows, RULE_OF_THUMB_COSINE } from './suite-contenders.js';
import { BEST_METHOD, BEST_TUNED, BEST_TUNED_GLOBALLY, familyTasks } from './suite-summary.js';

/** Whether a policy does what is asked of it. */
export interface TargetRow {
	readonly target: string;
	/** What was found, in words; accuracies in points. */
	readonly value: string;
	readonly met: boolean;
	/** What the row compares; absent where it is not one difference. */
	readonly difference?: Interval;
}

/** The five initial learning rates of the robustness targets. */
export const FIVE_DECADES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

const points = (share: number): string => `${share >= 0 ? '+' : '−'}${Math.abs(100 * share).toFixed(2)}`;
const formatInterval = ({ mean: value, low, high, count }: Interval): string =>
	count < 2 ? `${points(value)} (one cluster: no interval)` : `${points(value)} [${points(low)}, ${points(high)}]`;

const above = (rival: string): string => `mean over five decades of initial learning rate above ${rival}`;
const WORST_START = 'worst initial learning rate within 3 points of the best';
const NEAR_TUNED = 'one policy over all families within 0.3 points of the schedule tuned for each family';

/** The targets that say most, each in a line of `ganno info`: what one gains without tuning, and what is lost against tuning. */
export const HEADLINES: readonly string[] = [above(RULE_OF_THUMB_COSINE), WORST_START, NEAR_TUNED];

/**
 * The targets of a policy, as far as the suite has tasks for them; without tuned rivals or a second policy those rows are left out. A suite
 * that is a trial judges nothing.
 */
export function targetRows(table: RunTable, policy: string, oneAction?: string): readonly TargetRow[] {
	if (table.results.suite.trial === true) return [];
	return [
		...decadeRows(table, policy),
		...divergenceRows(table, policy),
		...tunedRows(table, policy),
		...roleRows(table, policy),
		...horizonRows(table, policy),
		...(oneAction === undefined ? [] : layerwiseRows(table, policy, oneAction)),
	];
}

function difference(table: RunTable, a: string, b: string, selection: Selection = {}): Interval {
	const { resamples, seed } = table.results.suite;
	return pairedBootstrap(table.clusters(a, selection), table.clusters(b, selection), resamples, seed);
}

/** Tasks with all five decades among their columns. */
function decadeSelection({ results }: RunTable): Selection {
	const tasks = results.suite.tasks.filter(({ learningRates }) =>
		FIVE_DECADES.every((rate) => learningRates.includes(rate)),
	);
	return { tasks: new Set(tasks.map(({ id }) => id)), learningRates: FIVE_DECADES };
}

function decadeRows(table: RunTable, policy: string): TargetRow[] {
	const selection = decadeSelection(table);
	if (table.runs(policy, selection).length === 0) return [];
	const rows = [...HAND_MADE, RULE_OF_THUMB_COSINE].map((rival) => {
		const found = difference(table, policy, rival, selection);
		return {
			target: above(rival === RULE_OF_THUMB_COSINE ? rival : `${rival} at its default`),
			value: formatInterval(found),
			met: found.low > 0,
			difference: found,
		};
	});
	const columns = FIVE_DECADES.map((rate) => table.mean(policy, { ...selection, learningRates: [rate] }));
	const spread = Math.max(...columns) - Math.min(...columns);
	return [
		...rows,
		{
			target: WORST_START,
			value: `${(100 * spread).toFixed(2)} (${columns.map((value) => (100 * value).toFixed(1)).join(', ')})`,
			met: spread <= 0.03,
		},
	];
}

function divergenceRows(table: RunTable, policy: string): TargetRow[] {
	const selection = decadeSelection(table);
	const own = table.mean(policy, selection, DIVERGED);
	const added = ownRows(table.results.schedules);
	const rates = table.results.contenders
		.filter(({ name, kind }) => kind !== 'learned' && !added.includes(name))
		.map(({ name }) => ({ name, rate: table.mean(name, selection, DIVERGED) }))
		.filter(({ rate }) => !Number.isNaN(rate))
		.sort((a, b) => a.rate - b.rate);
	const [lowest] = rates;
	if (Number.isNaN(own) || lowest === undefined) return [];
	return [
		{
			target: "divergence rate not above the lowest rival's",
			value: `${(100 * own).toFixed(1)} % against ${(100 * lowest.rate).toFixed(1)} % (${lowest.name})`,
			met: own <= lowest.rate,
		},
	];
}

/** How far below a rival is still "within 0.3 points". */
const NEAR = -0.003;

function tunedRows(table: RunTable, policy: string): TargetRow[] {
	const { suite } = table.results;
	const families = [...new Set(suite.tasks.map(({ family }) => family))];
	const row = (target: string, rival: string, met: (found: Interval) => boolean, selection?: Selection) => {
		const found = difference(table, policy, rival, selection);
		return found.count === 0 ? [] : [{ target, value: formatInterval(found), met: met(found), difference: found }];
	};
	const near = ({ mean: value }: Interval): boolean => value >= NEAR;
	return [
		...row(NEAR_TUNED, BEST_TUNED, near),
		...row(
			'the same of the method tuned for each family, hypergradient and schedule-free among them',
			BEST_METHOD,
			near,
		),
		...row('above the best single schedule tuned once for all families', BEST_TUNED_GLOBALLY, ({ low }) => low > 0),
		...families.flatMap((family) =>
			row(`${family}: within 0.3 points of the schedule tuned for it`, BEST_TUNED, near, {
				tasks: familyTasks(table.results, family),
			}),
		),
	];
}

function roleRows(table: RunTable, policy: string): TargetRow[] {
	return table.results.suite.tasks.flatMap(({ id, role }): TargetRow[] => {
		const tasks = new Set([id]);
		if (role === undefined || table.runs(policy, { tasks }).length === 0) return [];
		const rival = role === 'full-cnn' ? BEST_TUNED : RULE_OF_THUMB_COSINE;
		const found = difference(table, policy, rival, { tasks });
		if (found.count === 0) return [];
		return [
			role === 'full-cnn'
				? {
						target: `${id}: within 0.5 points of the best tuned schedule`,
						value: formatInterval(found),
						met: found.mean >= -0.005,
						difference: found,
					}
				: {
						target: `${id}: not below blind cosine`,
						value: formatInterval(found),
						met: found.mean >= 0,
						difference: found,
					},
		];
	});
}

/** More steps must not make it worse: at most a point below the shorter run, and no divergence that was not there. */
function horizonRows(table: RunTable, policy: string): TargetRow[] {
	return table.results.suite.tasks.flatMap(({ id, longerThan, learningRates }): TargetRow[] => {
		if (longerThan === undefined) return [];
		const long = { tasks: new Set([id]), learningRates };
		const short = { tasks: new Set([longerThan]), learningRates };
		const change = table.mean(policy, long) - table.mean(policy, short);
		const diverged = table.mean(policy, long, DIVERGED) - table.mean(policy, short, DIVERGED);
		if (Number.isNaN(change)) return [];
		return [
			{
				target: `${id}: no collapse against ${longerThan}`,
				value: points(change),
				met: change >= -0.01 && diverged <= 0,
			},
		];
	});
}

function layerwiseRows(table: RunTable, policy: string, oneAction: string): TargetRow[] {
	const { suite } = table.results;
	const families = [...new Set(suite.tasks.map(({ family }) => family))];
	const rows = families.flatMap((family): TargetRow[] => {
		const found = difference(table, policy, oneAction, { tasks: familyTasks(table.results, family) });
		if (found.count === 0) return [];
		return [
			{
				target: `${family}: ${policy} above ${oneAction}`,
				value: formatInterval(found),
				met: found.low > 0,
				difference: found,
			},
		];
	});
	if (rows.length === 0) return [];
	const above = rows.filter(({ met }) => met).length;
	const overall = mean(rows.map(({ difference: found }) => found?.mean as number));
	return [
		...rows,
		{
			target: `${policy} above ${oneAction} on at least one family`,
			value: `${above} of ${rows.length} families, ${points(overall)} on average`,
			met: above > 0,
		},
	];
}
