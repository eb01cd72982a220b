import { availableParallelism } from 'node:os';
import type { Config } from '../config/config.js';
import type { Dataset } from '../datasets/dataset.js';
import { requireCudaDevice } from '../device-list.js';
import { AGENT_SPACES } from '../environment/agent-spaces.js';
import { GannoError } from '../errors.js';
import type { PopulationDevice } from '../networks/population-resources.js';
import type { EnvironmentSettings } from '../rollouts/environment-settings.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { InProcessExecutor } from '../rollouts/in-process.js';
import { PiscinaExecutor } from '../rollouts/piscina.js';

/** The environment part of a config as the executors take it: with what its controller observes. */
export function environmentSettings({ controller, environment }: Config): EnvironmentSettings {
	if (environment.reward === 'baseline' && environment.baselineLearningRate === 'tuned') {
		throw new GannoError(
			'INVALID_CONFIG',
			"environment.baselineLearningRate is 'tuned', but nobody has tuned it: call tuneBaseline first (ganno train does), or give a number",
		);
	}
	return { observation: AGENT_SPACES[controller].observation, ...environment };
}

/** Where networks are trained: one device, or several CUDA devices. */
export function devicesOf(config: Pick<Config, 'device'>): readonly PopulationDevice[] {
	return config.device.split(',') as PopulationDevice[];
}

/** On a card most of a rollout is the card's work: while one worker waits for it, the other prepares its next interval. */
const WORKERS_PER_CARD = 2;

/** Worker threads a config asks for; 0: none. */
export function workerCount(config: Pick<Config, 'workers' | 'device'>): number {
	if (config.workers !== -1) return config.workers;
	const devices = devicesOf(config);
	return devices[0]?.startsWith('cuda') ? WORKERS_PER_CARD * devices.length : availableParallelism();
}

/** The executor a config asks for. Dispose of it. */
export function openExecutor(config: Config, dataset: Dataset): RolloutExecutor {
	return openMachineExecutor(config, dataset, environmentSettings(config));
}

/** An executor on the machine that a config names. Dispose of it. */
export function openMachineExecutor(
	config: Pick<Config, 'workers' | 'device' | 'precision'>,
	dataset: Dataset,
	environment: EnvironmentSettings,
): RolloutExecutor {
	const devices = devicesOf(config);
	const workers = workerCount(config);
	if (devices.length > Math.max(workers, 1)) {
		throw new GannoError(
			'INVALID_CONFIG',
			`${devices.length} devices need as many workers, but there ${workers === 1 ? 'is 1' : `are ${workers}`}: use --workers ${devices.length} or more, or -1`,
		);
	}
	for (const device of devices) if (device.startsWith('cuda')) requireCudaDevice(device);
	const { precision } = config;
	return workers === 0
		? new InProcessExecutor({ dataset, environment, precision, device: devices[0] ?? 'auto' })
		: new PiscinaExecutor({ dataset, environment, precision, workers, devices });
}
