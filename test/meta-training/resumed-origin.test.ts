import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { configReference, parseConfig, RESUMABLE_SETTINGS } from '../../src/config/config.js';
import type { Dataset } from '../../src/datasets/dataset.js';
import { datasetDigest } from '../../src/datasets/dataset.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { writeSafetensors } from '../../src/files/safetensors.js';
import { metaTrain } from '../../src/meta-training/meta-train.js';
import { InProcessExecutor } from '../../src/rollouts/in-process.js';
import { environmentSettings } from '../../src/runs/open-executor.js';
import { listCheckpoints, RunDirectory, readLatestCheckpoint } from '../../src/runs/run-directory.js';
import { compareOrigin, dataRecord } from '../../src/runs/run-origin.js';
import { searchConfigReference } from '../../src/search/search-config.js';
import { fakePopulations } from '../support/fake-population.js';

const dataset = syntheticDataset();
const config = parseConfig({
	iterations: 4,
	dataset: 'synthetic',
	workers: 0,
	tasks: {
		networks: [{ type: 'mlp', hidden: [8, 8] }],
		perIteration: 1,
		networksPerTask: 2,
		horizon: 10,
		decisions: 2,
		validationSize: 16,
		sliceSize: 0,
	},
	policy: { hiddenUnits: 4 },
	learner: { backend: 'cpu' },
	checkpoint: { every: 2, keep: 9 },
});

let folder: string;
let warnings: string[];
beforeEach(() => {
	folder = join(mkdtempSync(join(tmpdir(), 'ganno-origin-')), 'run');
	warnings = [];
});

async function train(run: RunDirectory, data: Dataset = dataset) {
	await using executor = new InProcessExecutor({
		dataset: data,
		environment: environmentSettings(config),
		population: fakePopulations().factory,
	});
	return await metaTrain({ run, dataset: data, executor, onWarning: (message) => warnings.push(message) });
}

/** A run that stopped after two of its four iterations. */
async function begun(): Promise<void> {
	using run = RunDirectory.create(folder, { ...config, iterations: 2 });
	await train(run);
}

async function resumed(data: Dataset = dataset, change: (settings: typeof config) => object = (own) => own) {
	const path = join(folder, 'config.json');
	writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as typeof config)));
	using run = RunDirectory.open(folder, { source: 'a test', values: { iterations: 4 } });
	return await train(run, data);
}

/** The latest checkpoint, with other metadata. */
function changeCheckpoint(change: (metadata: Record<string, string>) => void): void {
	const { path, tensors, metadata } = readLatestCheckpoint(folder)!;
	const changed = { ...metadata };
	change(changed);
	writeSafetensors(path, tensors, changed);
}

describe('a run goes on', () => {
	it('in silence where nothing differs, or only what changes no bit', async () => {
		await begun();
		await resumed(syntheticDataset(), (own) => ({
			...own,
			workers: 3,
			device: 'cpu',
			dataDirectory: '/elsewhere',
			checkpoint: { every: 1, keep: 2 },
			evaluation: { ...own.evaluation, seeds: 5 },
		}));
		expect(warnings).toEqual([]);
		expect(listCheckpoints(folder).at(-1)?.iteration).toBe(4);
	});

	it('not from other settings: each is named with both values', async () => {
		await begun();
		const refused = resumed(dataset, (own) => ({
			...own,
			seed: 5,
			learner: { ...own.learner, clip: 0.3 },
			tasks: { ...own.tasks, batchSizes: [16, 32] },
		}));
		await expect(refused).rejects.toMatchObject({
			code: 'BAD_FILE',
			message: expect.stringMatching(
				/checkpoint-000002\.safetensors: .*seed: 0 then, 5 now; tasks\.batchSizes: \[32\] then, \[16,32\] now; learner\.clip: 0\.2 then, 0\.3 now/,
			),
		});
		expect(listCheckpoints(folder).at(-1)?.iteration).toBe(2);
	});

	it.each<[string, Dataset, RegExp]>([
		[
			'fewer images',
			syntheticDataset({ size: 400 }),
			/of 384 \+ 128 \+ 128 images .*then, synthetic of 240 \+ 80 \+ 80/,
		],
		['other images', syntheticDataset({ seed: 1 }), /SHA-256 [0-9a-f]{12}…\) then, .*SHA-256 [0-9a-f]{12}…\) now/],
		['one other pixel', changed('images'), /SHA-256/],
		['one other label', changed('labels'), /SHA-256/],
		['another split', changed('split'), /SHA-256/],
		['images of another shape', { ...dataset, shape: [4, 16, 1] }, /of 8×8×1 .* then, .* of 4×16×1/],
		['another name', { ...dataset, name: 'mnist' }, /synthetic of .* then, mnist of .* now/],
	])('not on %s', async (_, data, difference) => {
		await begun();
		await expect(resumed(data)).rejects.toMatchObject({ code: 'BAD_FILE', message: expect.stringMatching(difference) });
	});

	it('from a checkpoint of a version that kept nothing, says so, and keeps it from then on', async () => {
		await begun();
		changeCheckpoint((metadata) => {
			delete metadata.origin;
			delete metadata.metrics;
		});
		await resumed(syntheticDataset({ seed: 1 }));
		expect(warnings).toEqual([expect.stringContaining('did not keep what it goes on from')]);
		await expect(resumed(dataset)).rejects.toMatchObject({ code: 'BAD_FILE' });
	});

	it('from a checkpoint of a version that had fewer settings, which had their defaults then', async () => {
		await begun();
		changeCheckpoint((metadata) => {
			const origin = JSON.parse(metadata.origin!) as { settings: { learner: { clip?: number }; downsample?: number } };
			delete origin.settings.learner.clip;
			delete origin.settings.downsample;
			metadata.origin = JSON.stringify(origin);
		});
		await expect(resumed(dataset, (own) => ({ ...own, learner: { ...own.learner, clip: 0.3 } }))).rejects.toThrow(
			'learner.clip: 0.2 then, 0.3 now',
		);
		await resumed(dataset, (own) => ({ ...own, learner: { ...own.learner, clip: 0.2 } }));
	});

	it('not where what the checkpoint says cannot be read', async () => {
		await begun();
		for (const text of ['{', 'null', '{}', '{"settings":1,"data":{}}', '{"settings":{},"data":null}']) {
			changeCheckpoint((metadata) => {
				metadata.origin = text;
			});
			await expect(resumed()).rejects.toMatchObject({ code: 'BAD_FILE' });
		}
	});
});

describe('the metrics of a run that goes on', () => {
	const metrics = () => join(folder, 'metrics.jsonl');
	const lines = () => readFileSync(metrics(), 'utf8').trimEnd().split('\n');
	const write = (list: readonly string[]) => writeFileSync(metrics(), list.map((line) => `${line}\n`).join(''));

	it('are those that the checkpoint knows: every figure, every line, but for the clock', async () => {
		await begun();
		const own = lines();
		expect(own).toHaveLength(2);
		for (const [at, line] of own.entries()) {
			const record = JSON.parse(line) as Record<string, number>;
			for (const key of Object.keys(record)) {
				write(own.with(at, JSON.stringify({ ...record, [key]: record[key]! + 1 })));
				if (['seconds', 'networkStepsPerSecond', 'learnerShare', 'nativeShare'].includes(key)) continue;
				await expect(resumed(), key).rejects.toMatchObject({
					code: 'BAD_FILE',
					message: expect.stringContaining('metrics.jsonl'),
				});
			}
		}
		for (const wrong of [own.slice(1).concat(own.slice(1)), own.slice(0, 1), [...own].reverse(), []]) {
			write(wrong);
			await expect(resumed()).rejects.toMatchObject({ code: 'BAD_FILE' });
		}
		const clock = { ...(JSON.parse(own[1]!) as object), seconds: 7 };
		write([own[0]!, JSON.stringify(clock)]);
		await resumed();
		expect(lines()).toHaveLength(4);
	});

	it('may be gone, which is said; later ones are known again', async () => {
		await begun();
		rmSync(metrics());
		await resumed();
		expect(warnings).toEqual([expect.stringContaining('metrics.jsonl is missing: the metrics begin at iteration 2')]);
		const own = lines();
		expect(own.map((line) => (JSON.parse(line) as { iteration: number }).iteration)).toEqual([2, 3]);
		warnings = [];
		await resumed();
		expect(warnings).toEqual([]);
		write(own.with(0, own[0]!.replace('"return":', '"return":1')));
		await expect(resumed()).rejects.toMatchObject({ code: 'BAD_FILE' });
	});
});

it.each([
	['training', configReference(), [...RESUMABLE_SETTINGS, 'checkpoint', 'evaluation']],
	['search', searchConfigReference(), []],
] as const)('every setting of a %s that differs is named', (_, keys, without) => {
	const data = dataRecord(dataset);
	const nested = (path: readonly string[], value: unknown): object =>
		path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
	for (const { key, default: value = null } of keys) {
		if ((without as readonly string[]).includes(key.split('.')[0]!)) continue;
		const settings = (own: unknown) => nested(key.split('.'), own) as Record<string, unknown>;
		const own = { settings: settings('now'), data };
		const compare = (recorded: object) => () => compareOrigin('x', recorded, own, (all) => all);
		expect(compare({ settings: settings('now'), data })).not.toThrow();
		expect(compare({ settings: settings(value), data })).toThrow(`${key}: `);
		expect(compare({ settings: settings(value), data })).toThrow(/ then, "now" now/);
		expect(compare({ settings: {}, data })).toThrow('nothing then');
	}
});

it('the digest of a data set is that of all bytes that decide, whatever it was read from', () => {
	expect(datasetDigest({ ...dataset, files: ['a'] })).toBe(datasetDigest(syntheticDataset()));
});

/** The data set with one element changed. */
function changed(what: 'images' | 'labels' | 'split'): Dataset {
	const copy = <T extends Uint8Array | Uint32Array>(array: T): T => array.slice() as T;
	const own = {
		...dataset,
		images: copy(dataset.images),
		labels: copy(dataset.labels),
		splits: { ...dataset.splits, validation: copy(dataset.splits.validation) },
	};
	const array = what === 'split' ? own.splits.validation : own[what];
	array[0] = array[0]! ^ 1;
	return own;
}
