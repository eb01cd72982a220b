import { NetworkPopulation, type NetworkPopulationOptions } from 'ganno';
import { TfjsEngine } from './engine.js';

/**
 * A `NetworkPopulation` in tfjs operations only, on tfjs's current back end: the same methods, the same random numbers, results
 * that agree to rounding, and a fraction of the speed. For checking the native engine and for measuring what it is worth.
 *
 * `threads`, `device` and `tier` mean nothing to it; `trainAsync` runs on the calling thread. On wasm, convolutions need
 * `registerWasmTrainingKernels()`.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function openTfjsPopulation(options: NetworkPopulationOptions): NetworkPopulation {
	return new NetworkPopulation(options, (resolved) => new TfjsEngine(options.spec, resolved));
}
