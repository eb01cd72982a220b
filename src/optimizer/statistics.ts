/** The statistics of one layer's step, in the order of the last axis of every statistics array. */
export const STATISTICS = [
	'gradientNorm',
	'gradientMean',
	'gradientVariance',
	'gradientMaxAbs',
	'parameterNorm',
	'parameterMean',
	'parameterVariance',
	'momentNorm',
	'updateNorm',
	'updateRatio',
	'gradientMomentCosine',
	'gradientParameterCosine',
	'gradientUpdateCosine',
	'nonFiniteCount',
] as const;

/** What `NetworkPopulation.train` writes per network and layer: {@link STATISTICS} over the interval, and two more. */
export const POPULATION_STATISTICS = [...STATISTICS, 'gradientNormSpread', 'learningRate'] as const;

export type StatisticName = (typeof POPULATION_STATISTICS)[number];

/** Index of each statistic on the last axis. */
export const STATISTIC_INDEX = Object.fromEntries(
	POPULATION_STATISTICS.map((name, index) => [name, index]),
) as Readonly<Record<StatisticName, number>>;
