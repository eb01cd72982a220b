import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { TrainingEnvironment, type TrainingEnvironmentOptions } from '../../src/environment/training-environment.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { removedValue } from '../../src/removed-values.js';
import { fakeTask } from '../support/fake-population.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { ganno } from '../support/run-ganno.js';

/** Values that ganno 0.1 had: whoever still gives one learns that it is gone, why, and what to use. */

const REMOVED = [
	['action', 'fine', 'coarse', '--action'],
	['action', 'anchored', 'coarse', '--action'],
	['reward', 'difference', 'log-improvement', '--reward'],
	['secondControl', 'momentum', 'none', '--second-control'],
] as const;

describe('a removed value', () => {
	it.each(REMOVED)('is named in a config, with what to use: %s %s', (setting, value, instead) => {
		const config = { environment: { [setting]: value } };
		expect(() => parseConfig(config)).toThrow(
			new RegExp(
				`Expected one of .* for environment\\.${setting} but received "?'?${value}.*\\. '${value}' was removed: .*\\. Use '${instead}'; docs/what-we-tried.md`,
			),
		);
		expect(() => parseConfig(config)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
	});

	it.each(REMOVED)('is named by the environment: %s %s', (setting, value, instead) => {
		const options = { dataset: syntheticDataset(), task: fakeTask(), [setting]: value } as TrainingEnvironmentOptions;
		expect(() => new TrainingEnvironment(options)).toThrow(
			new RegExp(`for ${setting} but received "${value}".*'${value}' was removed: .*\\. Use '${instead}'`),
		);
	});

	it.each(REMOVED)('is named on the command line: %s %s', async (_setting, value, instead, flag) => {
		const { code, stderr } = await ganno(['train', '--preset', 'quick', flag, value]);
		expect(code).not.toBe(0);
		expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(new RegExp(`'${value}' was removed: .*Use '${instead}'`));
	});

	it.each([{ action: 'fine' }, { action: 'anchored' }, { secondControl: 'momentum', actions: 27 }])(
		'is named where a policy in memory has it: %j',
		(changes) => {
			const { spec, ...snapshot } = randomSnapshot(policySpec(changes.actions === undefined ? {} : { actions: 27 }));
			const policy = { ...snapshot, spec: { ...spec, ...changes } as typeof spec };
			expect(() => new PolicyController(policy)).toThrow(/was removed: .*Use '/);
		},
	);

	it('is one of its own setting only', () => {
		expect(removedValue('reward', 'difference')).toContain('was removed');
		expect(removedValue('reward', 'momentum')).toBeUndefined();
		expect(removedValue('tasks.optimizers[0].algorithm', 'momentum')).toBeUndefined();
		expect(removedValue('reward', 'toString')).toBeUndefined();
		expect(removedValue('constructor', 'name')).toBeUndefined();
		expect(removedValue('action', 4)).toBeUndefined();
	});
});
