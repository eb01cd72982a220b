import { describe, expect, it } from 'vitest';
import { COMPOUNDING_MULTIPLIERS } from '../../src/environment/actions/actions.js';
import type { DecisionContext } from '../../src/environment/controller.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import { PolicyController } from '../../src/policy/policy-controller.js';
import { policySpec, randomSnapshot, uniformArray } from '../support/policies.js';
import { taskOf } from '../support/trajectories.js';

const networks = 3;
const layers = 4;

function context(agents: number, seed: number, rate = 0.01): DecisionContext {
	return {
		task: taskOf(20, networks, layers),
		decision: 0,
		decisions: 20,
		networks,
		layers,
		agents,
		observations: uniformArray(networks * agents * 23, 3, seed),
		statistics: new Float32Array(networks * layers * 16),
		learningRates: new Float32Array(networks * layers).fill(rate),
		initialLearningRates: new Float32Array(networks * layers).fill(0.5),
		trainingLoss: new Float32Array(networks),
		validationLoss: new Float32Array(networks),
		active: new Uint8Array(networks).fill(1),
	};
}

describe('policy controller', () => {
	it('takes the likeliest action of every agent and applies the rule of the policy', () => {
		const snapshot = randomSnapshot(policySpec());
		const controller = new PolicyController(snapshot);
		const seen = context(layers, 3);
		const { learningRates, actions } = controller.decide(seen);
		const logits = new Float32Array(networks * layers * 9);
		createPolicyInference(snapshot).forward(seen.observations, networks * layers, new Float32Array(0), logits);
		for (let row = 0; row < networks * layers; row++) {
			const own = [...logits.subarray(row * 9, row * 9 + 9)];
			expect(actions![row]).toBe(own.indexOf(Math.max(...own)));
			expect(learningRates[row]).toBeCloseTo(0.01 * COMPOUNDING_MULTIPLIERS[actions![row]!]!, 7);
		}
		expect(new Set(actions).size).toBeGreaterThan(1);
		expect(seen.learningRates.every((rate) => rate === Math.fround(0.01))).toBe(true); // the environment's own: not touched
	});

	it('gives one action to all layers where one agent controls them', () => {
		const controller = new PolicyController(randomSnapshot(policySpec({ granularity: 'network' })));
		const { learningRates, actions } = controller.decide(context(1, 3));
		expect(actions!.length).toBe(networks);
		for (let row = 0; row < networks * layers; row++) {
			const multiplier = COMPOUNDING_MULTIPLIERS[actions![Math.floor(row / layers)]!]!;
			expect(learningRates[row]).toBeCloseTo(0.01 * multiplier, 7);
		}
	});

	it('remembers within an episode and forgets at reset', () => {
		const controller = new PolicyController(randomSnapshot(policySpec({ network: 'recurrent', hiddenUnits: 16 })));
		const task = taskOf(20, networks, layers);
		const episode = (): number[][] => {
			controller.reset(task);
			return [1, 1, 1, 1].map((seed) => [...controller.decide(context(layers, seed)).actions!]);
		};
		const first = episode();
		expect(episode()).toEqual(first);
		// The same observation four times over: only memory can change the answer.
		expect(new Set(first.map((actions) => actions.join())).size).toBeGreaterThan(1);
	});

	it('refuses an environment of the other agents mode, and policies of unknown observation or action', () => {
		const layerwise = new PolicyController(randomSnapshot(policySpec()));
		expect(() => layerwise.decide(context(1, 1))).toThrow(/granularity: 'layer'/);
		const one = new PolicyController(randomSnapshot(policySpec({ granularity: 'network' })));
		expect(() => one.decide(context(layers, 1))).toThrow(/granularity: 'network'/);
		expect(() => new PolicyController(randomSnapshot(policySpec({ observation: 'other' })))).toThrow(/observation/);
		expect(() => new PolicyController(randomSnapshot(policySpec({ action: 'other' })))).toThrow(/action/);
	});
});
