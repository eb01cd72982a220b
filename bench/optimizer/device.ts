/** ganno on a CUDA device, everything kept there, and the device's own copy as the ceiling. */

import { LayerwiseOptimizer, STATISTICS } from 'ganno';
import { LAYERWISE_ALGORITHMS } from '#ganno/optimizer/algorithms.js';
import type { LayerwisePlan } from '../../binding.d.ts';
import { loadBenchAddon } from '../support/machine.js';
import { ADAM_BYTES, LEARNING_RATE, parameterCount } from './cases.js';
import type { StepContender, StepSlice } from './contender.js';
import type { DeviceStepCase } from './device-cases.js';
import { type Evidence, FIRST_STEPS } from './evidence.js';
import { type LayerValues, makeValues, samplePositions } from './values.js';

/** The number of a device that is called `cuda:N`. */
export function deviceNumber(device: string): number {
	const found = /^cuda:(\d+)$/.exec(device);
	if (found === null) throw new Error(`Expected cuda:N for a device but received ${device}`);
	return Number(found[1]);
}

function valuesOf(one: DeviceStepCase): LayerValues[] {
	return one.sizes.map((size, layer) => makeValues(layer, size));
}

function evidenceOf(
	one: DeviceStepCase,
	layers: readonly LayerValues[],
	steps: number,
	statistics?: Float32Array,
): Evidence {
	return {
		steps,
		parameters: one.sizes.flatMap((size, layer) =>
			samplePositions(size).map((position) => layers[layer]?.parameters[position] as number),
		),
		statistics: [...(statistics ?? [])],
		statisticNames: statistics === undefined ? [] : STATISTICS,
	};
}

/** Runs as many of something as fill the time, judging by how long the last ones took. */
class Pace {
	#seconds = 0;

	/** @param take takes so many and returns the seconds they took */
	run(milliseconds: number, take: (count: number) => number): StepSlice {
		if (this.#seconds === 0) this.#seconds = take(1);
		const steps = Math.min(100_000, Math.max(1, Math.round(milliseconds / 1e3 / Math.max(this.#seconds, 1e-7))));
		const wallSeconds = take(steps);
		this.#seconds = wallSeconds / steps;
		return { steps, wallSeconds };
	}
}

/** LayerwiseOptimizer's own class, in the addon that can time its steps; the hyper-parameters are the package's defaults. */
function openPlan(one: DeviceStepCase, layers: readonly LayerValues[], device: string): LayerwisePlan {
	const { algorithm } = one;
	return new (loadBenchAddon().LayerwisePlan)({
		algorithm: LAYERWISE_ALGORITHMS.indexOf(algorithm),
		nonFinite: 0,
		threads: 1,
		device: deviceNumber(device),
		resident: true,
		hyperparameters: {
			beta1: 0.9,
			beta2: algorithm === 'lion' ? 0.99 : 0.999,
			epsilon: algorithm === 'lamb' ? 1e-6 : 1e-8,
			rho: 0.99,
		},
		parameters: layers.map(({ parameters }) => parameters),
		gradients: layers.map(({ gradients }) => gradients),
		arraysPerLayer: new Uint32Array(layers.length).fill(1),
	});
}

/** Steps one after another on the device, timed by it; statistics stay there. */
function queuedContender(name: string, one: DeviceStepCase, withStatistics: boolean, device: string): StepContender {
	const layers = valuesOf(one);
	const { timedSteps } = loadBenchAddon();
	const plan = openPlan(one, layers, device);
	const statistics = withStatistics ? new Float32Array(layers.length * STATISTICS.length) : undefined;
	const pace = new Pace();
	let steps = 0;
	const evidence = (): Evidence => {
		plan.download();
		return evidenceOf(one, layers, steps, statistics);
	};
	for (; steps < FIRST_STEPS; steps++)
		plan.step(LEARNING_RATE, one.algorithm === 'adamw' ? 0.01 : 0, 0.9, statistics, 1);
	return {
		name,
		local: true,
		first: evidence(),
		note: 'queued, by the clock of the device',
		run: (milliseconds) =>
			Promise.resolve(
				pace.run(milliseconds, (count) => {
					steps += count;
					return timedSteps(plan, withStatistics, 1, count);
				}),
			),
		last: () => Promise.resolve(evidence()),
		close: () => Promise.resolve(plan.dispose()),
	};
}

/** `step(learningRates, statistics)`, each call with its wait and its statistics in JavaScript. */
function callsContender(name: string, one: DeviceStepCase, device: string): StepContender {
	const layers = valuesOf(one);
	const optimizer = new LayerwiseOptimizer({
		algorithm: one.algorithm,
		layers: layers.map((arrays, i) => ({ name: `${i}`, ...arrays })),
		device: `cuda:${deviceNumber(device)}`,
		resident: true,
	});
	const learningRates = new Float32Array(layers.length).fill(LEARNING_RATE);
	const statistics = new Float32Array(layers.length * STATISTICS.length);
	const pace = new Pace();
	let steps = 0;
	const take = (count: number): number => {
		const start = performance.now();
		for (let i = 0; i < count; i++) optimizer.step(learningRates, statistics);
		steps += count;
		return (performance.now() - start) / 1e3;
	};
	const evidence = (): Evidence => {
		optimizer.download();
		return evidenceOf(one, layers, steps, statistics);
	};
	take(FIRST_STEPS);
	return {
		name,
		local: true,
		first: evidence(),
		note: 'a call a step, wall time, statistics in JavaScript',
		run: (milliseconds) => Promise.resolve(pace.run(milliseconds, take)),
		last: () => Promise.resolve(evidence()),
		close: () => Promise.resolve(optimizer.dispose()),
	};
}

/** A copy inside the device's memory that reads and writes as many bytes as a step of Adam together. */
function copyContender(name: string, one: DeviceStepCase, device: string): StepContender {
	const addon = loadBenchAddon();
	const pace = new Pace();
	const bytes = (ADAM_BYTES / 2) * parameterCount(one);
	const nothing: Evidence = { steps: 0, parameters: [], statistics: [], statisticNames: [] };
	return {
		name,
		local: true,
		first: nothing,
		note: 'cudaMemcpyAsync from device to device, by the clock of the device',
		run: (milliseconds) =>
			Promise.resolve(
				pace.run(milliseconds, (count) => count * addon.measureDeviceCopy(deviceNumber(device), bytes, count)),
			),
		last: () => Promise.resolve(nothing),
		close: () => Promise.resolve(),
	};
}

/** @param name ganno, ganno-no-statistics, ganno-calls or copy-ceiling */
export function openDevice(name: string, one: DeviceStepCase, device: string): StepContender {
	if (name === 'ganno') return queuedContender(name, one, true, device);
	if (name === 'ganno-no-statistics') return queuedContender(name, one, false, device);
	if (name === 'ganno-calls') return callsContender(name, one, device);
	if (name === 'copy-ceiling') return copyContender(name, one, device);
	throw new Error(`No contender is called ${name}`);
}
