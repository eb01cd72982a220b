import { LayerwiseOptimizer, STATISTICS } from 'ganno';
import { LEARNING_RATE, type StepCase } from './cases.js';
import { makeValues, samplePositions } from './values.js';

/** What a contender shows of its work, so that nobody is timed doing something else. */
export interface Evidence {
	/** Steps taken since the parameters had their starting values. */
	readonly steps: number;
	/** The parameters at every layer's sample positions, layer after layer; empty: it has none. */
	readonly parameters: readonly number[];
	/** Statistics of the last step, layer after layer; empty: it computes none. */
	readonly statistics: readonly number[];
	/** What `statistics` are, of each layer. */
	readonly statisticNames: readonly string[];
}

/** Steps after which every contender shows its evidence for the first time. */
export const FIRST_STEPS = 3;

/** Of a parameter's way from its start. After many steps float32 rounds each update to a few bits of a larger parameter. */
const FIRST_TOLERANCE = 1e-3;
const LAST_TOLERANCE = 0.05;
/** tfjs sums millions of elements one after another in float32: half a percent off was seen at 16 million parameters. */
const STATISTIC_TOLERANCE = 0.02;

/** The elementwise rules step a few elements as they step all; the trust ratios are norms over whole layers. */
export function stepsElementwise({ algorithm }: StepCase): boolean {
	return algorithm !== 'lars' && algorithm !== 'lamb';
}

interface Sample {
	readonly start: readonly number[];
	readonly expected: readonly number[];
}

/** Where the sampled parameters are after so many steps of LayerwiseOptimizer over them alone. */
function expectedSample(one: StepCase, steps: number): Sample {
	const layers = one.sizes.map((size, layer) => {
		const positions = samplePositions(size);
		return { name: `${layer}`, ...makeValues(layer, positions.length, (i) => positions[i] as number) };
	});
	const start = layers.flatMap(({ parameters }) => [...parameters]);
	using optimizer = new LayerwiseOptimizer({ algorithm: one.algorithm, layers, threads: 1 });
	for (let i = 0; i < steps; i++) optimizer.step(LEARNING_RATE);
	return { start, expected: layers.flatMap(({ parameters }) => [...parameters]) };
}

/** @throws Error naming the first parameter that is not where LayerwiseOptimizer takes it */
export function checkParameters(name: string, one: StepCase, evidence: Evidence): void {
	if (!stepsElementwise(one) || evidence.parameters.length === 0) return;
	const { start, expected } = expectedSample(one, evidence.steps);
	if (evidence.parameters.length !== expected.length) {
		throw new Error(`${one.name}: ${name} shows ${evidence.parameters.length} parameters, not ${expected.length}`);
	}
	const tolerance = evidence.steps === FIRST_STEPS ? FIRST_TOLERANCE : LAST_TOLERANCE;
	for (const [i, parameter] of evidence.parameters.entries()) {
		const [from, to] = [start[i] as number, expected[i] as number];
		// Two last places of the parameter: what its rounding may add in the first steps.
		if (!(Math.abs(parameter - to) <= tolerance * Math.abs(to - from) + 2 ** -22 * Math.abs(to))) {
			throw new Error(
				`${one.name}: after ${evidence.steps} steps ${name} has taken sampled parameter ${i} from ${from} to ${parameter}, ` +
					`ganno to ${to}; nothing is reported`,
			);
		}
	}
}

/** How far two values of a statistic may lie apart, next to their own size. */
function scaleOf(statistic: string, of: (name: string) => number): number {
	if (statistic.endsWith('Cosine')) return 1;
	if (statistic === 'gradientMean') return Math.sqrt(of('gradientVariance'));
	if (statistic === 'parameterMean') return Math.sqrt(of('parameterVariance'));
	return 0;
}

/** @throws Error naming the first statistic that differs from ganno's: those of all layers, 14 each */
export function checkStatistics(name: string, one: StepCase, evidence: Evidence, ganno: readonly number[]): void {
	const { statistics, statisticNames } = evidence;
	if (statistics.length !== one.sizes.length * statisticNames.length) {
		throw new Error(`${one.name}: ${name} shows ${statistics.length} statistics; nothing is reported`);
	}
	for (const [i, value] of statistics.entries()) {
		const layer = Math.floor(i / statisticNames.length);
		const statistic = statisticNames[i % statisticNames.length] as string;
		const of = (wanted: string): number => {
			const index = STATISTICS.indexOf(wanted as (typeof STATISTICS)[number]);
			if (index < 0) throw new Error(`${name} computes ${wanted}, which is no statistic`);
			return ganno[layer * STATISTICS.length + index] as number;
		};
		const expected = of(statistic);
		const scale = Math.max(Math.abs(expected), scaleOf(statistic, of));
		if (!(Math.abs(value - expected) <= STATISTIC_TOLERANCE * scale)) {
			throw new Error(
				`${one.name}: ${name}'s ${statistic} of layer ${layer} is ${value}, ganno's ${expected}; nothing is reported`,
			);
		}
	}
}
