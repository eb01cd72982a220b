import { expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { TrainingEnvironment } from '../../src/environment/training-environment.js';
import { native } from '../../src/native.js';
import type { TrainingTask } from '../../src/tasks/task.js';
import { EMULATED_ADDON } from '../support/emulation.js';

if (process.env.GANNO_TEST_DEVICE === undefined) process.env.GANNO_BINDING = EMULATED_ADDON;
const CUDA = (process.env.GANNO_TEST_DEVICE ?? 'cuda:0') as `cuda:${number}`;

const dataset = syntheticDataset();
const TASK: TrainingTask = {
	index: 0,
	spec: {
		input: dataset.shape,
		layers: [
			{ type: 'dense', units: 8, activation: 'relu' },
			{ type: 'dense', units: dataset.classes },
		],
	},
	optimizer: { algorithm: 'adam' },
	batchSize: 8,
	horizon: 10,
	interval: 5,
	sliceSize: 40,
	validationSize: 20,
	data: { trainShare: [0.5, 1], labelOffset: 1 },
	pretraining: { steps: 20, learningRate: 0.01, data: { trainShare: [0, 0.5] }, seeds: [7], keepOutputLayer: true },
	networks: [1, 2].map((seed) => ({ seed, learningRate: 0.01, initialScales: [3, 0.3] })),
};

it('starts a network from the same parameters on a CUDA device', () => {
	const trace = (device: 'cpu' | typeof CUDA): number[] => {
		using environment = new TrainingEnvironment({ dataset, task: TASK, device });
		const seen = [...environment.reset().observations];
		const actions = new Uint8Array(environment.networks * environment.agents).fill(4);
		for (let done = false; !done; ) {
			const result = environment.step(actions);
			seen.push(...result.observations);
			done = result.done;
		}
		return seen;
	};
	const cuda = trace(CUDA);
	// The baseline tier has no fused multiply-add.
	if (native().cpuTiers().length > 1) expect(cuda).toEqual(trace('cpu'));
	expect(cuda.every(Number.isFinite)).toBe(true);
});
