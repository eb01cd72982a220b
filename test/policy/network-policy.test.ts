import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LayerwiseController } from '../../src/control/layerwise-controller.js';
import type { Policy, PolicySpec } from '../../src/policy/policy.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { describePolicy, loadPolicy, savePolicy } from '../../src/policy/policy-file.js';
import { policySpec, randomSnapshot, uniformArray } from '../support/policies.js';
import { taskOf } from '../support/trajectories.js';

const networkSpec = (changes: Partial<PolicySpec> = {}): PolicySpec =>
	policySpec({
		observation: 'network-v1',
		observationSize: 7,
		action: 'continuous',
		actions: 2,
		multiplier: 1.1,
		hiddenUnits: 6,
		granularity: 'network',
		...changes,
	});

describe('a policy of the adaptive learning rate', () => {
	let folder: string;
	beforeAll(() => {
		folder = mkdtempSync(join(tmpdir(), 'ganno-continuous-'));
	});
	afterAll(() => rmSync(folder, { recursive: true }));

	it.each([
		['continuous', 2],
		['three-way', 3],
	] as const)('keeps every bit in its file: %s', (action, actions) => {
		const path = join(folder, `${action}.safetensors`);
		const policy: Policy = { ...randomSnapshot(networkSpec({ action, actions })), training: { seed: 1 } };
		savePolicy(path, policy);
		expect(loadPolicy(path)).toEqual(policy);
		const lines = describePolicy(policy).map(({ name, value }) => `${name}: ${value}`);
		expect(lines).toContain('observation: network-v1 (7 features)');
		expect(lines.join()).toContain('a factor of at most 1.1');
	});

	it.each([
		[{ action: 'compounding', actions: 9 }, /needs the action rule 'compounding'/],
		[{ action: 'three-way', actions: 2 }, /'three-way' of 2 actions/],
		[{ granularity: 'layer' }, /for granularity 'layer'/],
		[{ observationSize: 8 }, /'network-v1' of 8 features/],
	] as const)('is refused where its parts do not go together: %o', (changes, message) => {
		const path = join(folder, 'wrong.safetensors');
		savePolicy(path, { ...randomSnapshot(networkSpec(changes)), training: {} });
		expect(() => loadPolicy(path)).toThrow(message);
	});

	it('scales the learning rates of a network together', () => {
		const controller = new PolicyController(randomSnapshot(networkSpec()));
		const { learningRates, actions } = controller.decide({
			task: taskOf(2, 2, 3),
			decision: 0,
			decisions: 2,
			networks: 2,
			layers: 3,
			agents: 1,
			observations: uniformArray(14, 1, 8),
			statistics: new Float32Array(2 * 3 * 16),
			learningRates: Float32Array.of(0.1, 0.2, 0.3, 0.1, 0.2, 0.3),
			initialLearningRates: new Float32Array(6).fill(0.1),
			trainingLoss: new Float32Array(2),
			validationLoss: new Float32Array(2),
			active: Uint8Array.of(1, 1),
		});
		expect(actions).toBeInstanceOf(Float32Array);
		for (const n of [0, 1]) {
			const factor = 1.1 ** Math.min(Math.max(actions![n]!, -1), 1);
			for (const l of [0, 1, 2]) expect(learningRates[n * 3 + l]).toBeCloseTo(0.1 * (l + 1) * factor, 6);
		}
		expect(actions![0]).not.toBe(actions![1]);
	});

	it('is refused by a controller of a training outside, which has no predictions', () => {
		expect(() => LayerwiseController.fromPolicy(randomSnapshot(networkSpec()), { learningRate: 0.1 })).toThrow(
			/observes 'network-v1', which needs the predictions on a validation split/,
		);
	});
});
