import { progress } from '../support/options.js';
import { measured, type Row, unmeasured } from '../support/report.js';
import { ADAM_BYTES, parameterCount, type StepCase } from './cases.js';
import type { StepContender } from './contender.js';
import { checkParameters, checkStatistics, stepsElementwise } from './evidence.js';

/** Turns of the contenders of this process in a round; the others, whose start costs more, have one. */
const TURNS = 3;

export interface MeasureOptions {
	readonly rounds: number;
	/** Of every contender, in every round. */
	readonly milliseconds: number;
}

/** What was measured on a case: each contender's time in every round, in the case's unit, and the rows made of them. */
export interface CaseResult {
	readonly one: StepCase;
	readonly times: ReadonlyMap<string, readonly number[]>;
	readonly rows: readonly Row[];
}

/**
 * The quotient of two contenders' times in every round. Both were taken within the same second or so, so that a drift of the machine,
 * or a neighbour, touches both; the median over the rounds is what is reported.
 */
export function roundRatios(result: CaseResult, numerator: string, denominator: string): readonly number[] | undefined {
	const over = result.times.get(numerator);
	const under = result.times.get(denominator);
	if (over === undefined || under === undefined) return undefined;
	return over.map((time, round) => time / (under[round] as number));
}

/** Every contender against ganno: statistics after the first steps, parameters after the first and after all. */
async function check(one: StepCase, contenders: readonly StepContender[]): Promise<void> {
	const ganno = contenders.find(({ name }) => name === 'ganno');
	for (const { name, first } of contenders) {
		checkParameters(name, one, first);
		if (first.statisticNames.length > 0 && ganno !== undefined) {
			checkStatistics(name, one, first, ganno.first.statistics);
		}
		if (!stepsElementwise(one) && first.parameters.some((value, i) => value !== ganno?.first.parameters[i])) {
			throw new Error(`${one.name}: ${name} and ganno step to different parameters; nothing is reported`);
		}
	}
}

function rowsOf(one: StepCase, contender: StepContender, samples: readonly number[]): Row[] {
	const { metric } = one;
	const unit = metric === 'ns_per_parameter' ? 'ns' : 'us';
	const row = measured({ case: one.name, contender: contender.name, metric, unit }, samples, contender.note);
	if (metric !== 'ns_per_parameter' || !contender.local || one.algorithm !== 'adam') return [row];
	const label = { case: one.name, contender: contender.name, metric: 'gigabytes_per_second', unit: 'GB/s' };
	return [
		row,
		measured(
			label,
			samples.map((nanoseconds) => ADAM_BYTES / nanoseconds),
			`${ADAM_BYTES} bytes a parameter`,
		),
	];
}

export async function measureCase(
	one: StepCase,
	contenders: readonly StepContender[],
	{ rounds, milliseconds }: MeasureOptions,
): Promise<CaseResult> {
	const present = contenders.filter(({ unavailable }) => unavailable === undefined);
	await check(one, present);
	const times = new Map<string, number[]>(present.map(({ name }) => [name, []]));
	const scale = one.metric === 'ns_per_parameter' ? 1e9 / parameterCount(one) : 1e6;
	const local = present.filter((contender) => contender.local);
	const rivals = present.filter((contender) => !contender.local);
	for (let round = 0; round < rounds; round++) {
		progress(`${one.name}: round ${round + 1} of ${rounds}`);
		const total = new Map<string, { steps: number; wallSeconds: number }>();
		const take = async (contender: StepContender, limit: number): Promise<void> => {
			const { steps, wallSeconds } = await contender.run(limit);
			const sum = total.get(contender.name) ?? { steps: 0, wallSeconds: 0 };
			total.set(contender.name, { steps: sum.steps + steps, wallSeconds: sum.wallSeconds + wallSeconds });
		};
		for (let turn = 0; turn < TURNS; turn++) {
			// Forwards and backwards in turn: what grows steadily in a round touches all alike.
			const order = (round + turn) % 2 === 0 ? local : [...local].reverse();
			for (const contender of order) await take(contender, milliseconds / TURNS);
		}
		for (const contender of rivals) await take(contender, milliseconds);
		for (const [name, { steps, wallSeconds }] of total) times.get(name)?.push((scale * wallSeconds) / steps);
	}
	for (const contender of present) checkParameters(contender.name, one, await contender.last());
	const rows = contenders.flatMap((contender) =>
		contender.unavailable === undefined
			? rowsOf(one, contender, times.get(contender.name) as number[])
			: [
					unmeasured(
						{ case: one.name, contender: contender.name, metric: one.metric, unit: 'ns' },
						contender.unavailable,
					),
				],
	);
	return { one, times, rows };
}
