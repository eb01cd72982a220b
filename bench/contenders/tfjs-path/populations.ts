import { NetworkPopulation, type NetworkPopulationOptions } from 'ganno';
import { packageVersion } from '../../support/machine.js';

export const BATCH = 64;

/** A population by either path, and what it runs on. */
export async function openPopulation(
	contender: string,
	options: NetworkPopulationOptions,
): Promise<{ readonly population: NetworkPopulation; readonly version: string }> {
	if (contender === 'native') {
		const population = new NetworkPopulation({ ...options, threads: 1 });
		return { population, version: `ganno ${packageVersion('ganno')}` };
	}
	const { registerWasmTrainingKernels } = await import('ganno/tfjs');
	registerWasmTrainingKernels();
	const { openTfjsPopulation } = await import('../../tfjs-population/open-tfjs-population.js');
	const { version } = await import('@tensorflow/tfjs');
	return { population: openTfjsPopulation(options), version: `tfjs ${version.tfjs}` };
}
