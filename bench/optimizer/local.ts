/** The contenders that run in the benchmark's own process: ganno, and the memory traffic that bounds it. */

import { LayerwiseOptimizer, STATISTICS } from 'ganno';
import { LAYERWISE_ALGORITHMS } from '#ganno/optimizer/algorithms.js';
import { loadAddon, loadBenchAddon } from '../support/machine.js';
import { LEARNING_RATE, parameterCount, type StepCase } from './cases.js';
import { type StepContender, type StepSlice, unavailableContender } from './contender.js';
import { type Evidence, FIRST_STEPS } from './evidence.js';
import { makeValues, samplePositions } from './values.js';

/** The clock is read this often at most: reading it takes as long as the smallest step does. */
const MILLISECONDS_BETWEEN_READINGS = 0.1;

/** The reference is plain TypeScript in float64: a larger case says nothing more. */
const REFERENCE_LIMIT = 64_000;

/** Steps until the time is over, and how long they took. One step before the clock starts warms caches and wakes helpers. */
class Timer {
	#steps = 0;
	#batch = 1;
	readonly #step: () => void;

	constructor(step: () => void) {
		this.#step = step;
	}

	/** All steps so far, timed or not. */
	get steps(): number {
		return this.#steps;
	}

	advance(steps: number): void {
		for (let i = 0; i < steps; i++) this.#step();
		this.#steps += steps;
	}

	run(milliseconds: number): StepSlice {
		this.advance(1);
		const before = this.#steps;
		const start = performance.now();
		let elapsed = 0;
		do {
			this.advance(this.#batch);
			elapsed = performance.now() - start;
		} while (elapsed < milliseconds);
		const steps = this.#steps - before;
		this.#batch = Math.max(1, Math.round((MILLISECONDS_BETWEEN_READINGS * steps) / elapsed));
		return { steps, wallSeconds: elapsed / 1e3 };
	}
}

interface Steppable {
	readonly parameters: readonly Float32Array[];
	readonly statistics: Float32Array | undefined;
	readonly step: () => void;
	readonly dispose: () => void;
}

function localContender(
	name: string,
	one: StepCase,
	{ parameters, statistics, step, dispose }: Steppable,
): StepContender {
	const timer = new Timer(step);
	const evidence = (): Evidence => ({
		steps: timer.steps,
		parameters: one.sizes.flatMap((size, layer) =>
			samplePositions(size).map((position) => parameters[layer]?.[position] as number),
		),
		statistics: [...(statistics ?? [])],
		statisticNames: statistics === undefined ? [] : STATISTICS,
	});
	timer.advance(FIRST_STEPS);
	return {
		name,
		local: true,
		first: evidence(),
		run: (milliseconds) => Promise.resolve(timer.run(milliseconds)),
		last: () => Promise.resolve(evidence()),
		close: () => Promise.resolve(dispose()),
	};
}

function optimizerContender(
	name: string,
	one: StepCase,
	withStatistics: boolean,
	device: 'cpu' | 'reference',
): StepContender {
	const layers = one.sizes.map((size, layer) => ({ name: `${layer}`, ...makeValues(layer, size) }));
	const optimizer = new LayerwiseOptimizer({ algorithm: one.algorithm, layers, threads: one.threads, device });
	const learningRates = new Float32Array(layers.length).fill(LEARNING_RATE);
	const statistics = withStatistics ? new Float32Array(layers.length * STATISTICS.length) : undefined;
	return localContender(name, one, {
		parameters: layers.map(({ parameters }) => parameters),
		statistics,
		step: () => optimizer.step(learningRates, statistics),
		dispose: () => optimizer.dispose(),
	});
}

/** It shows no evidence; that its data have moved as the kernel moves them is checked here. */
function streamContender(name: string, one: StepCase, tier: string): StepContender {
	const { StreamCeiling } = loadBenchAddon();
	const ceiling = new StreamCeiling(Float64Array.from(one.sizes), one.threads, tier);
	const timer = new Timer(() => ceiling.pass());
	const check = (): void => {
		for (const [layer, size] of one.sizes.entries()) {
			const found = new Float32Array(size);
			ceiling.parameters(layer, found);
			const expected = Math.min(1 + timer.steps, 4);
			const at = found.findIndex((value) => value !== expected);
			if (at >= 0)
				throw new Error(`${one.name}: ${name} left ${found[at]} after ${timer.steps} passes; nothing is reported`);
		}
	};
	const evidence = (): Evidence => {
		check();
		return { steps: timer.steps, parameters: [], statistics: [], statisticNames: [] };
	};
	timer.advance(1);
	check();
	timer.advance(FIRST_STEPS - 1);
	return {
		name,
		local: true,
		first: evidence(),
		run: (milliseconds) => Promise.resolve(timer.run(milliseconds)),
		last: () => Promise.resolve(evidence()),
		close: () => Promise.resolve(ceiling.dispose()),
	};
}

/** The addon's own class, which can be told its instruction set; the package takes the machine's best. Adam only. */
function tierContender(name: string, one: StepCase, withStatistics: boolean, tier: string): StepContender {
	const layers = one.sizes.map((size, layer) => makeValues(layer, size));
	const learningRates = new Float32Array(layers.length).fill(LEARNING_RATE);
	const plan = new (loadAddon().LayerwisePlan)({
		algorithm: LAYERWISE_ALGORITHMS.indexOf('adam'),
		nonFinite: 0,
		threads: one.threads,
		tier,
		hyperparameters: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rho: 0 },
		parameters: layers.map(({ parameters }) => parameters),
		gradients: layers.map(({ gradients }) => gradients),
		arraysPerLayer: new Uint32Array(layers.length).fill(1),
	});
	const statistics = withStatistics ? new Float32Array(layers.length * STATISTICS.length) : undefined;
	return localContender(name, one, {
		parameters: layers.map(({ parameters }) => parameters),
		statistics,
		step: () => plan.step(learningRates, 0, 0, statistics, 1),
		dispose: () => plan.dispose(),
	});
}

/** Names of the contenders of other tiers and of the reference, for `--tiers`. */
export function tierContenderNames(): string[] {
	const addon = loadAddon();
	const others = addon.cpuTiers().filter((tier) => tier !== addon.cpuTier());
	return [
		...others.flatMap((tier) => [`ganno-${tier}`, `ganno-no-statistics-${tier}`, `stream-ceiling-${tier}`]),
		'ganno-reference',
	];
}

/** @param name ganno, ganno-no-statistics or stream-ceiling, with `-` and a tier or without; or ganno-reference */
export function openLocal(name: string, one: StepCase): StepContender {
	const addon = loadAddon();
	if (name === 'ganno') return optimizerContender(name, one, true, 'cpu');
	if (name === 'ganno-no-statistics') return optimizerContender(name, one, false, 'cpu');
	if (name === 'ganno-reference') {
		if (parameterCount(one) > REFERENCE_LIMIT) {
			return unavailableContender(
				name,
				`not measured beyond ${REFERENCE_LIMIT} parameters: it is there to be compared with`,
			);
		}
		return optimizerContender(name, one, true, 'reference');
	}
	if (name === 'stream-ceiling') return streamContender(name, one, addon.cpuTier());
	for (const tier of addon.cpuTiers()) {
		if (name === `ganno-${tier}`) return tierContender(name, one, true, tier);
		if (name === `ganno-no-statistics-${tier}`) return tierContender(name, one, false, tier);
		if (name === `stream-ceiling-${tier}`) return streamContender(name, one, tier);
	}
	throw new Error(`No contender is called ${name}`);
}
