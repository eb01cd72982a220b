import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { GannoError } from '../../src/errors.js';
import type { Episode, EpisodeSession } from '../../src/rollouts/executor.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import { parseArchitecture } from '../../src/search/architecture.js';
import { architectureNetwork } from '../../src/search/architecture-network.js';
import type { SearchEntry } from '../../src/search/replay-log.js';
import type { ModelRequest } from '../../src/search/run-search.js';
import { type ModelTrainingSettings, trainModel } from '../../src/search/train-model.js';

const dataset = syntheticDataset();
const SETTINGS: ModelTrainingSettings = {
	input: dataset.shape,
	classes: dataset.classes,
	trainImages: dataset.splits.train.length,
	validationImages: dataset.splits.validation.length,
	epochs: 4,
	batchSize: 32,
	optimizer: { algorithm: 'adam' },
	learningRate: 0.003,
	milestones: [0.5],
	decays: [0.2],
	dropout: 'every-second-layer',
	tries: 5,
	retryFactor: 0.4,
	chanceFactor: 1.5,
	stopHopeless: false,
	sliceSize: 0,
	validationSize: 5000,
};
const request = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
	model: 0,
	architecture: parseArchitecture(text),
	seed: 17,
	committed: [],
	...more,
});

/** Answers with given accuracies, epoch by epoch, and keeps what was asked. */
function scripted(...tries: number[][]): { session: EpisodeSession; asked: Episode[] } {
	const asked: Episode[] = [];
	const session: EpisodeSession = {
		async run(episode) {
			const accuracies = tries[asked.length]!;
			asked.push(episode);
			return {
				episode,
				returns: new Float32Array(1),
				outcomes: new Float32Array(5),
				history: {
					validationLoss: new Float32Array(5),
					validationAccuracy: Float32Array.from([0.25, ...accuracies]),
					learningRates: new Float32Array(4),
					bestTestAccuracy: new Float32Array(1),
				},
				diverged: new Uint8Array(1),
				milliseconds: { total: 1, native: 1 },
			};
		},
		async [Symbol.asyncDispose]() {},
	};
	return { session, asked };
}

describe('a network of an architecture', () => {
	const spec = (text: string, dropout?: 'every-second-layer' | 'every-second-and-dense' | 'none') =>
		architectureNetwork(parseArchitecture(text), {
			input: [28, 28, 1],
			classes: 10,
			...(dropout === undefined ? {} : { dropout }),
		});

	it('has its layers, Xavier’s initial weights, and a dense layer for the softmax', () => {
		expect(spec('C(128,3,1)-P(2,2)-FC(256)-SM', 'none').layers).toEqual([
			{ type: 'conv', filters: 128, kernelSize: 3, stride: 1, activation: 'relu', initializer: 'xavier-uniform' },
			{ type: 'max-pool', size: 2, stride: 2 },
			{ type: 'dense', units: 256, activation: 'relu', initializer: 'xavier-uniform' },
			{ type: 'dense', units: 10, initializer: 'xavier-uniform' },
		]);
		expect(spec('SM').layers).toHaveLength(1);
	});

	it('has dropout after every second layer, the i-th of n at i / 2n', () => {
		const rates = (...args: Parameters<typeof spec>) =>
			spec(...args).layers.map((layer) => (layer.type === 'dropout' ? layer.rate : layer.type));
		const text = 'C(8,3,1)-C(8,3,1)-P(2,2)-C(8,3,1)-GAP-SM';
		expect(rates(text)).toEqual(['conv', 'conv', 0.25, 'max-pool', 'conv', 0.5, 'global-average-pool', 'dense']);
		expect(rates('C(8,3,1)-C(8,3,1)-P(5,3)-FC(9)-FC(9)-SM', 'every-second-and-dense')).toEqual([
			'conv',
			'conv',
			1 / 6,
			'max-pool',
			'dense',
			1 / 3,
			'dense',
			0.5,
			'dense',
		]);
		expect(rates('C(8,3,1)-SM')).toEqual(['conv', 'dense']);
	});
});

describe('training a model', () => {
	it('pays the best epoch’s validation accuracy, the same whatever runs beside it', async () => {
		await using executor = new InProcessExecutor({ dataset, threads: 1 });
		await using session = executor.session({ test: false });
		const [one, , again] = await Promise.all(
			['C(8,3,1)-P(2,2)-FC(16)-SM', 'C(4,5,1)-GAP-SM', 'C(8,3,1)-P(2,2)-FC(16)-SM'].map((text) =>
				trainModel(session, SETTINGS, request(text)),
			),
		);
		expect(one!.training.accuracies).toHaveLength(4);
		expect(one!.accuracy).toBe(Math.max(...one!.training.accuracies));
		expect(one!.accuracy).toBeGreaterThan(0.5);
		expect(one!.training).toMatchObject({ seed: 17, tries: 1, learningRate: 0.003 });
		expect(again).toEqual(one);
	});

	it('tries smaller learning rates until one gets beyond guessing', async () => {
		const { session, asked } = scripted([0.25, 0.25, 0.25, 0.25], [0.375, 0.375, 0.375, 0.375], [0.4, 0.75, 0.5, 0.5]);
		const { accuracy, training } = await trainModel(session, SETTINGS, request('GAP-SM'));
		expect(accuracy).toBe(0.75);
		expect(training).toMatchObject({ tries: 3, accuracies: [expect.closeTo(0.4, 6), 0.75, 0.5, 0.5] });
		const rates = asked.map(({ task }) => task.networks[0]!.learningRate);
		for (const [i, rate] of rates.entries()) expect(rate).toBeCloseTo(0.003 * 0.4 ** i, 12);
		for (const { minimumAccuracies, task } of asked) {
			expect(minimumAccuracies?.[0]).toBe(0.375); // 1.5 / 4
			expect(task).toMatchObject({ horizon: 48, interval: 12, batchSize: 32, validationSize: 128 });
			expect(task.networks[0]!.seed).toBe(17);
		}
	});

	it('pays guessing where every try failed', async () => {
		const { session, asked } = scripted(...Array.from({ length: 5 }, () => [0.3, 0.3, 0.3, 0.3]));
		const { accuracy, training } = await trainModel(session, SETTINGS, request('GAP-SM'));
		expect(asked).toHaveLength(5);
		expect(accuracy).toBe(0.25);
		expect(training).toMatchObject({ tries: 5, remark: 'no try got beyond guessing' });
		expect(training.accuracies).toHaveLength(1);
	});

	it('stops a hopeless one at half of the epochs, where it is asked to', async () => {
		const committed = [0.5, 0.6, 0.7, 0.8, 0.9].map(
			(half, model): SearchEntry => ({
				model,
				architecture: 'SM',
				epsilon: 1,
				accuracy: half,
				training: { seed: 0, learningRate: 0, tries: 1, accuracies: [0.4, half, half, half] },
			}),
		);
		const stopping = { ...SETTINGS, stopHopeless: true };
		const below = scripted([0.6, 0.69, 0.69, 0.69]);
		const { training, accuracy } = await trainModel(below.session, stopping, request('SM', { committed }));
		expect(training).toMatchObject({ remark: 'stopped early' });
		expect(training.accuracies).toHaveLength(2);
		expect(accuracy).toBeCloseTo(0.69, 6);
		const at = scripted([0.6, 0.75, 0.8, 0.9]);
		expect((await trainModel(at.session, stopping, request('SM', { committed }))).training.accuracies).toHaveLength(4);
		const few = scripted([0.6, 0.6, 0.8, 0.9]);
		await trainModel(few.session, stopping, request('SM', { committed: committed.slice(0, 4) }));
		expect(few.asked[0]!.minimumAccuracies).toEqual([0.375, -1]);
	});

	it('has no reward where memory is short, and passes other errors on', async () => {
		const failing = (error: Error): EpisodeSession => ({
			run: () => Promise.reject(error),
			async [Symbol.asyncDispose]() {},
		});
		const full = await trainModel(failing(new GannoError('OUT_OF_MEMORY', 'full')), SETTINGS, request('SM'));
		expect(full).toMatchObject({ accuracy: null, training: { remark: 'out of memory' } });
		const cancelled = trainModel(failing(new GannoError('CANCELLED', 'stop')), SETTINGS, request('SM'));
		await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
	});
});
