import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { savePolicy } from '../../src/policy/policy-file.js';
import type { SearchEntry } from '../../src/search/replay-log.js';
import type { RetrainedModel } from '../../src/search/retrain.js';
import { searchTables, summarizeEpsilons } from '../../src/search/search-report.js';
import { idxFile } from '../support/dataset-files.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { type GannoResult, ganno } from '../support/run-ganno.js';

/** A search of 4 small models on a part of MNIST that somebody made: seconds. */
const SETTINGS = {
	dataset: 'mnist',
	partialDataset: true,
	downsample: 2,
	seed: 4,
	workers: 0,
	space: { maximumDepth: 2, filters: [2, 4], kernelSizes: [3], denseUnits: [4], sizeBuckets: [4, 1] },
	learner: { epsilons: [[1, 4]], learningRate: 0.1, parallel: 2 },
	training: { epochs: 2, batchSize: 16, learningRate: 0.003 },
	retraining: { count: 1, epochs: 2, optimizer: 'adam', learningRate: 0.003, milestones: [0.5], decays: [0.2] },
};

let folder: string;
const path = (...names: string[]) => join(folder, ...names);

/** Images with a bright bar whose row tells the label. */
function writeData(train: number, test: number, shift = 0): void {
	const labelOf = (i: number) => (i * 7 + shift) % 10;
	for (const [part, count] of [
		['train', train],
		['t10k', test],
	] as const) {
		const images = Buffer.alloc(count * 784);
		for (let i = 0; i < count; i++) {
			const begin = i * 784 + Math.floor(2.8 * labelOf(i)) * 28;
			images.fill(200, begin, begin + 56).fill(i % 250, i * 784, i * 784 + 3);
		}
		writeFileSync(path(`${part}-images-idx3-ubyte`), idxFile([count, 28, 28], images));
		writeFileSync(
			path(`${part}-labels-idx1-ubyte`),
			idxFile([count], Buffer.from(Array.from({ length: count }, (_, i) => labelOf(i)))),
		);
	}
}

const search = (...args: string[]) =>
	ganno(['search', '--data-dir', folder, ...args], { env: { XDG_CACHE_HOME: path('cache'), GANNO_DATA_DIR: '' } });

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-resumed-search-'));
	writeData(200, 40);
	writeFileSync(path('settings.json'), JSON.stringify(SETTINGS));
	const { code, stderr } = await search('--config', path('settings.json'), '--run-dir', path('whole'));
	expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (run: string, file = 'search.jsonl') => readFileSync(path(run, file), 'utf8').trimEnd().split('\n');
const write = (run: string, lines: readonly string[], file = 'search.jsonl') =>
	writeFileSync(path(run, file), lines.map((line) => `${line}\n`).join(''));

/** The search after its first two models, changed by somebody. */
async function resumedAfter(change: (run: string) => void): Promise<GannoResult> {
	cpSync(path('whole'), path('stopped'), { recursive: true });
	try {
		rmSync(path('stopped', 'retrained.jsonl'));
		write('stopped', linesOf('whole').slice(0, 2));
		change('stopped');
		return await search('--resume', path('stopped'));
	} finally {
		cpSync(path('stopped'), path('last'), { recursive: true });
		rmSync(path('stopped'), { recursive: true });
	}
}

describe('a search goes on', () => {
	it('to the same log where nothing was changed', async () => {
		const { code, stderr } = await resumedAfter(() => {});
		expect(code, stderr).toBe(0);
		expect(linesOf('last')).toEqual(linesOf('whole'));
	});

	it.each<[string, (run: string) => void, RegExp]>([
		[
			'an accuracy',
			(run) => write(run, linesOf(run).with(1, linesOf(run)[1]!.replace(/"accuracy":[\d.]+/, '"accuracy":0.123'))),
			/search\.jsonl: line 2 was changed/,
		],
		[
			'a setting of its models',
			(run) =>
				writeFileSync(
					path(run, 'config.json'),
					readFileSync(path(run, 'config.json'), 'utf8').replace('"epochs": 2', '"epochs": 3'),
				),
			/search\.jsonl: .*training\.epochs: 2 then, 3 now/,
		],
		[
			'some images gone',
			() => writeData(160, 30),
			/200 of 60000 .* of 150 \+ 50 \+ 40 .* then, .* of 120 \+ 40 \+ 30 .* now/,
		],
		['other images', () => writeData(200, 40, 3), /the data set mnist .*SHA-256/],
	])('not with %s changed', async (_, change, difference) => {
		try {
			const { code, stderr } = await resumedAfter(change);
			expect(stderr).toMatch(difference);
			expect(code).toBe(1);
			expect(linesOf('last')).toHaveLength(2);
		} finally {
			writeData(200, 40);
		}
	});

	it('from the log of a version that kept nothing, and says so', async () => {
		const { code, stderr } = await resumedAfter((run) => {
			write(
				run,
				linesOf(run).map((line) => {
					const { origin: _, check: __, ...entry } = JSON.parse(line) as Record<string, unknown>;
					return JSON.stringify(entry);
				}),
			);
		});
		expect(code, stderr).toBe(0);
		expect(stderr).toContain('The first 2 lines of');
		expect(linesOf('last')[2]).toMatch(/"origin":\{.*"digest":.*"check":/);
	});

	it('with more networks to train for longer, not with those of other settings', async () => {
		const config = readFileSync(path('whole', 'config.json'), 'utf8');
		const change = (from: string, to: string) => {
			expect(config).toContain(from);
			writeFileSync(path('whole', 'config.json'), config.replace(from, to));
		};
		try {
			change('"count": 1', '"count": 2');
			expect((await search('--resume', path('whole'))).code).toBe(0);
			expect(linesOf('whole', 'retrained.jsonl')).toHaveLength(2);
			change('"optimizer": "adam"', '"optimizer": "sgd"');
			const { stderr } = await search('--resume', path('whole'));
			expect(stderr).toMatch(/retrained\.jsonl: .*retraining\.optimizer: "adam" then, "sgd" now/);
		} finally {
			writeFileSync(path('whole', 'config.json'), config);
		}
	});

	it('and trains anew under a policy whose file holds another one now', async () => {
		const policy = path('policy.safetensors');
		const save = (seed: number) =>
			savePolicy(policy, {
				...randomSnapshot(policySpec(), seed),
				training: { seed: 0, iterations: 0, config: {}, learnerBackend: 'cpu' },
			} as Parameters<typeof savePolicy>[1]);
		const args = ['--network', 'C(2,3,1)-SM', '--policy', policy];
		save(1);
		expect((await search('--config', path('settings.json'), '--run-dir', path('given'), ...args)).code).toBe(0);
		expect(linesOf('given', 'retrained.jsonl')).toHaveLength(2);
		expect((await search('--resume', path('given'), ...args)).code).toBe(0);
		expect(linesOf('given', 'retrained.jsonl')).toHaveLength(2);
		save(2);
		expect((await search('--resume', path('given'), ...args)).code).toBe(0);
		const models = linesOf('given', 'retrained.jsonl').map((line) => JSON.parse(line) as RetrainedModel);
		expect(models.map(({ trainer }) => trainer)).toEqual(['schedule', 'policy', 'policy']);
		expect(models[1]!.policyDigest).not.toBe(models[2]!.policyDigest);
	});
});

it.each([
	[1, 'the space has no more than these'],
	[2, 'the last 5 choices had been made before (learner.maximumRepeats), of'],
])('a search of at most %i layers that finds nothing new says that it ended, and why', async (depth, why) => {
	const settings = [
		'learner.epsilons=[[1,60]]',
		`space.maximumDepth=${depth}`,
		`learner.maximumRepeats=${depth === 1 ? 200 : 5}`,
		'retraining.count=0',
	].flatMap((setting) => ['--set', setting]);
	const run = path(`small-${depth}`);
	const { code, stderr } = await search('--config', path('settings.json'), '--run-dir', run, ...settings);
	expect(code, stderr).toBe(0);
	expect(stderr).toMatch(/It ended early, after \d+ of 60 architectures: /);
	expect(stderr).toContain(why);
});

it('an interval of accuracies never leaves 0 to 100 %, and holds the mean', () => {
	fc.assert(
		fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 }), (accuracies) => {
			const entries = accuracies.map(
				(accuracy, model): SearchEntry => ({ model, architecture: `${model}`, epsilon: 1, accuracy }),
			);
			const [{ mean, low, high }] = summarizeEpsilons(entries) as [ReturnType<typeof summarizeEpsilons>[0]];
			if (accuracies.length === 1) expect([low, high]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
			else {
				expect(low).toBeGreaterThanOrEqual(0);
				expect(high).toBeLessThanOrEqual(1);
			}
			expect(low).toBeLessThanOrEqual(mean);
			expect(high).toBeGreaterThanOrEqual(mean);
		}),
	);
	const entries = [0.2, 1].map(
		(accuracy, model): SearchEntry => ({ model, architecture: `${model}`, epsilon: 1, accuracy }),
	);
	const [table] = searchTables({ entries, retrained: [], rivals: [] });
	expect(table!.rows[0]).toContain('0.00 % to 100.00 %');
	// Student's t where nothing has to be cut off: 0.5 ± 12.706 · 0.01.
	const narrow = [0.49, 0.51].map((accuracy, model): SearchEntry => ({ ...entries[0]!, model, accuracy }));
	expect(summarizeEpsilons(narrow)[0]!.high).toBeCloseTo(0.5 + 12.706 * 0.01, 4);
});
