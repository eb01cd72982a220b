import { availableParallelism } from 'node:os';
import type { Dataset } from '../datasets/dataset.js';
import { requireCudaDevice } from '../devices.js';
import type { Reward } from '../environment/reward.js';
import { GannoError } from '../errors.js';
import type { EnvironmentSettings, RolloutExecutor } from '../rollouts/executor.js';
import { InProcessExecutor } from '../rollouts/in-process.js';
import { PiscinaExecutor } from '../rollouts/piscina.js';
import type { Config } from './config.js';

/** The environment part of a config as the executors take it. */
export function environmentSettings(config: Config): EnvironmentSettings {
	const { action, agents, reward: name, baselineLearningRate } = config.environment;
	const reward: Reward = name === 'baseline' ? { type: name, learningRate: baselineLearningRate } : name;
	return { action, agents, reward };
}

/** Worker threads a config asks for; 0: none. */
export function workerCount(config: Config): number {
	return config.workers === -1 ? availableParallelism() : config.workers;
}

/** The executor a config asks for. Dispose of it. */
export function openExecutor(config: Config, dataset: Dataset): RolloutExecutor {
	if (config.device.startsWith('cuda')) {
		requireCudaDevice(config.device);
		throw new GannoError(
			'CUDA_UNAVAILABLE',
			`The device ${config.device} cannot be used by this version. Use --device cpu.`,
		);
	}
	const workers = workerCount(config);
	const environment = environmentSettings(config);
	return workers === 0
		? new InProcessExecutor({ dataset, environment })
		: new PiscinaExecutor({ dataset, environment, workers });
}
