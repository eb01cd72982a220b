import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../src/config/config.js';
import { PRESET_NAMES, PRESETS } from '../../src/config/presets.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { evaluatePolicy } from '../../src/evaluation/evaluate-policy.js';
import { chooseKinds } from '../../src/evaluation/evaluation-kinds.js';
import { formatEvaluation } from '../../src/evaluation/evaluation-table.js';
import { ALGORITHMS } from '../../src/optimizer/algorithms.js';
import { openExecutor } from '../../src/runs/open-executor.js';
import { iterationTasks, kindTasks } from '../../src/runs/sample-tasks.js';
import type { NetworkFamily } from '../../src/tasks/network-family.js';
import { randomPolicy } from '../support/random-policy.js';
import { TINY } from '../support/tiny-config.js';

const dataset = syntheticDataset();
const datasetShape = { shape: [14, 14, 1], classes: 10 } as const;

const withTasks = (networks: readonly NetworkFamily[], optimizers: readonly string[]): Config =>
	parseConfig({ ...TINY, tasks: { ...TINY.tasks, networks, optimizers } });

const name = ({ family, optimizer }: { family: NetworkFamily; optimizer: { algorithm: string } }) =>
	JSON.stringify([family, optimizer]);

describe('the kinds of task that an evaluation tests', () => {
	it('are the families × optimisers of the settings, the table’s own apart, each family and optimiser first', () => {
		const families: NetworkFamily[] = [8, 9, 10, 11, 12, 13, 14].map((units) => ({ type: 'mlp', hidden: [units] }));
		fc.assert(
			fc.property(
				fc.uniqueArray(fc.constantFrom(...families), { minLength: 1, selector: (family) => JSON.stringify(family) }),
				fc.uniqueArray(fc.constantFrom(...ALGORITHMS), { minLength: 1 }),
				fc.nat(60),
				(networks, optimizers, wanted) => {
					// Entries that are there twice are drawn more often, and no other kind.
					const config = withTasks([...networks, networks[0]!], [...optimizers, optimizers[0]!]);
					const { chosen, leftOut } = chooseKinds(config, datasetShape, wanted);
					const all = [...chosen, ...leftOut];
					const own = networks.some((family) => 'hidden' in family && family.hidden[0] === 8) ? 1 : 0;
					expect(new Set(all.map(name)).size).toBe(networks.length * optimizers.length - own);
					expect(all).toHaveLength(networks.length * optimizers.length - own);
					expect(chosen).toHaveLength(Math.min(wanted, all.length));
					expect(
						all.some(({ network, optimizer }) => network === '196-8-10' && optimizer.algorithm === optimizers[0]),
					).toBe(false);

					const each = chooseKinds(config, datasetShape, 'each').chosen;
					expect(each.length).toBeLessThanOrEqual(6);
					if (Math.max(networks.length, optimizers.length) > 6) return;
					const shown = [
						...each.map(name),
						...(own === 1
							? [name({ family: { type: 'mlp', hidden: [8] }, optimizer: { algorithm: optimizers[0]! } })]
							: []),
					];
					for (const family of networks) expect(shown.some((one) => one.includes(JSON.stringify(family)))).toBe(true);
					for (const algorithm of optimizers) expect(shown.some((one) => one.includes(`"${algorithm}"`))).toBe(true);
				},
			),
			{ numRuns: 200 },
		);
	});

	it.each(PRESET_NAMES)('are few for the preset %s, and none where the table has all', (preset) => {
		const { chosen, families, optimizers } = chooseKinds(parseConfig(PRESETS[preset]), datasetShape, 'each');
		expect(chosen).toHaveLength(families * optimizers === 1 ? 0 : Math.max(families, optimizers));
		for (const { network } of chosen) expect(network).not.toMatch(/undefined|NaN|\[/);
	});

	it('are named by what is fixed, or by what is drawn', () => {
		const families: NetworkFamily[] = [
			{ type: 'mlp', depth: [1, 4], width: [16, 128], activation: ['relu', 'relu', 'tanh'] },
			{ type: 'mlp', hidden: [8], activation: 'tanh' },
			{ type: 'cnn', convolutions: [1, 3], filters: [4, 20], depth: [0, 0], width: [16, 64] },
			{ type: 'cnn', filters: [4], hidden: [8], activation: ['relu', 'tanh'] },
			{ type: 'residual', blocks: [1, 2], width: 16 },
			{ type: 'layers', layers: [{ type: 'dense', units: 12 }] },
		];
		const { chosen } = chooseKinds(withTasks(families, ['adam']), datasetShape, 6);
		expect(chosen.map(({ network }) => network)).toEqual([
			'mlp, 1–4 layers of 16–128, relu or tanh',
			'196-8-10, tanh',
			'cnn, 1–3 convolutions of 4–20, 0 layers of 16–64',
			'14×14×1-conv4-pool-8-10, relu or tanh',
			'residual, 1–2 blocks a stage, width 16',
			'196-12-10',
		]);
	});

	it('are tested on tasks that no training reaches, drawn as those of the run are', () => {
		const config = parseConfig(PRESETS.standard);
		const family = config.tasks.networks[3]!;
		const tasks = kindTasks(config, datasetShape, family, { algorithm: 'sgd' }, 'evaluation', 6);
		const seeds = new Set(tasks.flatMap(({ networks }) => networks.map(({ seed }) => seed)));
		expect(seeds.size).toBe(6);
		for (const { spec, optimizer, pretraining, batchSize, horizon, networks } of tasks) {
			expect(spec.layers[0]?.type).toBe('conv');
			expect(optimizer).toEqual({ algorithm: 'sgd' });
			expect(pretraining).toBeUndefined();
			expect(config.tasks.batchSizes).toContain(batchSize);
			expect(config.tasks.horizon).toContain(horizon);
			expect(networks[0]?.layerMultipliers).toBeUndefined();
		}
		const tuning = kindTasks(config, datasetShape, family, { algorithm: 'sgd' }, 'tuning', 6);
		const training = iterationTasks(config, datasetShape, 0);
		for (const { networks } of [...tuning, ...training])
			for (const { seed } of networks) expect(seeds.has(seed)).toBe(false);
	});
});

describe('the table of an evaluation', () => {
	const config = withTasks(
		[
			{ type: 'mlp', hidden: [8] },
			{ type: 'mlp', depth: [1, 2], width: [4, 8] },
		],
		['adam', 'sgd', 'momentum'],
	);
	const policy = randomPolicy('feed-forward', 4);
	const evaluate = async (workers: number, kinds?: number | 'each') => {
		await using executor = openExecutor({ ...config, workers }, dataset);
		return await evaluatePolicy({ config, dataset, policy, executor, ...(kinds === undefined ? {} : { kinds }) });
	};

	it('is the same with kinds beside it and without, on any number of workers', async () => {
		const { seconds: _, ...alone } = await evaluate(0);
		expect(alone).not.toHaveProperty('kinds');
		expect(formatEvaluation({ ...alone, seconds: 1 })).not.toContain('kinds');
		const { seconds: __, kinds, ...rest } = await evaluate(0, 'each');
		expect(rest).toEqual(alone);
		expect((await evaluate(2, 'each')).kinds).toEqual(kinds);
		expect(kinds?.shown.map(({ network, optimizer }) => [network, optimizer])).toEqual([
			['mlp, 1–2 layers of 4–8', 'sgd'],
			['64-8-4', 'momentum'],
		]);
		expect(kinds?.leftOut).toHaveLength(3);
		for (const { rows, tuning } of kinds!.shown) {
			expect(rows.map(({ contender }) => contender)).toEqual(alone.rows.map(({ contender }) => contender));
			expect(tuning.grid.map(({ learningRate }) => learningRate)).toEqual(config.evaluation.tuningLearningRates);
			for (const { mean, cells } of rows) {
				expect(cells).toHaveLength(config.evaluation.learningRates.length);
				expect(mean).toBeCloseTo(cells.reduce((sum, cell) => sum + cell.mean, 0) / cells.length, 10);
			}
		}
	});

	it('says what was tested beside it, what was left out, and how to ask for that', async () => {
		const text = formatEvaluation(await evaluate(0, 1));
		expect(text).toMatch(/^mlp, 1–2 layers of 4–8 +sgd +\d/m);
		expect(text).toContain('(2 network families × 3 optimisers), 4 are left out here: --kinds 5 tests all of them');
		expect(text).toContain('--optimizer NAME or --set evaluation.network=…');
		expect(formatEvaluation(await evaluate(0, 99))).not.toContain('left out');
		expect(formatEvaluation(await evaluate(0, 0))).toContain('5 are left out here');
		await expect(evaluate(0, -1)).rejects.toThrow('Expected an integer of at least 0 for kinds');
		await expect(evaluate(0, 'all' as 'each')).rejects.toThrow('for kinds');
	});
});
