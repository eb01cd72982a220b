import { describe, expect, it } from 'vitest';
import { createPolicyInference } from '../../src/policy/inference.js';
import { normalizeRow } from '../../src/policy/normalizer.js';
import { logSumExp, sampleActions } from '../../src/policy/sampling.js';
import { policySpec, randomSnapshot, uniformArray } from '../support/policies.js';

describe.each(['feed-forward', 'recurrent'] as const)('%s inference', (network) => {
	const spec = policySpec({ network, hiddenUnits: 31, actions: 7 });
	const snapshot = randomSnapshot(spec);
	const inference = createPolicyInference(snapshot);
	const rows = 9;
	const observations = uniformArray(rows * 23, 6, 5);

	it('gives a row the same bits whatever stands beside it', () => {
		const state = uniformArray(rows * inference.stateSize, 0.5, 8);
		const alone = new Float32Array(7);
		const together = new Float32Array(rows * 7);
		const states = state.slice();
		inference.forward(observations, rows, states, together);
		for (let row = 0; row < rows; row++) {
			const own = state.slice(row * inference.stateSize, (row + 1) * inference.stateSize);
			inference.forward(observations.subarray(row * 23), 1, own, alone);
			expect(alone).toEqual(together.slice(row * 7, (row + 1) * 7));
			expect(own).toEqual(states.slice(row * inference.stateSize, (row + 1) * inference.stateSize));
		}
	});

	it('sees new weights that are written in place', () => {
		const before = new Float32Array(7);
		const after = new Float32Array(7);
		const changed = randomSnapshot(spec);
		const own = createPolicyInference(changed);
		own.forward(observations, 1, new Float32Array(inference.stateSize), before);
		changed.parameters[changed.parameters.length - 1]! += 1; // the last logit's bias
		own.forward(observations, 1, new Float32Array(inference.stateSize), after);
		expect(after[6]! - before[6]!).toBeCloseTo(1, 5);
		expect(after.subarray(0, 6)).toEqual(before.subarray(0, 6));
	});

	it('refuses arrays that do not fit', () => {
		expect(() => createPolicyInference({ ...snapshot, parameters: new Float32Array(3) })).toThrow(
			/snapshot\.parameters/,
		);
		expect(() => inference.forward(new Float32Array(22), 1, new Float32Array(31), new Float32Array(7))).toThrow(
			/observations/,
		);
		expect(() => inference.forward(observations, 1, new Float32Array(31), new Float32Array(6))).toThrow(/logits/);
	});
});

describe('normalisation', () => {
	it('centres, scales and clips, and turns NaN into 0', () => {
		const out = new Float32Array(5);
		normalizeRow(
			Float32Array.of(3, 1e9, -1e9, Number.NaN, Number.POSITIVE_INFINITY),
			0,
			out,
			0,
			Float32Array.of(1, 0, 0, 0, 0),
			Float32Array.of(4, 1, 1, 1, 1),
		);
		expect([...out]).toEqual([0.5, 5, -5, 0, 5]);
	});
});

describe('sampling', () => {
	const actions = 5;
	const base = Float32Array.of(0, 1, -1, 2, 0.5);
	const probabilities = [...base].map((logit) => Math.exp(logit - logSumExp(base, 0, actions)));

	it.each([false, true])('draws with the softmax probabilities (shared noise: %s)', (sharedExplorationNoise) => {
		const networks = 20_000;
		const agents = 2;
		const logits = new Float32Array(networks * agents * actions);
		for (let row = 0; row < networks * agents; row++) logits.set(base, row * actions);
		const taken = new Uint8Array(networks * agents);
		const logProbabilities = new Float32Array(networks * agents);
		sampleActions(
			logits,
			{
				networks,
				agents,
				actions,
				networkSeeds: Uint32Array.from({ length: networks }, (_, i) => i),
				explorationSeed: 9,
				sharedExplorationNoise,
			},
			taken,
			logProbabilities,
		);
		let equal = 0;
		for (let agent = 0; agent < agents; agent++) {
			const counts = Array.from({ length: actions }, () => 0);
			for (let network = 0; network < networks; network++) counts[taken[network * agents + agent]!]!++;
			// Five standard errors of a proportion.
			counts.forEach((count, action) => {
				const p = probabilities[action]!;
				expect(Math.abs(count / networks - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / networks));
			});
		}
		for (let network = 0; network < networks; network++) {
			if (taken[network * 2] === taken[network * 2 + 1]) equal++;
			expect(logProbabilities[network * 2]).toBeCloseTo(Math.log(probabilities[taken[network * 2]!]!), 5);
		}
		const chance = probabilities.reduce((sum, p) => sum + p * p, 0);
		expect(equal / networks).toBeCloseTo(sharedExplorationNoise ? 1 : chance, 1);
	});

	it('depends on exploration seed, network seed, decision and agent, and on nothing else', () => {
		const draw = (seeds: number[], explorationSeed: number, decision: number): number[] => {
			const agents = 16;
			const out = new Uint8Array(seeds.length * agents);
			const options = { networks: seeds.length, agents, actions: 9, networkSeeds: seeds, explorationSeed, decision };
			sampleActions(new Float32Array(out.length * 9), options, out);
			return [...out];
		};
		const reference = draw([4, 7], 1, 2);
		expect(draw([7, 4], 1, 2)).toEqual([...reference.slice(16), ...reference.slice(0, 16)]);
		expect(draw([4, 7], 2, 2)).not.toEqual(reference);
		expect(draw([4, 7], 1, 3)).not.toEqual(reference);
		expect(draw([4], 1, 2)).toEqual(reference.slice(0, 16));
		expect(new Set(reference.slice(0, 16)).size).toBeGreaterThan(3);
	});

	it('takes the first of the likeliest when greedy', () => {
		const out = new Uint8Array(2);
		const options = { networks: 2, agents: 1, actions: 3, greedy: true };
		sampleActions(Float32Array.of(0, 3, 3, -1, -2, -3), options, out);
		expect([...out]).toEqual([1, 0]);
	});
});
