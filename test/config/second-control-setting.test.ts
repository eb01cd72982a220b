import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../src/config/config.js';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import type { Controller } from '../../src/environment/controller.js';
import { QUICK_SUITE } from '../../src/evaluation/suites/definitions/quick-suite.js';
import { parseSuite } from '../../src/evaluation/suites/definitions/suite-spec.js';
import { evaluateSuite } from '../../src/evaluation/suites/evaluate-suite.js';
import { metaTrain, policySpec } from '../../src/meta-training/meta-train.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { loadPolicy } from '../../src/policy/policy-file.js';
import { openExecutor } from '../../src/runs/open-executor.js';
import { RunDirectory } from '../../src/runs/run-directory.js';
import { heldOutTasks } from '../../src/runs/sample-tasks.js';
import { policySpec as plainSpec, randomSnapshot } from '../support/policies.js';
import { ganno } from '../support/run-ganno.js';
import { TINY } from '../support/tiny-config.js';

/** A second control through the whole stack, on synthetic images. */

const folder = mkdtempSync(join(tmpdir(), 'ganno-second-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dataset = syntheticDataset();
const secondControl = 'weight-decay';

const settings = (workers: number, environment: object = {}) => ({
	...TINY,
	workers,
	iterations: 2,
	tasks: { ...TINY.tasks, optimizers: ['adamw'] },
	environment: { ...environment, secondControl },
});

let runs = 0;
async function train(config: Config): Promise<string> {
	const path = join(folder, `run-${runs++}`);
	using run = RunDirectory.create(path, config);
	await metaTrain({ run, dataset });
	return join(path, 'policy.safetensors');
}

describe('the config', () => {
	it('means no second control where it says nothing, and policies say nothing of it', () => {
		for (const environment of [{}, { secondControl: 'none' }]) {
			const config = parseConfig({ environment });
			expect(config.environment.secondControl).toBe('none');
			expect(policySpec(config)).not.toHaveProperty('secondControl');
			expect(config).toEqual(parseConfig({}));
			expect(JSON.stringify(policySpec(config))).toBe(JSON.stringify(policySpec(parseConfig({}))));
		}
	});

	it('makes the policy one of three times as many actions', () => {
		const config = parseConfig(settings(0, { action: 'coarse' }));
		expect(policySpec(config)).toMatchObject({ action: 'coarse', actions: 27, secondControl });
		expect(parseConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
	});

	it('refuses one that there is not', () => {
		const environment = { secondControl: 'epsilon' };
		expect(() => parseConfig({ environment })).toThrow(/one of 'none', 'weight-decay' for environment\.secondControl/);
	});

	it('refuses it to adaptive-lr', () => {
		const values = { controller: 'adaptive-lr', environment: { secondControl: 'weight-decay' } };
		expect(() => parseConfig(values)).toThrow(/'none' for environment\.secondControl with controller 'adaptive-lr'/);
	});
});

describe('meta-training with a second control', () => {
	it('gives the same bits for any number of workers, and another policy than it began with', async () => {
		const [none, two] = [await train(parseConfig(settings(0))), await train(parseConfig(settings(2)))];
		expect(readFileSync(two)).toEqual(readFileSync(none));
		const { spec, parameters } = loadPolicy(none);
		expect(spec).toMatchObject({ actions: 27, secondControl });
		expect(loadPolicy(none.replace('policy.safe', 'initial-policy.safe')).parameters).not.toEqual(parameters);
	});

	it('goes with one agent, recurrent networks and a base schedule', async () => {
		const environment = { granularity: 'network', action: 'coarse', baseSchedule: 'cosine' };
		const config = parseConfig({
			...settings(0, environment),
			policy: { network: 'recurrent', hiddenUnits: 8 },
		});
		expect(loadPolicy(await train(config)).spec).toMatchObject({
			granularity: 'network',
			secondControl,
			network: 'recurrent',
		});
	});

	it('runs a policy of its own kind only', async () => {
		const config = parseConfig(settings(0));
		await using executor = openExecutor(config, dataset);
		const rollouts = executor.collect(heldOutTasks(config, dataset, 1), randomSnapshot(plainSpec()));
		await expect(
			(async () => {
				for await (const _ of rollouts);
			})(),
		).rejects.toThrow(
			`The policy has secondControl: undefined but the environment has secondControl: '${secondControl}'`,
		);
	});
});

describe('a policy with a second control', () => {
	const snapshot = randomSnapshot(plainSpec({ actions: 27, secondControl }));

	it('acts in an evaluation, whatever the environments of the executor are for', async () => {
		const config = parseConfig({ ...TINY, workers: 0 });
		await using executor = openExecutor(config, dataset);
		const [task] = heldOutTasks(config, dataset, 1);
		const lossAt = async (level: number): Promise<Float32Array> => {
			const policy = { ...snapshot, parameters: new Float32Array(snapshot.parameters.length) };
			policy.parameters[policy.parameters.length - 27 + level * 9 + 4] = 1; // its output bias, the only one above 0
			for await (const { outcomes } of executor.evaluate([{ task: task!, method: { type: 'policy', policy } }])) {
				return outcomes.slice();
			}
			throw new Error('no result');
		};
		const [none, usual, large] = [await lossAt(0), await lossAt(1), await lossAt(2)];
		expect(none).not.toEqual(usual);
		expect(usual).not.toEqual(large);
	});

	it('takes part in a suite', async () => {
		const quick = parseSuite(QUICK_SUITE, 'quick');
		const results = await evaluateSuite({
			suite: { ...quick, tasks: quick.tasks.slice(0, 1) },
			seeds: 'reporting',
			policies: [{ name: 'learned', policy: { ...snapshot, training: {} } }],
			config: parseConfig({ workers: 0 }),
			out: join(folder, 'suite.json'),
		});
		expect(results.runs.filter(({ contender }) => contender === 'learned').length).toBeGreaterThan(0);
	});

	it('is refused by a LayerwiseController, which sets learning rates only', () => {
		const options = { learningRate: 1e-3, horizon: 100, interval: 10 };
		expect(() => LayerwiseController.fromPolicy(snapshot, options)).toThrow(
			/The policy sets weight-decay beside learning rates.*Train the policy with secondControl 'none'/,
		);
		const setsDecay: Controller = {
			name: 'decay',
			ignoresNetworks: true,
			reset: () => {},
			decide: ({ learningRates }) => ({ learningRates, weightDecays: learningRates }),
		};
		const controller = LayerwiseController.fromSchedule(setsDecay, { ...options, probeBatches: 0 });
		expect(() => controller.start([{ name: 'only', size: 4 }])).toThrow(/The controller sets weight decays/);
	});

	it.each([
		[{ actions: 9 }, /from 27 to 27 for policy\.spec\.actions/],
		[{ secondControl: undefined }, /from 9 to 9 for policy\.spec\.actions/],
		[{ secondControl: 'beta1' }, /'weight-decay' for policy\.spec\.secondControl/],
		[
			{ observation: 'network-v1', observationSize: 7, action: 'three-way', granularity: 'network', actions: 9 },
			/'none' for policy\.spec\.secondControl/,
		],
	])('is refused where its spec does not add up: %o', (changes, message) => {
		const spec = { ...snapshot.spec, ...changes } as typeof snapshot.spec;
		expect(() => new PolicyController(randomSnapshot(spec))).toThrow(message);
	});
});

describe('ganno train --second-control', () => {
	it('writes a policy that info and evaluate understand', async () => {
		const run = join(folder, 'cli');
		const file = join(folder, 'tiny.json');
		writeFileSync(file, JSON.stringify(TINY));
		const common = ['--config', file, '--workers', '0', '--iterations', '1'];
		const trained = await ganno(['train', '--second-control', 'weight-decay', ...common, '--run-dir', run]);
		expect(trained.stderr).not.toContain('rror');
		expect(trained.code).toBe(0);
		const info = await ganno(['info', join(run, 'policy.safetensors')]);
		expect(info.stdout.replaceAll(/\s+/g, ' ')).toMatch(/and weight-decay of 0, 0\.001, 0\.01 \(\w+, 27 actions\)/);
		for (const more of [[], ['--set', 'tasks.optimizers=["adamw"]']]) {
			const evaluated = await ganno(['evaluate', run, '--workers', '0', ...more]);
			expect(evaluated.stdout).toContain('learned');
			expect(evaluated.code).toBe(0);
		}
		const resumed = await ganno(['train', '--resume', run, '--iterations', '2']);
		expect(resumed.code).toBe(0);
	});
});
