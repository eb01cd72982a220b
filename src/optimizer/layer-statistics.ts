import { checkFloat32Array, checkKeys, keysOf } from '../arguments.js';
import { fromNative } from '../errors.js';
import { LAYERWISE_ALGORITHMS } from './algorithms.js';
import { checkInverseScale, type StepOptions } from './controls.js';
import { type OptimizerLayer, resolveLayerArrays } from './layers.js';
import {
	checkDenormals,
	checkDevice,
	checkThreads,
	type LayerwiseOptimizerOptions,
	resolveHyperparameters,
} from './optimizer-options.js';
import { openPlan } from './plan.js';
import { STATISTICS } from './statistics.js';

export type LayerStatisticsOptions = StepOptions & Pick<LayerwiseOptimizerOptions, 'denormals' | 'device' | 'threads'>;

const OPTION_NAMES = keysOf<LayerStatisticsOptions>({
	inverseScale: true,
	denormals: true,
	device: true,
	threads: true,
});

/**
 * Statistics of parameters and gradients as they stand: no step, no moments, nothing is written but `out`. The figures a step has as
 * well are the same bits as those of the step (docs/numerics.md); here the moment is the gradient, as for sgd, and the update is 0:
 * `momentNorm` equals `gradientNorm`, `gradientMomentCosine` is 1 (0 for a zero gradient), `updateNorm`, `updateRatio` and
 * `gradientUpdateCosine` are 0, and `nonFiniteCount` counts elements whose gradient or parameter is not finite.
 *
 * For what a step of an optimizer *would* do, ask its `probe`.
 * @param layers as for LayerwiseOptimizer; here arrays may overlap, and `name` and the switches mean nothing
 * @param out [layers × 14], row-major in the order of STATISTICS, written; left out: a new array
 * @returns `out`
 * @throws GannoError `INVALID_ARGUMENT`, `NATIVE_NOT_FOUND`, `CUDA_UNAVAILABLE`, `OUT_OF_MEMORY`
 */
export function layerStatistics(
	layers: readonly Pick<OptimizerLayer, 'parameters' | 'gradients'>[],
	out?: Float32Array,
	options: LayerStatisticsOptions = {},
): Float32Array {
	checkKeys(options, 'options', OPTION_NAMES);
	const device = checkDevice(options.device);
	const threads = checkThreads(options.threads);
	const flushDenormals = checkDenormals(options.denormals);
	const inverseScale = checkInverseScale(options.inverseScale);
	const resolved = resolveLayerArrays(layers);
	const statistics = out ?? new Float32Array(resolved.length * STATISTICS.length);
	checkFloat32Array(statistics, 'out', resolved.length * STATISTICS.length, 'layers × 14');
	const plan = openPlan(device, {
		algorithm: LAYERWISE_ALGORITHMS.indexOf('sgd'),
		nonFinite: 0,
		threads,
		flushDenormals,
		hyperparameters: resolveHyperparameters('sgd'),
		parameters: resolved.flatMap(({ parameters }) => parameters),
		gradients: resolved.flatMap(({ gradients }) => gradients),
		arraysPerLayer: Uint32Array.from(resolved, ({ parameters }) => parameters.length),
	});
	try {
		plan.probe(0, 0, 0, statistics, inverseScale);
	} catch (error) {
		throw fromNative(error);
	} finally {
		plan.dispose();
	}
	return statistics;
}
