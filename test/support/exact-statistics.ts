import type { StatisticName } from '../../src/optimizer/statistics.js';

/** What a step left of a layer, array after array. */
export interface LayerObservation {
	readonly gradients: ArrayLike<number>; // unscaled
	readonly oldParameters: ArrayLike<number>;
	readonly newParameters: ArrayLike<number>;
	/** First moments after the step; undefined: the rule keeps none. */
	readonly moments: ArrayLike<number> | undefined;
	/** 1 / (1 - beta1^t) for Adam, else 1. */
	readonly momentCorrection: number;
	readonly inverseScale: number;
}

/** The definitions of docs/numerics.md, taken literally, in float64. `nonFiniteCount` is left to the caller. */
export function exactStatistics(layer: LayerObservation): Record<StatisticName, number> {
	const all = Array.from(layer.gradients, (gradient, i) => {
		const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);
		const old = layer.oldParameters[i] as number;
		const scaled = finite(Math.fround(gradient * layer.inverseScale));
		return {
			gradient: scaled,
			parameter: finite(old),
			moment: layer.moments === undefined ? scaled : finite(layer.moments[i] as number),
			update: finite(Math.fround((layer.newParameters[i] as number) - old)),
		};
	});
	type Vector = keyof (typeof all)[number];
	const values = (vector: Vector): number[] => all.flatMap((element) => element[vector] ?? []);
	const norm = (vector: Vector): number => Math.sqrt(values(vector).reduce((sum, value) => sum + value * value, 0));
	const mean = (vector: Vector): number => {
		const list = values(vector);
		return list.length === 0 ? 0 : list.reduce((sum, value) => sum + value, 0) / list.length;
	};
	const variance = (vector: Vector): number => {
		const list = values(vector);
		const center = mean(vector);
		return list.length === 0 ? 0 : list.reduce((sum, value) => sum + (value - center) ** 2, 0) / list.length;
	};
	const cosine = (a: Vector, b: Vector): number => {
		const norms = norm(a) * norm(b);
		return norms === 0 ? 0 : all.reduce((sum, element) => sum + (element[a] ?? 0) * (element[b] ?? 0), 0) / norms;
	};
	const result: Partial<Record<StatisticName, number>> = {
		gradientNorm: norm('gradient'),
		gradientMean: mean('gradient'),
		gradientVariance: variance('gradient'),
		gradientMaxAbs: values('gradient').reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
		parameterNorm: norm('parameter'),
		parameterMean: mean('parameter'),
		parameterVariance: variance('parameter'),
		momentNorm: norm('moment') * (layer.moments === undefined ? 1 : layer.momentCorrection),
		updateNorm: norm('update'),
		updateRatio: norm('update') / (norm('parameter') + 1e-12),
		gradientMomentCosine: cosine('gradient', 'moment'),
		gradientParameterCosine: cosine('gradient', 'parameter'),
		gradientUpdateCosine: cosine('gradient', 'update'),
		nonFiniteCount: Number.NaN,
	};
	return result as Record<StatisticName, number>;
}

/**
 * The table of docs/numerics.md: how far a statistic may be from its definition, relative to itself (means: to the root mean square;
 * cosines: absolute). `always` is derived and holds for any values; `random` holds for values that nobody arranged.
 */
export const STATISTIC_BOUNDS = {
	norm: { always: 3.5e-5, random: 4e-6 }, // gradientNorm, parameterNorm, updateRatio
	lengthOfStep: { always: 4e-6, random: 4e-6 }, // momentNorm, updateNorm
	mean: { always: 8e-6, random: 4e-6 },
	variance: { always: 4e-4, random: 2e-4 },
	cosine: { always: 8e-5, random: 4e-6 },
} as const;

export function statisticBound(
	name: StatisticName,
	exact: Record<StatisticName, number>,
	values: 'always' | 'random' = 'random',
): number {
	const smallest = 1e-37; // float32 results below lose digits
	switch (name) {
		case 'gradientMean':
		case 'parameterMean': {
			const prefix = name === 'gradientMean' ? 'gradient' : 'parameter';
			return (
				STATISTIC_BOUNDS.mean[values] * Math.sqrt(exact[`${prefix}Variance`] + exact[`${prefix}Mean`] ** 2) + smallest
			);
		}
		case 'gradientVariance':
		case 'parameterVariance':
			return STATISTIC_BOUNDS.variance[values] * exact[name] + smallest;
		case 'gradientMomentCosine':
		case 'gradientParameterCosine':
		case 'gradientUpdateCosine':
			return STATISTIC_BOUNDS.cosine[values];
		case 'momentNorm':
		case 'updateNorm':
			return STATISTIC_BOUNDS.lengthOfStep[values] * exact[name] + smallest;
		case 'gradientMaxAbs':
		case 'nonFiniteCount':
			return 0;
		default:
			return STATISTIC_BOUNDS.norm[values] * exact[name] + smallest;
	}
}
