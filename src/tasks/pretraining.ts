import { checkBoolean, checkInteger, checkKeys, checkNumber, invalidArgument, keysOf } from '../arguments.js';
import { checkDatasetView, type DatasetView } from '../datasets/view.js';
import type { OptimizerSpec } from '../optimizer/algorithms.js';
import { checkOptimizerSpec } from '../optimizer/optimizer-options.js';

/**
 * The pre-training of a task's networks: `steps` optimiser steps under one cosine from `learningRate` to 0, the same for
 * all layers. Moments and step counters are reset afterwards; parameters stay.
 */
export interface Pretraining {
	readonly steps: number;
	/** Default 0.001. */
	readonly learningRate?: number;
	/** Default Adam. */
	readonly optimizer?: OptimizerSpec;
	/** Default 32. */
	readonly batchSize?: number;
	/** What they were trained on (default: the whole training split). */
	readonly data?: DatasetView;
	/** uint32, at least one: the network with seed s starts from the pre-trained network of `seeds[s mod seeds.length]`. */
	readonly seeds: readonly number[];
	/** Default false: the last layer starts anew, from the network's own seed. */
	readonly keepOutputLayer?: boolean;
}

const PRETRAINING_KEYS = keysOf<Pretraining>({
	steps: true,
	learningRate: true,
	optimizer: true,
	batchSize: true,
	data: true,
	seeds: true,
	keepOutputLayer: true,
});

export function checkPretraining(pretraining: Pretraining, name: string): void {
	checkKeys(pretraining, name, PRETRAINING_KEYS);
	const { steps, learningRate, optimizer, batchSize, data, seeds, keepOutputLayer } = pretraining;
	checkInteger(steps, `${name}.steps`, 1, 1_000_000);
	if (learningRate !== undefined) checkNumber(learningRate, `${name}.learningRate`, 0);
	if (optimizer !== undefined) checkOptimizerSpec(optimizer, `${name}.optimizer`);
	if (batchSize !== undefined) checkInteger(batchSize, `${name}.batchSize`, 1);
	if (data !== undefined) checkDatasetView(data, `${name}.data`);
	if (!Array.isArray(seeds) || seeds.length === 0) {
		throw invalidArgument('an array of at least one seed', `${name}.seeds`, seeds);
	}
	for (const [i, seed] of seeds.entries()) checkInteger(seed, `${name}.seeds[${i}]`, 0, 0xffffffff);
	checkBoolean(keepOutputLayer, `${name}.keepOutputLayer`);
}

/** The seed of the pre-trained network that a network starts from: a function of the network's own seed, not of its index. */
export function pretrainingSeed({ seeds }: Pretraining, seed: number): number {
	return seeds[seed % seeds.length] as number;
}
