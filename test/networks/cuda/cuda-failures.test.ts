import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GannoError } from '../../../src/errors.js';
import { cnn, mlp } from '../../../src/networks/builders.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import { EMULATED_ADDON, emulated } from '../../support/emulation.js';
import { populationOutput } from '../../support/population.js';
import { randomDataset } from '../../support/random-dataset.js';

/** What a population does when the card is too small, fails, or is not there. The emulated device can be told to. */

process.env.GANNO_BINDING = EMULATED_ADDON;
const { emulation } = emulated();
const spec = mlp({ input: [4, 4, 1], hidden: [9], classes: 4 });
const dataset = randomDataset(spec.input, 4);

function open(options: Partial<NetworkPopulationOptions> = {}) {
	const seeds = Uint32Array.of(1, 2, 3, 4, 5);
	return new NetworkPopulation({
		spec,
		networks: 5,
		batchSize: 4,
		optimizer: { algorithm: 'adam' },
		dataset,
		seeds,
		device: 'cuda:0',
		...options,
	});
}

function errorOf(call: () => unknown): GannoError {
	try {
		call();
	} catch (error) {
		return error as GannoError;
	}
	throw new Error('nothing thrown');
}

function train(population: NetworkPopulation) {
	const out = populationOutput(population, 3);
	population.train(3, 0.01, out);
	const evaluation = new Float32Array(10);
	population.evaluate('train', evaluation);
	return { out, evaluation, parameters: population.parameters(4) };
}

beforeEach(() => emulation.configure({}));
afterEach(() => emulation.configure({}));

describe('device memory', () => {
	it('is all given back by dispose', () => {
		const before = emulation.allocatedBytes();
		const population = open();
		train(population);
		population.save(2);
		expect(population.bytes).toBeGreaterThan(0);
		expect(emulation.allocatedBytes() - before).toBeGreaterThanOrEqual(population.bytes);
		population.dispose();
		expect(emulation.allocatedBytes()).toBe(before);
	});

	it('may be too little for the workspaces of all networks: they take turns, to the same bits', () => {
		using whole = open();
		const expected = train(whole);
		const held = emulation.allocatedBytes();
		emulation.configure({ memory: held + Math.round(0.8 * held) });
		using inTurns = open({ dataset: randomDataset(spec.input, 4) }); // a copy of its own, not the one already there
		expect(inTurns.bytes).toBeLessThan(whole.bytes);
		expect(train(inTurns)).toEqual(expected);
	});

	it('too small for the networks themselves is OUT_OF_MEMORY, and says how much was asked for and free', () => {
		const before = emulation.allocatedBytes();
		emulation.configure({ memory: before + 4096 });
		const error = errorOf(() => open());
		expect(error).toMatchObject({ code: 'OUT_OF_MEMORY' });
		expect(error.message).toMatch(/asked for, but .* free/);
		expect(emulation.allocatedBytes()).toBe(before);
	});

	it('that another program takes in the middle: turns again, or OUT_OF_MEMORY, and nothing is left behind', () => {
		using whole = open();
		const expected = train(whole);
		const before = emulation.allocatedBytes();
		const outcomes = new Set<string>();
		for (let failAfter = 0; failAfter < 80; failAfter++) {
			emulation.configure({ failAfter, failWith: 2 }); // cudaErrorMemoryAllocation
			try {
				using population = open();
				emulation.configure({});
				outcomes.add(population.bytes < whole.bytes ? 'turns' : 'whole');
				if (population.bytes < whole.bytes) expect(train(population)).toEqual(expected);
			} catch (error) {
				outcomes.add((error as GannoError).code);
			}
			emulation.configure({});
			expect(emulation.allocatedBytes()).toBe(before);
		}
		expect([...outcomes]).toEqual(expect.arrayContaining(['OUT_OF_MEMORY', 'turns', 'whole']));
	});

	it('that runs out at a snapshot leaves the population as it was', () => {
		using population = open();
		emulation.configure({ memory: emulation.allocatedBytes() });
		expect(errorOf(() => population.save(1))).toMatchObject({ code: 'OUT_OF_MEMORY' });
		expect(errorOf(() => population.restore(1))).toMatchObject({ code: 'INVALID_ARGUMENT' });
		emulation.configure({});
		train(population);
		population.save(1);
	});
});

describe('the images of a data set', () => {
	it('lie on a card once, whoever trains on them, until the last one is gone', () => {
		const before = emulation.allocatedBytes();
		const first = open();
		const alone = emulation.allocatedBytes() - before;
		const expected = train(first);
		const second = open();
		const shared = dataset.images.length + dataset.labels.length;
		expect(emulation.allocatedBytes() - before).toBe(2 * alone - shared);
		first.dispose();
		expect(train(second)).toEqual(expected);
		using third = open();
		second.dispose();
		expect(train(third)).toEqual(expected);
		third.dispose();
		expect(emulation.allocatedBytes()).toBe(before);
	});

	it('are shared under other labels too, but by no other data set, and on no other card', () => {
		emulation.configure({ devices: 2 });
		using first = open();
		const grown = (options: Partial<NetworkPopulationOptions>) => {
			const held = emulation.allocatedBytes();
			using _population = open(options);
			return emulation.allocatedBytes() - held;
		};
		const least = grown({});
		const labels = new Uint8Array(new SharedArrayBuffer(dataset.labels.length)).fill(1);
		expect(grown({ dataset: { ...dataset, labels } })).toBe(least + labels.length);
		const whole = least + dataset.images.length + labels.length;
		expect(grown({ dataset: randomDataset(spec.input, 4) })).toBe(whole);
		expect(grown({ device: 'cuda:1' })).toBe(whole);
		train(first);
	});
});

describe('an interval', () => {
	const waits = /Synchronize|Query|cudaMemcpy$|cudaMalloc|cudaFree|cudaHostAlloc|Capture|Instantiate/;

	it.each([
		[1, 1],
		[64, 1],
		[65, 2],
	])('of %i steps is launched in %i graphs; the host waits once for each, and not before', (steps, graphs) => {
		using population = open();
		const out = populationOutput(population, steps);
		population.train(steps, 0.01, out); // records the graphs
		emulation.configure({});
		population.train(steps, 0.02, out, { baseSchedule: new Float32Array(steps).fill(0.5) });
		const calls = emulation.calls().filter((name) => name === 'cudaGraphLaunch' || waits.test(name));
		expect(calls).toEqual(Array.from({ length: graphs }, () => ['cudaGraphLaunch', 'cudaStreamSynchronize']).flat());
		// Besides: the statistics, cleared before and written after.
		expect(emulation.calls().filter((name) => name === 'launch')).toHaveLength(2);
	});
});

describe('an error of CUDA', () => {
	it('ends the population it struck, and no other one once the device is well again', () => {
		const struck = open();
		using other = open();
		emulation.configure({ failAfter: 5 });
		expect(errorOf(() => train(struck))).toMatchObject({ code: 'INTERNAL' });
		emulation.configure({});
		const later = errorOf(() => struck.parameters(0));
		expect(later.code).toBe('CUDA_UNAVAILABLE');
		expect(later.message).toMatch(/stopped at a CUDA error: dispose it and open another/);
		struck.dispose();
		train(other);
		using fresh = open();
		train(fresh);
	});

	it('inside a kernel takes the device from all populations, as on a card; every call says so, and nothing leaks', () => {
		const before = emulation.allocatedBytes();
		for (const after of [0, 7, 40]) {
			const struck = open();
			const other = open();
			emulation.breakKernel(after);
			const error = errorOf(() => train(struck));
			expect(error).toMatchObject({ code: 'INTERNAL', message: expect.stringMatching(/illegal memory access/) });
			expect(error.message).toMatch(/nothing works on the device until this process ends/);
			expect(errorOf(() => train(other))).toMatchObject({ code: 'INTERNAL' });
			for (const population of [struck, other]) {
				expect(errorOf(() => population.parameters(0))).toMatchObject({
					code: 'CUDA_UNAVAILABLE',
					message: expect.stringMatching(/start a new process/),
				});
				population.dispose();
			}
			expect(errorOf(() => open()).code).toMatch(/^(CUDA_UNAVAILABLE|INTERNAL)$/);
			emulation.configure({}); // a new process, as it were
			expect(emulation.allocatedBytes()).toBe(before);
			using fresh = open();
			train(fresh);
		}
	});

	it('while a population is opened leaves nothing behind', () => {
		const before = emulation.allocatedBytes();
		const codes = new Set<string>();
		for (let failAfter = 0; failAfter < 120; failAfter += 7) {
			emulation.configure({ failAfter });
			try {
				open().dispose(); // the call that fails may be one whose failure does not matter
			} catch (error) {
				codes.add((error as GannoError).code);
			}
			emulation.configure({});
			expect(emulation.allocatedBytes()).toBe(before);
		}
		expect([...codes].sort()).toEqual(['CUDA_UNAVAILABLE', 'INTERNAL']);
	});
});

describe('without a usable device', () => {
	it.each([
		['no driver', { driverVersion: 0 }, /driver/],
		['a driver too old', { driverVersion: 12040 }, /too old/],
		['no device', { devices: 0 }, /no GPU/],
		['fewer devices', { devices: 1 }, /only cuda:0/],
	])('%s: CUDA_UNAVAILABLE says why', (_, machine, reason) => {
		emulation.configure(machine);
		const error = errorOf(() => open({ device: 'cuda:1' }));
		expect(error).toMatchObject({ code: 'CUDA_UNAVAILABLE', message: expect.stringMatching(reason) });
	});

	it.each(['cuda', 'cuda:', 'cuda:-1', 'cuda:0,cuda:1', 'gpu'])('%s is no device', (device) => {
		expect(errorOf(() => open({ device: device as 'cuda:0' })).code).toBe('INVALID_ARGUMENT');
	});
});

describe('cancellation', () => {
	it('is looked at between the parts of an interval', async () => {
		const cancellation = new Int32Array(new SharedArrayBuffer(4));
		using population = open({ cancellation });
		const steps = 1_000_000;
		const { statistics, validation } = populationOutput(population, 1);
		const running = population.trainAsync(steps, 0.01, {
			statistics,
			validation,
			trainingLoss: new Float32Array(5 * steps),
		});
		await new Promise((resolve) => setImmediate(resolve));
		cancellation[0] = 1;
		await expect(running).rejects.toThrow(expect.objectContaining({ code: 'CANCELLED' }));
		cancellation[0] = 0;
		train(population);
	});
});

describe('results do not depend on', () => {
	const convolution: Partial<NetworkPopulationOptions> = {
		spec: cnn({ input: [4, 4, 1], filters: [5], hidden: [1100], classes: 4, dropout: 0.3 }),
	};

	it.each([{ seed: 2 }, { seed: 3 }, { multiprocessors: 1 }, { multiprocessors: 200 }])(
		'the order of threads and blocks, the size of the card: %o',
		(machine) => {
			using usual = open(convolution);
			const expected = train(usual);
			emulation.configure(machine);
			using other = open(convolution);
			expect(train(other)).toEqual(expected);
		},
	);
});

describe('several devices', () => {
	it('give the same bits', () => {
		emulation.configure({ devices: 2 });
		using first = open();
		using second = open({ device: 'cuda:1' });
		expect(train(second)).toEqual(train(first));
	});
});
