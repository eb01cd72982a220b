import { setImmediate as nextTurn } from 'node:timers/promises';
import { checkKeys, keysOf } from '../arguments.js';
import type { Dataset } from '../datasets/dataset.js';
import type { PopulationFactory } from '../environment/populations/population-interface.js';
import {
	type PopulationResources,
	RESOURCE_KEYS,
	resourcesOf,
	withCancellation,
} from '../networks/population-resources.js';
import { withLoadedMethod } from './controller-module.js';
import { checkEnvironmentSettings, type EnvironmentSettings } from './environment-settings.js';
import { JobExecutor } from './job-executor.js';
import { JobRunner } from './job-runner.js';

export interface InProcessExecutorOptions extends Omit<PopulationResources, 'cancellation'> {
	readonly dataset: Dataset;
	readonly environment?: EnvironmentSettings;
	/** Opens populations of another kind (tests). */
	readonly population?: PopulationFactory;
}

const OPTION_NAMES = [
	...keysOf<Omit<InProcessExecutorOptions, keyof PopulationResources>>({
		dataset: true,
		environment: true,
		population: true,
	}),
	...RESOURCE_KEYS.filter((key) => key !== 'cancellation'),
];

/**
 * Rollouts one after another on the calling thread, which serves its event loop between decisions: for debugging, for tests and
 * where threads are not to be had. The same bits as the threaded executor.
 */
export class InProcessExecutor extends JobExecutor {
	constructor(options: InProcessExecutorOptions) {
		checkKeys(options, 'options', OPTION_NAMES);
		const { dataset, environment = {}, population } = options;
		checkEnvironmentSettings(environment);
		const resources = withCancellation(resourcesOf(options));
		const runner = new JobRunner({ dataset, environment, resources, population });
		super({
			environment,
			resources,
			workers: 1,
			takesFunctions: true,
			runJob: async (job) => {
				for (const _ of runner.steps(await withLoadedMethod(job))) await nextTurn();
			},
			close: () => runner[Symbol.dispose](),
		});
	}
}
