import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { policySummary } from '../../src/cli/policy-summary.js';
import { type ConfigInput, parseConfig } from '../../src/config/config.js';
import { readConfigFile } from '../../src/config/config-load.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { readEvaluation, writeEvaluation } from '../../src/evaluation/evaluation-result.js';
import { formatEvaluation } from '../../src/evaluation/evaluation-table.js';
import { parseSuite } from '../../src/evaluation/suites/definitions/suite-spec.js';
import { evaluateSuite, journalPath } from '../../src/evaluation/suites/evaluate-suite.js';
import { formatResults, parseResults } from '../../src/evaluation/suites/suite-results.js';
import { readSafetensors } from '../../src/files/safetensors.js';
import { createLearner, type LearnerStateRecord } from '../../src/learner/learner.js';
import { CLOCK_METRICS } from '../../src/meta-training/iteration-metrics.js';
import { metaTrain } from '../../src/meta-training/meta-train.js';
import { native, packageRoot } from '../../src/native.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import type { Policy, PolicySnapshot } from '../../src/policy/policy.js';
import { policyDigest } from '../../src/policy/policy-digest.js';
import { loadPolicy, savePolicy } from '../../src/policy/policy-file.js';
import { RunDirectory, readLatestCheckpoint, readMetrics, readRunConfig } from '../../src/runs/run-directory.js';
import { ganno } from '../support/run-ganno.js';

/** Written by ganno 0.1 (commit a96ed25) on synthetic images; `expected.json` holds the digests that it computed. */
const fixtures = join(packageRoot, 'test', 'fixtures', '0.1');
const folder = mkdtempSync(join(tmpdir(), 'ganno-0.1-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Expected {
	readonly policies: Readonly<Record<string, { digest: string; numbers: string; outputs: string }>>;
	readonly runs: Readonly<Record<string, { numbers: string; metrics: string }>>;
}
const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as Expected;
const json = (...path: string[]): Record<string, unknown> =>
	JSON.parse(readFileSync(join(fixtures, ...path), 'utf8')) as Record<string, unknown>;

const sha = (...data: readonly (string | Float32Array)[]): string => {
	const hash = createHash('sha256');
	for (const part of data) hash.update(part);
	return hash.digest('hex');
};
const numbersOf = ({ parameters, normalizerMean, normalizerStandardDeviation }: PolicySnapshot): string =>
	sha(parameters, normalizerMean, normalizerStandardDeviation);

/** Of two decisions in a row. */
function outputsOf(policy: PolicySnapshot): string {
	const inference = createPolicyInference(policy);
	const generator = new PhiloxGenerator(1, 'task', 0);
	const rows = 6;
	const observations = Float32Array.from({ length: rows * policy.spec.observationSize }, () =>
		generator.uniform(-2, 2),
	);
	const state = new Float32Array(rows * inference.stateSize);
	const outputs = new Float32Array(rows * policy.spec.actions);
	for (let decision = 0; decision < 2; decision++) inference.forward(observations, rows, state, outputs);
	return sha(outputs);
}

const fileOf = (name: string): string =>
	name.startsWith('shipped ') ? name.slice('shipped '.length) : join(fixtures, 'policies', `${name}.safetensors`);

describe('a policy of 0.1', () => {
	it.each(Object.entries(expected.policies))(
		'%s has the same numbers, outputs and digest, also when it is saved again',
		(name, { digest, numbers, outputs }) => {
			const again = join(folder, 'again.safetensors');
			const policy = loadPolicy(fileOf(name));
			savePolicy(again, policy);
			expect(readSafetensors(again).metadata).toMatchObject({ format: 'ganno-policy', version: '2' });
			expect(loadPolicy(again)).toEqual(policy);
			expect(numbersOf(policy)).toBe(numbers);
			expect(outputsOf(policy)).toBe(outputs);
			expect(policyDigest(policy)).toBe(digest);
		},
	);

	it.each([
		['layerwise', 'layer', "an agent per layer sets that layer's learning rate"],
		['recurrent', 'layer', 'GRU 4'],
		['weight-decay', 'layer', 'and weight-decay of 0, 0.001, 0.01'],
		['one-action', 'network', 'one agent sets all learning rates'],
		['adaptive-lr', 'network', '7 features of the network'],
	])('%s states its granularity and its settings in the words of now', (name, granularity, fact) => {
		const policy = loadPolicy(fileOf(name));
		expect(policy.spec.granularity).toBe(granularity);
		expect(policy.spec).not.toHaveProperty('agents');
		const { controller, environment } = parseConfig(policy.training.config as ConfigInput);
		expect(controller).toBe(name === 'adaptive-lr' ? 'adaptive-lr' : 'layerwise');
		expect(environment.granularity).toBe(granularity);
		expect(policySummary(policy, name, fileOf(name)).replaceAll(/\s+/g, ' ')).toContain(fact);
	});
});

describe.each(Object.entries(expected.runs))('the run %s of 0.1', (name, { numbers, metrics }) => {
	const of01 = join(fixtures, 'meta-training', name);

	// Without fused multiply–adds networks train to other last bits.
	it.skipIf(native().cpuTier() === 'baseline')('goes on from its checkpoint to the same bits', async () => {
		const path = join(folder, name);
		cpSync(of01, path, { recursive: true });
		using run = RunDirectory.open(path);
		expect(run.config.controller).toBe(name === 'adaptive-lr' ? 'adaptive-lr' : 'layerwise');
		const { policyPath, iterations } = await metaTrain({ run, dataset: syntheticDataset() });
		expect(iterations).toBe(4);
		expect(numbersOf(loadPolicy(policyPath))).toBe(numbers);
		const learned = readMetrics(run.file('metrics')).map((record) =>
			JSON.stringify(Object.fromEntries(Object.entries(record).filter(([key]) => !CLOCK_METRICS.includes(key)))),
		);
		expect(sha(learned.join('\n'))).toBe(metrics);
		expect(readLatestCheckpoint(path)?.metadata).toMatchObject({ format: 'ganno-checkpoint', version: '2' });
	});

	it('keeps its settings when they are written again, and a copy of them serves as --config', () => {
		const path = join(folder, `${name} changed`);
		cpSync(of01, path, { recursive: true });
		const { iterations, ...others } = readRunConfig(path);
		expect(iterations).toBe(4);
		RunDirectory.open(path, { source: 'the test', values: { iterations: 9 } }).close();
		const file = join(path, 'config.json');
		expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ format: 'ganno-run', version: 2, iterations: 9 });
		expect(readRunConfig(path)).toEqual({ ...others, iterations: 9 });
		expect(parseConfig(readConfigFile(file).values)).toEqual({ ...others, iterations: 9 });
	});
});

describe('results of 0.1', () => {
	it('of an evaluation are read, and written with their version', () => {
		const table = readEvaluation(join(fixtures, 'meta-training', 'layerwise', 'evaluation.json'));
		expect(table).toEqual(json('meta-training', 'layerwise', 'evaluation.json'));
		expect(formatEvaluation(table)).toContain('cosine, tuned');
		const again = join(folder, 'evaluation.json');
		writeEvaluation(again, table);
		expect(JSON.parse(readFileSync(again, 'utf8'))).toMatchObject({ format: 'ganno-evaluation', version: 2 });
		expect(readEvaluation(again)).toEqual(table);
	});

	it('of a suite are read, and their cells are not made again', async () => {
		const text = readFileSync(join(fixtures, 'suite', 'results.json'), 'utf8');
		const results = parseResults(text);
		expect(results.policies.map(({ granularity }) => granularity)).toEqual(['layer', 'network']);
		expect(results.policies[1]?.training).toMatchObject({ config: { controller: 'layerwise' } });
		expect(parseResults(formatResults(results))).toEqual(results);

		const out = join(folder, 'results.json');
		const cells = readFileSync(join(fixtures, 'suite', 'results.json.partial'));
		writeFileSync(journalPath(out), cells);
		const policies = ['layerwise', 'one-action'].map((name): { name: string; policy: Policy } => ({
			name,
			policy: loadPolicy(fileOf(name)),
		}));
		const again = await evaluateSuite({
			suite: parseSuite(results.suite, 'the fixture'),
			policies,
			config: parseConfig({ workers: 0, dataset: 'synthetic' }),
			seeds: results.seeds,
			out,
			resume: true,
			keepCells: true,
		});
		expect(readFileSync(journalPath(out))).toEqual(cells);
		expect(again.runs).toEqual(results.runs);
		expect(again.policies).toEqual(results.policies);
	});

	it('of the held-out suite are read', () => {
		const path = join(packageRoot, 'bench', 'results', 'suite-held-out.json');
		const { policies, version } = parseResults(readFileSync(path, 'utf8'), path);
		expect(version).toBe(2);
		expect(policies.map(({ name, granularity }) => [name, granularity])).toContainEqual(['one action', 'network']);
	});

	it('of a search are gone on with to the same log', async () => {
		const path = join(folder, 'search');
		cpSync(join(fixtures, 'search'), path, { recursive: true });
		const log = readFileSync(join(path, 'search.jsonl'), 'utf8');
		const lines = log.split('\n');
		writeFileSync(join(path, 'search.jsonl'), `${lines.slice(0, 2).join('\n')}\n`);
		const { code, stderr } = await ganno(['search', '--resume', path]);
		expect(code, stderr).toBe(0);
		expect(readFileSync(join(path, 'search.jsonl'), 'utf8')).toBe(log);
	});
});

it('a learner goes on from a state that a program kept under 0.1', async () => {
	const record = json('learner-record.json') as unknown as LearnerStateRecord;
	const { spec } = loadPolicy(fileOf('layerwise'));
	const learner = await createLearner({ spec, seed: record.seed, iterations: 2 });
	const { tensors, record: own } = learner.state();
	expect(own).toEqual({ ...record, ppo: { ...record.ppo, valueClip: 0 }, spec, version: 2 });
	learner.restore({ tensors, record });
	expect(learner.state().record).toEqual(own);
	learner.dispose();
});

describe('a later version is refused by name', () => {
	const future = (content: object) => {
		const path = join(folder, 'future.json');
		writeFileSync(path, JSON.stringify({ ...content, version: 3 }));
		return path;
	};

	it.each<[string, () => unknown]>([
		['evaluation', () => readEvaluation(future({ format: 'ganno-evaluation' }))],
		['run', () => readConfigFile(future({ format: 'ganno-run' }), 'ganno-run')],
		['search', () => readConfigFile(future({ format: 'ganno-search' }), 'ganno-search')],
		['suite results', () => parseResults(readFileSync(future({ format: 'ganno-suite-results' }), 'utf8'))],
	])('%s', (what, read) => {
		expect(read).toThrow(`it has version 3 of the ${what} format. Use a newer version of ganno`);
		expect(read).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
	});
});

it('no fixture is left out', () => {
	const names = readdirSync(join(fixtures, 'policies')).map((file) => file.replace('.safetensors', ''));
	expect(Object.keys(expected.policies)).toEqual(expect.arrayContaining(names));
	expect(readdirSync(join(fixtures, 'meta-training')).sort()).toEqual(Object.keys(expected.runs).sort());
});
