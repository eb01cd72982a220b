import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../bench/headroom/families.js';
import { type HeadroomReport, pairedInterval, readReport, writeReport } from '../../bench/headroom/report.js';
import {
	type SearchBudget,
	search,
	seedBlock,
	type Trainer,
	tuneCosine,
	uniform,
} from '../../bench/headroom/search.js';
import { describeMachine } from '../../bench/support/machine.js';
import { RandomNumbers } from '../../bench/support/random.js';
import { checkTask } from '../../src/tasks/task.js';

const BUDGET: SearchBudget = { candidates: 48, rounds: 4, children: 24, trialSeeds: 12, finalists: 8, choiceSeeds: 48 };

/** Accuracy falls with the squared distance of each layer's log10 learning rate from its best one, plus noise of the seed and candidate. */
function landscape(best: readonly number[], bestEnds = best.map(() => 1), noise = 0.004) {
	const seen = new Set<number>();
	const trainer: Trainer = {
		layers: best.length,
		run: (candidates, { seeds }) => {
			for (const seed of seeds) seen.add(seed);
			return candidates.map(({ rates, ends }, c) => {
				const distance = rates.reduce((sum, rate, l) => sum + (rate - best[l]!) ** 2, 0);
				const late = ends.reduce((sum, end, l) => sum + Math.log10(end / bestEnds[l]!) ** 2, 0);
				const accuracy = seeds.map(
					(seed) => 0.8 - 0.01 * (distance + late) + noise * new RandomNumbers(seed + 7919 * c).normal(),
				);
				return { accuracy, loss: accuracy.map((value) => -Math.log(value)), diverged: 0 };
			});
		},
	};
	return { trainer, seen };
}

describe('the search of bench:headroom', () => {
	it('finds the learning rate of a cosine, and says when it lies at the edge of the grid', () => {
		const { trainer } = landscape([-2, -2, -2]);
		const found = tuneCosine({ grid: [-4, -1] }, trainer, BUDGET, 1 / 8);
		expect(Math.abs(found.candidate.rates[0]! + 2)).toBeLessThan(0.3);
		expect(new Set(found.candidate.rates).size).toBe(1);
		expect(found.atEdge).toBe(false);
		expect(tuneCosine({ grid: [-4, -3] }, trainer, BUDGET, 1 / 8).atEdge).toBe(true);
	});

	it('finds learning rates of layers where they differ', () => {
		const { trainer } = landscape([-1, -3, -1, -3]);
		const start = uniform(4, -2);
		const { candidate, isStart } = search('layer-rates', { reach: 1 }, trainer, start, BUDGET, 1);
		expect(isStart).toBe(false);
		const error = candidate.rates.reduce((sum, rate, l) => sum + (rate - [-1, -3, -1, -3][l]!) ** 2, 0);
		expect(error).toBeLessThan(1); // the start's is 4
		expect(candidate.ends).toEqual([1, 1, 1, 1]);
	});

	it('finds ends of schedules, for all layers or for each', () => {
		const { trainer } = landscape([-2, -2, -2], [0.5, 0.5, 0.5]);
		const shared = search('schedule', { reach: 1 }, trainer, uniform(3, -2), BUDGET, 1).candidate;
		expect(new Set(shared.ends).size).toBe(1);
		expect(Math.abs(Math.log10(shared.ends[0]! / 0.5))).toBeLessThan(0.25);
		const own = landscape([-2, -2, -2], [0.25, 2, 0.25]).trainer;
		const each = search('layer-schedules', { reach: 1 }, own, uniform(3, -2), BUDGET, 1).candidate;
		expect(each.ends[1]!).toBeGreaterThan(2 * each.ends[0]!);
	});

	it('keeps the start where nothing is better', () => {
		const { trainer } = landscape([-2, -2, -2], [1, 1, 1], 0);
		const start = uniform(3, -2);
		const found = search('layer-schedules', { reach: 1 }, trainer, start, BUDGET, 1);
		expect(found.candidate).toBe(start);
		expect(found.isStart).toBe(true);
		expect(found.choiceAccuracy).toBe(found.startAccuracy);
	});

	it('never chooses on seeds it tried, nor reports on any of them', () => {
		const { trainer, seen } = landscape([-2, -2]);
		search('layer-rates', { reach: 1 }, trainer, uniform(2, -2), BUDGET, 1);
		expect(seen.size).toBe(5 * BUDGET.trialSeeds + BUDGET.choiceSeeds);
		const report = seedBlock('report', 96);
		expect(report.seeds.some((seed) => seen.has(seed))).toBe(false);
		const trial = seedBlock('trial', 1).pretrainingSeeds;
		expect(report.pretrainingSeeds.some((seed) => trial.includes(seed))).toBe(false);
	});
});

describe('the report of bench:headroom', () => {
	it('gives the interval of a paired difference', () => {
		const random = new RandomNumbers(1);
		const rival = Array.from({ length: 96 }, () => random.normal());
		expect(pairedInterval(rival, rival)).toEqual({ mean: 0, low: 0, high: 0 });
		const { mean, low, high } = pairedInterval(
			rival.map((value) => value + 0.5 + 0.2 * random.normal()),
			rival,
		);
		// 0.2 / √96 is the standard error: the interval is about 1.96 of it either way.
		expect(high - low).toBeGreaterThan(0.06);
		expect(high - low).toBeLessThan(0.11);
		expect(Math.abs(mean - 0.5)).toBeLessThan(0.08);
		expect((low + high) / 2).toBeCloseTo(mean, 2);
	});

	it('is kept between runs, of the same data set alone', () => {
		const folder = mkdtempSync(join(tmpdir(), 'ganno-headroom-'));
		try {
			const path = join(folder, 'report.json');
			expect(readReport(path, 'images', false)).toBeUndefined();
			const report: HeadroomReport = {
				machine: describeMachine(),
				versions: {},
				dataset: 'images',
				quick: false,
				families: [],
			};
			writeReport(path, report);
			expect(readReport(path, 'images', false)).toEqual(report);
			expect(readReport(path, 'others', false)).toBeUndefined();
			expect(readReport(path, 'images', true)).toBeUndefined();
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});

describe('the families of bench:headroom', () => {
	const ends = { shape: [14, 14, 1], classes: 10 } as const;

	it.each(FAMILIES.map((family) => [family.name, family] as const))('%s is a task that can be run', (_, family) => {
		const { batchSize, horizon, optimizer, data, pretraining, scales } = family;
		checkTask({
			index: 0,
			spec: family.network(ends),
			optimizer,
			batchSize,
			horizon,
			interval: horizon / 20,
			...(data === undefined ? {} : { data }),
			...(pretraining === undefined ? {} : { pretraining: { ...pretraining, seeds: [1] } }),
			networks: [{ seed: 1, learningRate: 1, ...(Array.isArray(scales) ? { initialScales: scales } : {}) }],
		});
		expect(FAMILIES.filter(({ name, about }) => name === family.name || about === family.about)).toHaveLength(1);
	});
});
