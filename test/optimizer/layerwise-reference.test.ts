import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../../src/native.js';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../src/optimizer/algorithms.js';
import type { LayerwisePlan } from '../../src/optimizer/plan.js';
import { ReferencePlan } from '../../src/optimizer/reference.js';
import { RULES } from '../../src/optimizer/rules.js';
import { STATISTIC_INDEX, STATISTICS } from '../../src/optimizer/statistics.js';
import { exactStatistics, statisticBound } from '../support/exact-statistics.js';
import {
	type ArraySpec,
	arrayArbitrary,
	buildLayout,
	grow,
	type Layout,
	type LayoutSpec,
	layoutArbitrary,
	newStatistics,
} from '../support/layerwise-layouts.js';

/** The addon's arithmetic against float64, within the bounds that docs/numerics.md states. */

const EPSILON = 2 ** -23;
const SMALLEST_NORMAL = 2 ** -126; // what is less has fewer digits
const STEPS = 4;

interface Side {
	readonly layout: Layout;
	readonly plan: LayerwisePlan;
}

function sides(spec: LayoutSpec): [Side, Side] {
	const ours = buildLayout(spec, 1);
	const exact = buildLayout(spec, 1);
	const both: [Side, Side] = [
		{ layout: ours, plan: new (native().LayerwisePlan)(ours.options) },
		{ layout: exact, plan: new ReferencePlan(exact.options) },
	];
	for (const { layout, plan } of both) grow(spec, layout, plan);
	return both;
}

/** Gives the second side the parameters, moments and counters of the first, so that every step is compared on its own. */
function synchronise(from: Side, to: Side, spec: LayoutSpec): void {
	const algorithm = LAYERWISE_ALGORITHMS[spec.algorithm] as (typeof LAYERWISE_ALGORITHMS)[number];
	for (const [i, array] of from.layout.options.parameters.entries()) {
		to.layout.options.parameters[i]?.set(array);
		for (let moment = 0; moment < RULES[algorithm].moments; moment++) {
			const values = new Float32Array(array.length);
			from.plan.readMoment(i, moment, values);
			to.plan.writeMoment(i, moment, values);
		}
	}
	to.plan.writeSteps(readSteps(from));
}

/** Of every array. */
function readSteps({ layout, plan }: Side): Float64Array {
	const steps = new Float64Array(layout.options.parameters.length);
	plan.readSteps(steps);
	return steps;
}

function expectClose(actual: number, expected: number, bound: number, what: string): void {
	if (Number.isNaN(expected) || Math.abs(expected) === Number.POSITIVE_INFINITY) {
		expect(Object.is(actual, expected) || actual === expected, `${what}: ${actual} instead of ${expected}`).toBe(true);
	} else if (!(Math.abs(actual - expected) <= bound)) {
		expect.fail(`${what}: ${actual} instead of ${expected}, off by ${Math.abs(actual - expected)}, bound ${bound}`);
	}
}

const finiteOrZero = (value: number | undefined): number => (Number.isFinite(value) ? (value as number) : 0);

/** [array][moment]. */
function readMoments({ layout, plan }: Side, algorithm: LayerwiseAlgorithm): Float32Array[][] {
	return layout.options.parameters.map(({ length }, i) =>
		Array.from({ length: RULES[algorithm].moments }, (_, moment) => {
			const values = new Float32Array(length);
			plan.readMoment(i, moment, values);
			return values;
		}),
	);
}

const isSquare = (algorithm: LayerwiseAlgorithm, moment: number): boolean => algorithm === 'rmsprop' || moment === 1;

/** How far rounding may move an update, as docs/numerics.md states: eight roundings of its operands, through the formula. */
function updateBound(
	algorithm: LayerwiseAlgorithm,
	step: number,
	learningRate: number,
	rounded: number,
	operands: number,
	lastMoment: number,
	mixed: number,
): number {
	const unit = 8 * EPSILON * learningRate;
	switch (algorithm) {
		case 'rmsprop':
			return (unit * operands) / (Math.sqrt(finiteOrZero(lastMoment)) + 1e-8);
		case 'adam':
		case 'adamw': {
			const corrected2 = finiteOrZero(lastMoment) / (1 - 0.999 ** step);
			return (unit * rounded) / (1 - 0.9 ** step) / (Math.sqrt(corrected2) + 1e-8);
		}
		case 'lion':
			// Only the sign counts, and rounding may decide it where the mixture is as good as 0.
			return unit + (Math.abs(mixed) <= 8 * EPSILON * rounded ? 2 * learningRate : 0);
		default:
			return 2 * unit * rounded;
	}
}

/** Over the arrays of the layer that owns array `i`. */
function largestChange(
	before: readonly Float32Array[],
	after: readonly Float32Array[],
	layerOf: readonly number[],
	i: number,
): number {
	let largest = 0;
	for (const [other, array] of after.entries()) {
		if (layerOf[other] !== layerOf[i]) continue;
		for (const [j, value] of array.entries()) {
			largest = Math.max(largest, Math.abs(finiteOrZero(value - (before[other]?.[j] as number))));
		}
	}
	return largest;
}

const tame = arrayArbitrary(undefined, ['normal', 'zero', 'constant', 'ratio', 'non-finite']);
/** Gradients up to 1e18; for rules without a trust ratio, which would carry a lost digit into every element, denormals too. */
function steppable(algorithm: LayerwiseAlgorithm): fc.Arbitrary<ArraySpec> {
	const byNorm = algorithm === 'lars' || algorithm === 'lamb';
	const kinds = [
		'normal',
		'zero',
		'constant',
		'ratio',
		'non-finite',
		...(byNorm ? [] : ['denormal' as const]),
	] as const;
	return fc
		.tuple(arrayArbitrary(undefined, kinds), fc.boolean())
		.map(([array, wide]) => (wide ? { ...array, gradients: 'to-1e18' as const } : array));
}

describe('one step of the addon against float64', () => {
	it.each(LAYERWISE_ALGORITHMS)('%s: parameters and moments agree to float32 rounding', (algorithm) => {
		fc.assert(
			fc.property(layoutArbitrary(steppable(algorithm)), (random) => {
				const spec = { ...random, algorithm: LAYERWISE_ALGORITHMS.indexOf(algorithm) };
				const [ours, exact] = sides(spec);
				const layerOf = spec.layers.flatMap((arrays, layer) => arrays.map(() => layer));
				// A trust ratio brings the rounding of norms into every element (LARS: of a velocity that may cancel, too);
				// clipping, that of one or two.
				const byNorm = algorithm === 'lars' || algorithm === 'lamb';
				const clips = random.clip?.layerNorm !== 0 || random.clip.globalNorm !== 0;
				for (let step = 1; step <= STEPS; step++) {
					const before = ours.layout.options.parameters.map((array) => array.slice());
					const momentsBefore = readMoments(ours, algorithm);
					const ages = readSteps(ours);
					ours.plan.step(...ours.layout.controls, undefined, spec.inverseScale);
					exact.plan.step(...exact.layout.controls, undefined, spec.inverseScale);
					const moments = readMoments(ours, algorithm);
					const exactMoments = readMoments(exact, algorithm);
					for (const [i, array] of ours.layout.options.parameters.entries()) {
						const learningRate = spec.learningRate * ((layerOf[i] as number) + 1);
						const change = byNorm ? largestChange(before, exact.layout.options.parameters, layerOf, i) : 0;
						const none = before.map(({ length }) => new Float32Array(length));
						const velocities = exactMoments.map(([first]) => first as Float32Array);
						const velocity = algorithm === 'lars' ? largestChange(none, velocities, layerOf, i) : 0;
						for (let j = 0; j < array.length; j++) {
							const old = finiteOrZero(before[i]?.[j]);
							const gradient = finiteOrZero(ours.layout.options.gradients[i]?.[j]) * spec.inverseScale;
							// What is rounded on the way: the decayed gradient and the moment it is mixed with.
							const operands = Math.abs(gradient) + spec.weightDecay * Math.abs(old) + SMALLEST_NORMAL;
							const oldMoment = Math.abs(finiteOrZero(momentsBefore[i]?.[0]?.[j]));
							const rounded = operands + oldMoment;
							const mixed = clips ? 0 : 0.9 * finiteOrZero(momentsBefore[i]?.[0]?.[j]) + 0.1 * gradient;
							const lastMoment = moments[i]?.at(-1)?.[j] ?? 0;
							const bound = byNorm
								? 1e-4 * change + (algorithm === 'lars' ? 8 * EPSILON * learningRate * oldMoment : 0)
								: updateBound(algorithm, (ages[i] as number) + 1, learningRate, rounded, operands, lastMoment, mixed);
							const expected = exact.layout.options.parameters[i]?.[j] as number;
							const where = `${algorithm}[${i}][${j}] in step ${step}`;
							expectClose(array[j] as number, expected, EPSILON * (Math.abs(old) + SMALLEST_NORMAL) + bound, where);
							for (const [moment, values] of (moments[i] ?? []).entries()) {
								const largest = isSquare(algorithm, moment) ? operands ** 2 : rounded;
								const known = Math.abs(finiteOrZero(momentsBefore[i]?.[moment]?.[j]));
								const momentBound =
									8 * EPSILON * Math.max(largest, known) + 1e-44 + (algorithm === 'lars' ? 1e-4 * velocity : 0);
								expectClose(
									values[j] as number,
									exactMoments[i]?.[moment]?.[j] as number,
									momentBound,
									`moment ${moment} of ${where}`,
								);
							}
						}
					}
					synchronise(ours, exact, spec);
				}
				ours.plan.dispose();
			}),
			{ numRuns: process.env.GANNO_TEST_FULL ? 300 : 60 },
		);
	});

	it('reports the statistics that the definitions give in float64', () => {
		fc.assert(
			fc.property(layoutArbitrary(tame), (spec) => {
				const [ours, exact] = sides(spec);
				const algorithm = LAYERWISE_ALGORITHMS[spec.algorithm] as (typeof LAYERWISE_ALGORITHMS)[number];
				for (let step = 1; step <= STEPS; step++) {
					const before = ours.layout.options.parameters.map((array) => array.slice());
					const actual = newStatistics(ours.layout);
					const reference = newStatistics(exact.layout);
					ours.plan.step(...ours.layout.controls, actual, spec.inverseScale);
					exact.plan.step(...exact.layout.controls, reference, spec.inverseScale);
					const ages = readSteps(ours);
					let first = 0;
					for (const [layer, arrays] of spec.layers.entries()) {
						const end = first + arrays.length;
						const join = (all: readonly (Float32Array | Float64Array)[]): Float64Array =>
							Float64Array.from(all.slice(first, end).flatMap((array) => [...array]));
						const moments = before.map((array, i) => {
							const values = new Float32Array(array.length);
							if (RULES[algorithm].firstMoment) ours.plan.readMoment(i, 0, values);
							const age = ages[i] as number;
							const correction = RULES[algorithm].correctsBias && age > 0 ? 1 / (1 - 0.9 ** age) : 1;
							return Float64Array.from(values, (moment) => moment * correction);
						});
						const expected = exactStatistics({
							gradients: join(ours.layout.options.gradients),
							oldParameters: join(before),
							newParameters: join(ours.layout.options.parameters),
							moments: RULES[algorithm].firstMoment ? join(moments) : undefined,
							momentCorrection: 1,
							inverseScale: spec.inverseScale,
						});
						expected.nonFiniteCount = reference[layer * STATISTICS.length + STATISTIC_INDEX.nonFiniteCount] as number;
						for (const name of STATISTICS) {
							const value = actual[layer * STATISTICS.length + STATISTIC_INDEX[name]] as number;
							expectClose(value, expected[name], statisticBound(name, expected), `${name} of layer ${layer}`);
						}
						first = end;
					}
					synchronise(ours, exact, spec);
				}
				ours.plan.dispose();
			}),
			{ numRuns: 80 },
		);
	});

	it('agrees with the reference on statistics from the same state', () => {
		fc.assert(
			fc.property(layoutArbitrary(arrayArbitrary(undefined, ['normal', 'zero', 'non-finite'])), (spec) => {
				const [ours, exact] = sides(spec);
				const actual = newStatistics(ours.layout);
				const expected = newStatistics(exact.layout);
				ours.plan.step(...ours.layout.controls, actual, spec.inverseScale);
				exact.plan.step(...exact.layout.controls, expected, spec.inverseScale);
				for (const [i, value] of expected.entries()) {
					const name = STATISTICS[i % STATISTICS.length] as (typeof STATISTICS)[number];
					const layer = Math.floor(i / STATISTICS.length) * STATISTICS.length;
					// An update is the difference of stored parameters, whose rounding is in it.
					const rounding = 4 * EPSILON * (expected[layer + STATISTIC_INDEX.parameterNorm] as number);
					const updateNorm = expected[layer + STATISTIC_INDEX.updateNorm] as number;
					const bound =
						name === 'gradientUpdateCosine'
							? 1e-4 + (3 * rounding) / (updateNorm + 1e-37)
							: name === 'updateNorm'
								? rounding + 1e-4 * value
								: name === 'updateRatio'
									? 4 * EPSILON + 1e-4 * value
									: 1e-4 * Math.abs(value) + 1e-6;
					expectClose(actual[i] as number, value, bound, `${name} at ${i}`);
				}
				ours.plan.dispose();
			}),
			{ numRuns: 200 },
		);
	});

	it('keeps every rule a fixed number of moments', () => {
		for (const [index, algorithm] of LAYERWISE_ALGORITHMS.entries()) {
			const layout = buildLayout(
				{
					seed: 1,
					algorithm: index,
					nonFinite: 0,
					layers: [[{ size: 3, offset: 0, shared: false, parameters: 'normal', gradients: 'normal' }]],
					learningRate: 0.1,
					weightDecay: 0,
					momentum: 0.9,
					inverseScale: 1,
				},
				1,
			);
			const plan = new (native().LayerwisePlan)(layout.options);
			const values = new Float32Array(3);
			for (let moment = 0; moment < 2; moment++) {
				const read = (): void => plan.readMoment(0, moment, values);
				if (moment < RULES[algorithm].moments) read();
				else expect(read).toThrow(/no such array or moment/);
			}
			plan.dispose();
		}
	});
});
