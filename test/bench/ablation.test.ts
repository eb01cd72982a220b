import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
	type AblationResults,
	type AblationRun,
	addRun,
	continueResults,
	findRun,
	switchesOf,
} from '../../bench/ablation/results.js';
import { REFERENCE, SWITCH_NAMES, SWITCHES, withChanges } from '../../bench/ablation/switches.js';
import { compare, markdownTables } from '../../bench/ablation/table.js';
import { parseConfig } from '../../src/config/config.js';

const EMPTY: AblationResults = {
	machine: { cpu: 'any', cores: 2, memoryGigabytes: 1, system: 'any' },
	versions: {},
	tier: 'any',
	quick: false,
	reference: { iterations: 2 },
	tasks: 4,
	runs: [],
};

function run(name: string, seed: number, testAccuracy: number[]): AblationRun {
	const rest = { networkSteps: 2e6, trainingSeconds: 60, evaluationSeconds: 5, changes: {} };
	return { switch: name, seed, testAccuracy, returns: [1, 1, 1, 1], diverged: [0, 0, 0, 1], ...rest };
}

const RESULTS: AblationResults = {
	...EMPTY,
	runs: [
		run('reference', 1, [0.5, 0.6, 0.7, 0.8]),
		run('reference', 2, [0.4, 0.6, 0.8, 0.8]),
		run('reference', 3, [0.6, 0.6, 0.6, 0.8]),
		run('mappo', 3, [0.7, 0.7, 0.7, 0.8]),
		run('mappo', 1, [0.6, 0.6, 0.7, 0.8]),
		run('mappo', 2, [0.5, 0.6, 0.8, 0.8]),
		run('one-agent', 1, [0, 0, 0, 0]),
	],
};

describe('the switches', () => {
	it('each change the config of the reference, and only there', () => {
		const reference = parseConfig(REFERENCE);
		for (const name of SWITCH_NAMES) {
			const config = parseConfig(withChanges(reference, SWITCHES[name]));
			if (name === 'reference') expect(config).toEqual(reference);
			else expect(config).not.toEqual(reference);
			expect(config.iterations).toBe(reference.iterations);
			expect(config.tasks.networks).toEqual(reference.tasks.networks);
		}
	});
});

describe('the comparison', () => {
	it('pairs seeds with seeds and tasks with tasks', () => {
		const [reference, mappo, one] = compare(RESULTS, 'testAccuracy', ['reference', 'mappo', 'one-agent', 'recurrent']);
		expect(reference).toMatchObject({ switch: 'reference', seeds: [1, 2, 3], difference: undefined });
		expect(reference!.mean).toBeCloseTo(65, 8);
		expect(mappo!.seeds).toEqual([1, 2, 3]);
		// Per seed +2.5, +2.5, +7.5; per task, means over the seeds, +10, +10/3, +10/3, 0 (percentage points).
		const { overSeeds, overTasks } = mappo!.difference!;
		expect(overSeeds.mean).toBeCloseTo(25 / 6, 8);
		const error = Math.sqrt(25 / 3 / 3); // sample variance 25/3 of three
		expect(overSeeds.high - overSeeds.mean).toBeCloseTo(4.302652729696142 * error, 6);
		expect(overTasks.mean).toBeCloseTo(25 / 6, 8);
		expect(overTasks.count).toBe(4);
		expect(one!.difference!.overSeeds).toMatchObject({ count: 1, high: Number.POSITIVE_INFINITY });
		expect(one!.difference!.overSeeds.mean).toBeCloseTo(-65, 8);
	});

	it('is told in Markdown with seeds, tasks and intervals', () => {
		const text = markdownTables(RESULTS, ['reference', 'mappo', 'one-agent']);
		expect(text).toContain('**test accuracy, %**, mean over 4 held-out tasks and seeds 1, 2, 3');
		expect(text).toContain('| reference | 65.00 | – | – | 2.00 | 60 |');
		expect(text).toMatch(/\| mappo \| 69\.17 \| \+4\.17 \[−3\.00, \+11\.34\] \| \+4\.17 \[/);
		expect(text).toContain('−65.00 (one seed)');
		expect(text).toContain('**diverged, %**');
	});
});

describe('the results on disk', () => {
	it('keep the rows of switches that are gone', () => {
		const kept = JSON.parse(readFileSync('bench/results/ablation-full.json', 'utf8')) as AblationResults;
		const order = switchesOf(kept, SWITCH_NAMES);
		expect(order.slice(0, SWITCH_NAMES.length)).toEqual(SWITCH_NAMES);
		expect(markdownTables(kept, order)).toContain(
			'| reward-difference | 67.62 | −9.12 [−14.55, −3.69] | −9.12 [−10.43, −7.81] |',
		);
	});

	const path = () => join(mkdtempSync(join(tmpdir(), 'ganno-ablation-')), 'results.json');

	it('are gone on with, and a run that is there is found', () => {
		const file = path();
		expect(continueResults(file, EMPTY)).toBe(EMPTY);
		const one = addRun(file, EMPTY, run('mappo', 1, [1, 1, 1, 1]));
		const kept = continueResults(file, EMPTY);
		expect(kept).toEqual(one);
		expect(findRun(kept, 'mappo', 1, {})).toEqual(one.runs[0]);
		expect(findRun(kept, 'mappo', 2, {})).toBeUndefined();
		// The switch means something else now: its run is made again, in the place of the old one.
		expect(findRun(kept, 'mappo', 1, { iterations: 3 })).toBeUndefined();
		expect(addRun(file, kept, run('mappo', 1, [0, 0, 0, 0])).runs).toHaveLength(1);
		expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ runs: [{ testAccuracy: [0, 0, 0, 0] }] });
	});

	it('of another ablation are refused', () => {
		const file = path();
		writeFileSync(file, JSON.stringify({ ...EMPTY, tasks: 5 }));
		expect(() => continueResults(file, EMPTY)).toThrow(/another tasks: move it away, or give --fresh/);
	});
});
