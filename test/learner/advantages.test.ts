import { describe, expect, it } from 'vitest';
import {
	explainedVariance,
	generalizedAdvantages,
	normalizeAdvantages,
	subtractLeaveOneOutMean,
} from '../../src/learner/advantages.js';
import { activeRows, assembleBatch, criticObservationSize, gatherSequences } from '../../src/learner/batch.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { trajectoryOf } from '../support/trajectories.js';

describe('generalised advantage estimation', () => {
	it('gives the values of a case worked by hand', () => {
		// γ = ½, λ = ½, r = 1, 2, 4, V = 2, 4, 8:
		// δ = 1 + 2 − 2 = 1, 2 + 4 − 4 = 2, 4 − 8 = −4;  A_2 = −4, A_1 = 2 − ¼·4 = 1, A_0 = 1 + ¼·1 = 1.25
		const { advantages, returns } = generalizedAdvantages(
			[{ first: 0, stride: 1, length: 3 }],
			Float32Array.of(1, 2, 4),
			Float32Array.of(2, 4, 8),
			Uint8Array.of(1, 1, 1),
			0.5,
			0.5,
		);
		expect([...advantages]).toEqual([1.25, 1, -4]);
		expect([...returns]).toEqual([3.25, 5, 4]);
	});

	it('with λ = γ = 1 is the sum of rewards to come minus the value', () => {
		const { advantages, returns } = generalizedAdvantages(
			[{ first: 0, stride: 1, length: 4 }],
			Float32Array.of(1, -2, 3, 5),
			Float32Array.of(10, 20, 30, 40),
			new Uint8Array(4).fill(1),
			1,
			1,
		);
		expect([...returns]).toEqual([7, 6, 8, 5]);
		expect([...advantages]).toEqual([-3, -14, -22, -35]);
	});

	it('lets nothing flow back from beyond the last active decision', () => {
		// Two agents interleaved; the second's episode ends after its first decision, and rubbish stands behind.
		const { advantages, returns } = generalizedAdvantages(
			[
				{ first: 0, stride: 2, length: 2 },
				{ first: 1, stride: 2, length: 2 },
			],
			Float32Array.of(1, 3, 2, 1e9),
			Float32Array.of(0, 1, 0, 1e9),
			Uint8Array.of(1, 1, 1, 0),
			1,
			1,
		);
		expect([...returns]).toEqual([3, 3, 2, 0]);
		expect([...advantages]).toEqual([3, 2, 2, 0]);
	});

	it('normalises over active rows alone', () => {
		const advantages = Float32Array.of(1, 1e6, 3, 5, -1e6);
		normalizeAdvantages(advantages, Uint8Array.of(1, 0, 1, 1, 0), new Float32Array(5), 1);
		const deviation = Math.sqrt(8 / 3);
		expect(advantages[0]).toBeCloseTo(-2 / deviation, 6);
		expect(advantages[2]).toBe(0);
		expect(advantages[3]).toBeCloseTo(2 / deviation, 6);
		const equal = Float32Array.of(4, 4);
		normalizeAdvantages(equal, Uint8Array.of(1, 1), new Float32Array(2), 1);
		expect([...equal]).toEqual([0, 0]);
	});

	it('takes the mean of the other networks of the task from each, agent by agent', () => {
		// Two decisions of 3 networks × 2 agents, the last network ended before the second; then one network alone.
		const advantages = Float32Array.of(1, 10, 2, 20, 6, 60, 5, 50, 9, 70, 1e6, 1e6, 3, 4);
		const active = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1);
		const decisions = [
			{ first: 0, networks: 3, agents: 2 },
			{ first: 6, networks: 3, agents: 2 },
			{ first: 12, networks: 1, agents: 2 },
		];
		subtractLeaveOneOutMean(advantages, decisions, active);
		expect([...advantages]).toEqual([-3, -30, -1.5, -15, 4.5, 45, -4, -20, 4, 20, 1e6, 1e6, 3, 4]);
	});

	it('normalises every phase of an episode by itself', () => {
		const advantages = Float32Array.of(10, 0.1, 30, 0.3, 1e6, 7);
		const progress = Float32Array.of(0, 0.5, 0.25, 0.75, 0.1, 0.9);
		normalizeAdvantages(advantages, Uint8Array.of(1, 1, 1, 1, 0, 0), progress, 2);
		[-1, -1, 1, 1, 1e6, 7].forEach((expected, i) => {
			expect(advantages[i]).toBeCloseTo(expected, 5);
		});
	});

	it('explains all, nothing and less than nothing', () => {
		const active = Uint8Array.of(1, 1, 1, 0);
		const returns = Float32Array.of(1, 2, 3, 1e9);
		expect(explainedVariance(returns, Float32Array.of(1, 2, 3, 0), active)).toBe(1);
		expect(explainedVariance(returns, Float32Array.of(5, 5, 5, 0), active)).toBe(0);
		expect(explainedVariance(returns, Float32Array.of(3, 2, 1, 0), active)).toBe(-3);
		expect(explainedVariance(Float32Array.of(2, 2, 2, 0), returns, active)).toBe(0);
	});
});

describe('batches', () => {
	const PLAIN = { mean: false, progress: false };
	const spec = policySpec({ observationSize: 2, actions: 3, observation: 'test' });
	const snapshot = {
		...randomSnapshot(spec),
		normalizerMean: Float32Array.of(1, 0),
		normalizerStandardDeviation: Float32Array.of(2, 1),
	};
	// 3 decisions × 2 networks × 2 agents; the second network ends after two decisions. Rewards name their row.
	const first = trajectoryOf({ decisions: 3, networks: 2, agents: 2, observationSize: 2, actions: 3 });
	first.active.set([1, 1, 1, 1, 1, 0]);
	// 1 decision × 1 network × 3 agents.
	const second = trajectoryOf({ decisions: 1, networks: 1, agents: 3, observationSize: 2, actions: 3, seed: 5 });
	const batch = assembleBatch([first, second], snapshot, PLAIN);

	it('put trajectories of different shapes one after another', () => {
		expect(batch.rows).toBe(15);
		expect(batch.sequences).toEqual([
			{ first: 0, stride: 4, length: 3 },
			{ first: 1, stride: 4, length: 3 },
			{ first: 2, stride: 4, length: 2 },
			{ first: 3, stride: 4, length: 2 },
			{ first: 12, stride: 3, length: 1 },
			{ first: 13, stride: 3, length: 1 },
			{ first: 14, stride: 3, length: 1 },
		]);
		expect(batch.decisions).toEqual([
			{ first: 0, networks: 2, agents: 2 },
			{ first: 4, networks: 2, agents: 2 },
			{ first: 8, networks: 2, agents: 2 },
			{ first: 12, networks: 1, agents: 3 },
		]);
		expect([...activeRows(batch)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14]);
		expect(batch.observations[12 * 2]).toBeCloseTo((second.observations[0]! - 1) / 2, 6);
	});

	it('lay sequences out time-major with padding', () => {
		const miniBatch = gatherSequences(batch, [2, 0, 4]);
		expect(miniBatch.steps).toBe(3);
		expect([...miniBatch.rows]).toEqual([2, 0, 12, 6, 4, -1, -1, 8, -1]);
		expect(miniBatch.observations.subarray(2, 4)).toEqual(batch.observations.subarray(0, 2));
		expect([...miniBatch.observations.subarray(10, 14)]).toEqual([0, 0, 0, 0]);
	});

	it('show a central critic the mean over the agents of the network', () => {
		const central = assembleBatch([first, second], snapshot, { mean: true, progress: false });
		expect(criticObservationSize(2, { mean: true, progress: false })).toBe(4);
		expect(central.criticObservations).toHaveLength(15 * 4);
		const row = 5; // second decision, first network, second agent
		const own = central.observations.subarray(row * 2, row * 2 + 2);
		const other = central.observations.subarray((row - 1) * 2, row * 2);
		expect([...central.criticObservations.subarray(row * 4, row * 4 + 4)]).toEqual([
			...own,
			Math.fround((own[0]! + other[0]!) / 2),
			Math.fround((own[1]! + other[1]!) / 2),
		]);
	});

	it('show a critic the progress that the agents do not see, behind all else', () => {
		const own = (from: Float32Array, row: number, width: number) => [...from.subarray(row * width, (row + 1) * width)];
		const timed = assembleBatch([first, second], snapshot, { mean: false, progress: true });
		const both = assembleBatch([first, second], snapshot, { mean: true, progress: true });
		const central = assembleBatch([first, second], snapshot, { mean: true, progress: false });
		expect(criticObservationSize(2, { mean: true, progress: true })).toBe(5);
		for (let row = 0; row < timed.rows; row++) {
			const decision = row < 12 ? Math.floor(row / 4) / 3 : 0;
			const seen = Math.fround(2 * Math.fround(decision) - 1);
			expect(own(timed.criticObservations, row, 3)).toEqual([...own(timed.observations, row, 2), seen]);
			expect(own(both.criticObservations, row, 5)).toEqual([...own(central.criticObservations, row, 4), seen]);
		}
		expect(batch.criticObservations).toBe(batch.observations);
		expect(timed.observations).toEqual(batch.observations);
	});

	it('refuse numbers that are not finite, and arrays that do not fit', () => {
		const bad = { ...first, rewards: first.rewards.slice().fill(Number.NaN, 4, 5) };
		expect(() => assembleBatch([first, bad], snapshot, PLAIN)).toThrow(/trajectories\[1\]\.rewards\[4\]/);
		const hidden = { ...first, rewards: first.rewards.slice().fill(Number.NaN, 10, 11) }; // an inactive row: means nothing
		expect(() => assembleBatch([hidden], snapshot, PLAIN)).not.toThrow();
		const blind = { ...first, observations: first.observations.slice().fill(Number.NaN, 7, 8) };
		expect(() => assembleBatch([blind], snapshot, PLAIN)).toThrow(/observations\[7\]/);
		const short = { ...first, actions: new Uint8Array(3) };
		expect(() => assembleBatch([short], snapshot, PLAIN)).toThrow(/trajectories\[0\]\.actions/);
		const unknown = { ...first, actions: first.actions.slice().fill(3) };
		expect(() => assembleBatch([unknown], snapshot, PLAIN)).toThrow(/an action below 3/);
	});
});
