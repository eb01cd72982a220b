import { type NetworkPopulation, TrainingEnvironment, type TrainingTask } from 'ganno';
import { caseNamed } from '../../cases.js';
import { randomDataset } from '../../support/random-dataset.js';
import { BATCH, openPopulation } from './populations.js';
import type { Work } from './work.js';

const INTERVAL = 10;

/**
 * Steps of the training environment: an action, ten optimiser steps with statistics, the loss of 512 validation images, observations
 * and reward, of one network.
 */
export async function environmentWork(what: string, contender: string): Promise<Work> {
	const { spec } = caseNamed(what);
	const task: TrainingTask = {
		index: 0,
		spec,
		optimizer: { algorithm: 'adam' },
		batchSize: BATCH,
		horizon: INTERVAL * 1_000_000,
		interval: INTERVAL,
		networks: [{ seed: 0, learningRate: 1e-4 }],
	};
	const dataset = randomDataset(spec.input, 4096);
	const seeds = Uint32Array.of(0);
	const { optimizer, batchSize } = task;
	const options = { spec, networks: 1, batchSize, optimizer, dataset, seeds };
	const { population, version } = await openPopulation(contender, options);
	const environment = new TrainingEnvironment({ task, population: (): NetworkPopulation => population });
	environment.reset();
	const actions = new Uint8Array(environment.agents).fill(4);
	return {
		version,
		step() {
			const { infos, done } = environment.step(actions);
			if (done) throw new Error('the episode ended: the network diverged');
			return { steps: 1, loss: infos.trainingLoss[0] as number };
		},
	};
}
