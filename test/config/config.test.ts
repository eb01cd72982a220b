import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configReference, configSchema, parseConfig, resolveConfig } from '../../src/config/config.js';
import { describeOrigin } from '../../src/config/config-changes.js';
import { type ConfigLayer, parseAssignment, readConfigFile } from '../../src/config/config-load.js';
import { jsonSchema } from '../../src/config/json-schema.js';
import { PRESET_NAMES, PRESETS } from '../../src/config/presets.js';
import { openDataset } from '../../src/runs/open-dataset.js';
import { searchConfigSchema } from '../../src/search/search-config.js';
import { SEARCH_PRESETS } from '../../src/search/search-presets.js';
import { valueAt } from '../../src/settings/setting-values.js';

function messageOf(action: () => unknown): string {
	try {
		action();
	} catch (error) {
		expect((error as { code?: string }).code).toBe('INVALID_CONFIG');
		return (error as Error).message;
	}
	throw new Error('nothing was thrown');
}

describe('the config', () => {
	it('is complete without any input', () => {
		const config = parseConfig({});
		expect(config.dataset).toBe('fashion-mnist');
		expect(config.tasks.horizon).toEqual([500]);
		expect(config.tasks.decisions).toEqual([20]);
	});

	it('gives every key a description, what is expected and a default that its own schema accepts', () => {
		const keys = configReference();
		expect(keys.length).toBeGreaterThan(40);
		for (const { key, description, expected, default: value } of keys) {
			expect(description, key).not.toBe('');
			expect(expected, key).not.toBe('');
			const assigned = parseAssignment(`${key}=${JSON.stringify(value)}`);
			expect(() => parseConfig(assigned), key).not.toThrow();
		}
	});

	it.each(PRESET_NAMES)('accepts the preset %s', (name) => {
		expect(() => resolveConfig([{ source: name, values: PRESETS[name] }])).not.toThrow();
	});

	it('lets a file overrule the preset and the command line overrule both, key by key', () => {
		const config = resolveConfig([
			{ source: 'preset', values: { seed: 1, tasks: { horizon: 100, decisions: 10 }, learner: { clip: 0.1 } } },
			{ source: 'file', values: { seed: 2, tasks: { horizon: 200 } } },
			{ source: 'flags', values: { seed: 3 } },
		]);
		expect(config.seed).toBe(3);
		expect(config.tasks.horizon).toEqual([200]);
		expect(config.tasks.decisions).toEqual([10]);
		expect(config.learner.clip).toBe(0.1);
	});

	it('replaces lists and networks whole', () => {
		const config = resolveConfig([
			{ source: 'preset', values: PRESETS.standard },
			{
				source: 'flags',
				values: { evaluation: { network: { type: 'mlp', hidden: [8] } }, tasks: { batchSizes: [4] } },
			},
		]);
		expect(config.evaluation.network).toEqual({ type: 'mlp', hidden: [8] });
		expect(config.tasks.batchSizes).toEqual([4]);
	});

	it.each([
		[{ learner: { clip: 'wide' } }, 'learner.clip', '"wide"', 'a number above 0 and at most 1'],
		[{ iterations: -1 }, 'iterations', '-1', 'an integer from 0 to 10000000'],
		[{ iterations: 1.5 }, 'iterations', '1.5', 'an integer'],
		[{ dataset: 'imagenet' }, 'dataset', '"imagenet"', "one of 'fashion-mnist'"],
		[{ tasks: { batchSizes: [] } }, 'tasks.batchSizes', '[]', 'a list of integers'],
		[{ tasks: { batchSizes: [32, 'x'] } }, 'tasks.batchSizes.1', '"x"', 'a list of integers'],
		[
			{ tasks: { initialLearningRates: [1, 0.1] } },
			'tasks.initialLearningRates',
			'[1,0.1]',
			'[low, high], two ascending numbers',
		],
		[{ tasks: 7 }, 'tasks', '7', 'an object of settings'],
		[{ device: 'gpu' }, 'device', '"gpu"', "'auto', 'cpu'"],
		[{ precision: 'half' }, 'precision', '"half"', "one of 'float32', 'tf32'"],
		[
			{ tasks: { networks: [{ type: 'mlp', depth: 3 }] } },
			'tasks.networks.0.width',
			'nothing',
			'a list of network families',
		],
	])('names key, value, source and what was expected: %j', (values, key, value, expected) => {
		const message = messageOf(() => resolveConfig([{ source: 'mine.json', values }]));
		expect(message).toContain(` for ${key} but received ${value}`);
		expect(message).toContain(`Expected ${expected}`);
		expect(message).toContain('in mine.json');
	});

	it("takes precision 'tf32' with CUDA devices only", () => {
		expect(messageOf(() => parseConfig({ precision: 'tf32' }))).toMatch(
			/^Expected 'cuda:N' for device with precision 'tf32' but received "auto" in the config$/,
		);
		expect(parseConfig({ precision: 'tf32', device: 'cuda:0,cuda:1' }).precision).toBe('tf32');
	});

	it('tells all faults at once, each with its own source', () => {
		const message = messageOf(() =>
			resolveConfig([
				{ source: 'mine.json', values: { seed: -1 } },
				{ source: 'the command line', values: { iterations: 'many' } },
			]),
		);
		expect(message).toMatch(/for seed but received -1 in mine\.json/);
		expect(message).toMatch(/for iterations but received "many" in the command line/);
	});

	it('names an unknown key and the known one it resembles', () => {
		const message = messageOf(() => resolveConfig([{ source: 'mine.json', values: { tasks: { horizn: 100 } } }]));
		expect(message).toBe('Unknown config key tasks.horizn in mine.json. Did you mean tasks.horizon?');
	});

	it.each([
		[
			{ agent: 'ganno' },
			"Unknown config key agent in mine.json: it is called controller now, and its value 'ganno' is 'layerwise'.",
		],
		[
			{ environment: { agents: 'one' } },
			"Unknown config key environment.agents in mine.json: it is called environment.granularity now, and its value 'layerwise' is 'layer', 'one' is 'network'.",
		],
		[
			{ controller: 'ganno' },
			"Expected one of 'layerwise', 'adaptive-lr' for controller but received \"ganno\" in mine.json. It is called 'layerwise' now",
		],
		[
			{ environment: { granularity: 'one' } },
			"Expected one of 'layer', 'network' for environment.granularity but received \"one\" in mine.json. It is called 'network' now",
		],
	])('names the new word in place of that of an earlier version: %j', (values, message) => {
		expect(messageOf(() => resolveConfig([{ source: 'mine.json', values }]))).toBe(message);
	});

	it('names the fault of the kind of network that was meant', () => {
		const message = (network: object) => messageOf(() => parseConfig({ tasks: { networks: [network] } }));
		expect(message({ type: 'mlp', hidden: [4, 0] })).toContain('for tasks.networks.0.hidden.1 but received 0');
		expect(message({ type: 'mlp', depth: [1, 2], width: [8, 4] })).toContain('for tasks.networks.0.width but');
		expect(message({ type: 'mlp', hidden: [4], widht: 3 })).toContain('Unknown config key tasks.networks.0.widht');
		expect(message({ type: 'rnn' })).toContain(
			"for tasks.networks.0.type but received \"rnn\" in the config (expected one of 'mlp', 'cnn', 'residual', 'layers')",
		);
	});

	it('refuses decisions that do not divide the horizon', () => {
		const message = messageOf(() => parseConfig({ tasks: { horizon: 100, decisions: 7 } }));
		expect(message).toContain(
			'Expected a divisor of the horizon (100) for tasks.decisions but received 7 in the config',
		);
	});

	it('checks every pair of a horizon and a number of decisions', () => {
		const message = messageOf(() => parseConfig({ tasks: { horizon: [200, 300], decisions: [10, 40] } }));
		expect(message).toContain(
			'Expected a divisor of the horizon (300) for tasks.decisions but received 40 in the config',
		);
	});

	it('refuses batches that a slice cannot fill', () => {
		const message = messageOf(() => parseConfig({ tasks: { batchSizes: [16, 256], sliceSize: [0, 200] } }));
		expect(message).toContain(
			'Expected at least the largest of the batch sizes (256) for tasks.sliceSize but received 200',
		);
	});

	it.each([
		{ type: 'mlp', depth: [1, 2], width: [8, 8] },
		{ type: 'residual', blocks: [1, 2], width: 8 },
		{ type: 'mlp', hidden: [8], activation: ['relu', 'tanh'] },
	])('refuses to evaluate on a network that is still to be drawn: %j', (network) => {
		expect(messageOf(() => parseConfig({ evaluation: { network } }))).toMatch(
			/Expected one network.* for evaluation\.network/,
		);
	});

	it('takes optimisers with hyper-parameters and initial learning rates of their own', () => {
		const rich = { algorithm: 'momentum', hyperparameters: { momentum: 0.95 }, initialLearningRates: [1e-4, 1] };
		expect(parseConfig({ tasks: { optimizers: ['adam', rich] } }).tasks.optimizers).toEqual(['adam', rich]);
		const wrong = { algorithm: 'momentum', hyperparameters: { beta1: 0.9 } };
		expect(messageOf(() => parseConfig({ tasks: { optimizers: [wrong] } }))).toMatch(
			/^tasks\.optimizers\.0 in the config: .*beta1/,
		);
	});

	it('says what is wrong with a config file', () => {
		const folder = mkdtempSync(join(tmpdir(), 'ganno-config-'));
		const write = (text: string): string => {
			const path = join(folder, 'config.json');
			writeFileSync(path, text);
			return path;
		};
		expect(messageOf(() => readConfigFile(join(folder, 'none.json')))).toMatch(/none\.json cannot be read: ENOENT/);
		expect(messageOf(() => readConfigFile(write('{ "seed": 1,')))).toMatch(/no valid JSON/);
		expect(messageOf(() => readConfigFile(write('[1]')))).toMatch(/must hold one JSON object/);
	});

	it('reads assignments: JSON where it parses, else a word', () => {
		expect(parseAssignment('learner.clip=0.1')).toEqual({ learner: { clip: 0.1 } });
		expect(parseAssignment('dataset=mnist')).toEqual({ dataset: 'mnist' });
		expect(parseAssignment('tasks.batchSizes=[8,16]')).toEqual({ tasks: { batchSizes: [8, 16] } });
		expect(messageOf(() => parseAssignment('learner.clip'))).toContain('Expected KEY=VALUE for --set');
	});

	it('stands in the documentation, key by key, as it is', () => {
		const page = readFileSync(new URL('../../docs/meta-training.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');
		for (const { key, default: value } of configReference()) {
			expect(page, key).toContain(`| \`${key}\` | \`${JSON.stringify(value)}\` |`);
		}
	});
});

describe('the JSON Schema of config files', () => {
	const SCHEMAS = [
		['schema/config.json', configSchema, PRESETS],
		['schema/search.json', searchConfigSchema, SEARCH_PRESETS],
	] as const;

	it.each(SCHEMAS)('%s is what follows from the settings (scripts/config-reference prints it)', (path, schema) => {
		const stored: unknown = JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
		const { title } = stored as { title: string };
		expect(stored).toEqual(JSON.parse(JSON.stringify(jsonSchema(schema, title))));
	});

	it.each(SCHEMAS)('%s takes every preset, and nothing that is misspelt', (path, _, presets) => {
		const stored = JSON.parse(
			readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'),
		) as z.core.JSONSchema.JSONSchema;
		const schema = z.fromJSONSchema(stored);
		for (const [name, preset] of Object.entries(presets)) {
			expect(schema.safeParse({ $schema: `../${path}`, ...preset }).error, name).toBeUndefined();
			for (const wrong of [
				{ sede: 1 },
				{ seed: 'one' },
				{ learner: { learningRat: 1 } },
				{ learner: { discount: 2 } },
			]) {
				expect(schema.safeParse({ ...preset, ...wrong }).success, name).toBe(false);
			}
		}
	});

	it('lets a file name it', () => {
		const path = join(mkdtempSync(join(tmpdir(), 'ganno-schema-')), 'config.json');
		writeFileSync(path, '{"$schema":"./node_modules/ganno/schema/config.json","seed":3}');
		expect(resolveConfig([readConfigFile(path)]).seed).toBe(3);
	});
});

it.each(PRESET_NAMES)('the preset %s can be tried on the synthetic data set, which needs no files', async (name) => {
	const config = parseConfig({ ...PRESETS[name], dataset: 'synthetic' });
	const { splits } = await openDataset(config);
	expect(splits.train.length).toBeGreaterThanOrEqual(Math.max(...config.tasks.sliceSize));
	expect(splits.validation.length).toBeGreaterThanOrEqual(config.tasks.validationSize);
});

describe('what the settings of a run start from', () => {
	const originOf = (layers: readonly ConfigLayer[], base: readonly ConfigLayer[] = []) =>
		describeOrigin(
			{ base: 'Preset p', from: resolveConfig(base), to: resolveConfig([...base, ...layers]), layers },
			configReference(),
		);

	it('is told with every change and who made it', () => {
		expect(originOf([])).toBe('Preset p.');
		expect(originOf([{ source: 'the command line', values: {} }])).toBe('Preset p.');
		expect(originOf([{ source: 'mine.json', values: { iterations: 200 } }])).toBe(
			'Preset p; mine.json changed nothing of it.',
		);
		const file = { source: 'mine.json', values: { iterations: 5, tasks: { horizon: [40, 60], decisions: 4 } } };
		const line = { source: 'the command line', values: { seed: 7, environment: { secondControl: 'weight-decay' } } };
		expect(originOf([file, line])).toBe(
			'Preset p, changed by mine.json and the command line: seed 0 → 7, iterations 200 → 5, tasks.horizon 500 → [40,60], tasks.decisions 20 → 4, environment.secondControl "none" → "weight-decay".',
		);
	});

	it('is one line, however much was changed', () => {
		const base = [{ source: 'quick', values: PRESETS.quick }];
		for (const name of PRESET_NAMES) {
			const told = originOf(
				[{ source: 'all.json', values: resolveConfig([{ source: name, values: PRESETS[name] }]) }],
				base,
			);
			expect(told).toMatch(/^Preset p[,;] (changed by )?all\.json[^\n]{0,1200}\.$/);
		}
	});

	it('names each key of the config whose value was changed', () => {
		const from = resolveConfig([]);
		for (const { key } of configReference()) {
			const to = structuredClone(from);
			const path = key.split('.');
			const section = path.slice(0, -1).reduce<unknown>((inner, part) => valueAt(inner, [part]), to);
			(section as Record<string, unknown>)[path.at(-1)!] = 'other';
			const told = describeOrigin({ base: 'B', from, to, layers: [] }, configReference());
			expect(told).toContain(`: ${key} `);
			expect(told).toContain(' → "other".');
		}
	});
});
