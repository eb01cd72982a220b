import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Config, parseConfig, resolveConfig } from '../../src/config/config.js';
import { PRESETS } from '../../src/config/presets.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { decidedEvery } from '../../src/evaluation/policy-contender.js';
import { QUICK_SUITE } from '../../src/evaluation/suites/definitions/quick-suite.js';
import { parseSuite } from '../../src/evaluation/suites/definitions/suite-spec.js';
import { evaluateSuite } from '../../src/evaluation/suites/evaluate-suite.js';
import { createLearner } from '../../src/learner/learner.js';
import { metaTrain, policySpec } from '../../src/meta-training/meta-train.js';
import { loadPolicy } from '../../src/policy/policy-file.js';
import { openExecutor } from '../../src/runs/open-executor.js';
import { RunDirectory } from '../../src/runs/run-directory.js';
import { fakeTask } from '../support/fake-population.js';
import { randomPolicy } from '../support/random-policy.js';
import { ganno } from '../support/run-ganno.js';
import { TINY } from '../support/tiny-config.js';

/** The adaptive learning-rate controller through the whole stack, on synthetic images. */

const folder = mkdtempSync(join(tmpdir(), 'ganno-adaptive-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dataset = syntheticDataset();
const tiny = {
	...TINY,
	controller: 'adaptive-lr',
	iterations: 4,
	environment: { multiplier: 1.5 },
	learner: { normalizerIterations: 2 },
	tasks: { ...TINY.tasks, horizon: 40, decisions: 4 },
} as const;

let runs = 0;
async function train(config: Config, stopAfter?: number, path = join(folder, `run-${runs++}`)): Promise<string> {
	using run = stopAfter === -1 ? RunDirectory.open(path) : RunDirectory.create(path, config);
	await using executor = openExecutor(config, dataset);
	const training = metaTrain({
		run,
		dataset,
		executor,
		onIteration: ({ iteration }) => {
			if (iteration === stopAfter) throw new Error('killed');
		},
	});
	if (stopAfter === undefined || stopAfter === -1) await training;
	else await expect(training).rejects.toThrow('killed');
	return path;
}

const policyBytes = (run: string) => readFileSync(join(run, 'policy.safetensors'));

describe('the learner of adaptive-lr', () => {
	it('shows its critic the progress of the episode, which the agent does not see', async () => {
		const config = parseConfig(tiny);
		const learner = await createLearner({ spec: policySpec(config), seed: 1, iterations: 4 });
		const inputs = (network: string) =>
			learner.state().tensors.find(({ name }) => name === `${network}/hidden1/kernel`)?.shape[0];
		expect([inputs('actor'), inputs('critic')]).toEqual([7, 8]);
		learner.dispose();
	});
});

describe('the config of adaptive-lr', () => {
	it('brings a decision every 10 steps, one agent, its action and its reward', () => {
		const config = parseConfig({ controller: 'adaptive-lr' });
		expect(config.environment).toMatchObject({
			granularity: 'network',
			action: 'continuous',
			reward: 'validation-loss',
			multiplier: 1.05,
		});
		expect(config.tasks.horizon[0]! / config.tasks.decisions[0]!).toBe(10);
		expect(policySpec(config)).toMatchObject({
			observation: 'network-v1',
			observationSize: 7,
			action: 'continuous',
			actions: 2,
			multiplier: 1.05,
			granularity: 'network',
		});
	});

	it('is weaker than anything that is said', () => {
		const config = resolveConfig([
			{ source: 'file', values: { controller: 'adaptive-lr', tasks: { decisions: 50 } } },
			{ source: 'flags', values: { environment: { action: 'three-way' } } },
		]);
		expect(config.tasks.decisions).toEqual([50]);
		expect(policySpec(config)).toMatchObject({ action: 'three-way', actions: 3 });
		const preset = resolveConfig([{ source: 'preset', values: PRESETS['adaptive-lr'] }]);
		expect(preset).toMatchObject({ controller: 'adaptive-lr', dataset: 'fashion-mnist' });
	});

	it('leaves that of ganno as it was', () => {
		expect(policySpec(parseConfig({}))).toEqual({
			network: 'feed-forward',
			observation: 'layer-v1',
			observationSize: 23,
			action: 'compounding',
			actions: 9,
			hiddenUnits: 64,
			granularity: 'layer',
		});
	});

	it.each([
		[
			{ controller: 'adaptive-lr', environment: { action: 'coarse' } },
			/'three-way' or 'continuous' for environment\.action/,
		],
		[{ controller: 'adaptive-lr', environment: { granularity: 'layer' } }, /'network' for environment\.granularity/],
		[{ environment: { action: 'continuous' } }, /for environment\.action with controller 'layerwise'/],
		[{ environment: { multiplier: 1 } }, /above 1 and at most 100 for environment\.multiplier/],
		[{ controller: 'xu' }, /one of 'layerwise', 'adaptive-lr' for controller/],
	])('refuses what does not go together: %o', (values, message) => {
		expect(() => parseConfig(values)).toThrow(message);
	});
});

describe.each(['continuous', 'three-way'] as const)('meta-training with %s actions', (action) => {
	const config = (workers: number) => parseConfig({ ...tiny, workers, environment: { ...tiny.environment, action } });

	it('gives the same bits for any number of workers, and another policy than it began with', async () => {
		const [none, two] = [await train(config(0)), await train(config(2))];
		expect(policyBytes(two)).toEqual(policyBytes(none));
		const { spec, parameters } = loadPolicy(join(none, 'policy.safetensors'));
		expect(spec).toMatchObject({ observation: 'network-v1', action, multiplier: 1.5 });
		expect(loadPolicy(join(none, 'initial-policy.safetensors')).parameters).not.toEqual(parameters);
	});

	it('goes on after a kill to the same bits', async () => {
		const whole = await train(config(0));
		const broken = await train(config(0), 2);
		await train(config(0), -1, broken);
		expect(policyBytes(broken)).toEqual(policyBytes(whole));
	});
});

describe('evaluation', () => {
	it('lets a suite hold it against the rest, deciding as often as it is used to', async () => {
		const run = await train(parseConfig({ ...tiny, workers: 0 }));
		const xu = loadPolicy(join(run, 'policy.safetensors'));
		const quick = parseSuite(QUICK_SUITE, 'quick');
		const results = await evaluateSuite({
			suite: { ...quick, tasks: quick.tasks.slice(0, 1) },
			seeds: 'reporting',
			policies: [
				{ name: 'learned', policy: { ...randomPolicy(), training: {} } },
				{ name: 'xu', policy: xu },
			],
			config: parseConfig({ workers: 0 }),
			out: join(folder, 'suite.json'),
		});
		expect(results.contenders.slice(0, 2)).toEqual([
			{ name: 'learned', kind: 'learned' },
			{ name: 'xu', kind: 'learned' },
		]);
		expect(results.policies[1]).toMatchObject({ name: 'xu', granularity: 'network', action: 'continuous' });
		const decisions = (name: string) =>
			results.trajectories
				.filter(({ contender }) => contender === name)
				.map(({ learningRates }) => learningRates.length);
		expect(new Set(decisions('xu'))).toEqual(new Set([4])); // 40 steps
		expect(new Set(decisions('learned'))).toEqual(new Set([10]));
		for (const { learningRates, contender } of results.trajectories) {
			if (contender === 'xu') for (const row of learningRates) expect(new Set(row).size).toBe(1);
		}
		const own = results.runs.filter(({ contender }) => contender === 'xu');
		expect(own).toHaveLength(results.runs.filter(({ contender }) => contender === 'learned').length);
		for (const { finalTest } of own) expect(finalTest).toBeGreaterThanOrEqual(0);
	});

	it('finds an interval that divides the horizon', () => {
		const interval = (horizon: number, steps?: number) =>
			decidedEvery(fakeTask({ horizon, interval: horizon }), steps).interval;
		expect(interval(500, 10)).toBe(10);
		expect(interval(96, 10)).toBe(8);
		expect(interval(7, 10)).toBe(7);
		expect(interval(500)).toBe(500);
	});
});

describe('ganno train --controller adaptive-lr', () => {
	it('writes a policy that info and evaluate understand', async () => {
		const run = join(folder, 'cli');
		const file = join(folder, 'tiny.json');
		const { controller: _, ...settings } = tiny;
		writeFileSync(file, JSON.stringify(settings));
		const common = ['--config', file, '--workers', '0'];
		const trained = await ganno([
			'train',
			'--controller',
			'adaptive-lr',
			...common,
			'--iterations',
			'2',
			'--run-dir',
			run,
		]);
		expect(trained.stderr + trained.stdout).toContain('Policy:');
		expect(trained.code).toBe(0);
		const info = await ganno(['info', join(run, 'policy.safetensors')]);
		expect(info.stdout).toContain('7 features of the network (network-v1)');
		expect(info.stdout.replaceAll(/\s+/g, ' ')).toContain('times any factor from 1/1.5 to 1.5');
		const evaluated = await ganno(['evaluate', run, '--workers', '0']);
		expect(evaluated.stdout).toContain('learned');
		expect(evaluated.code).toBe(0);
		const resumed = await ganno(['train', '--resume', run, '--iterations', '3']);
		expect(resumed.code).toBe(0);
	});

	it('starts from the preset of the controller that the file names', async () => {
		const run = join(folder, 'from-file');
		const file = join(folder, 'agent.json');
		writeFileSync(file, JSON.stringify(tiny));
		const { code } = await ganno(['train', '--config', file, '--workers', '0', '--iterations', '1', '--run-dir', run]);
		expect(code).toBe(0);
		const { learner } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
		expect(learner.lambda).toBe(PRESETS['adaptive-lr'].learner.lambda);
	});

	it('says what does not go together', async () => {
		const { code, stderr } = await ganno(['train', '--controller', 'adaptive-lr', '--action', 'coarse']);
		expect(code).not.toBe(0);
		expect(stderr).toContain(
			"Expected 'three-way' or 'continuous' for environment.action with controller 'adaptive-lr'",
		);
	});
});
