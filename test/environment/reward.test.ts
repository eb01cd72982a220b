import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rateOfBaseline } from '../../src/environment/populations/task-population.js';
import { DivergenceDetector } from '../../src/environment/rewards/divergence.js';
import { checkReward, type RewardName, RewardRule } from '../../src/environment/rewards/reward.js';
import { DIVERGED_LOSS } from '../../src/networks/population.js';

const f32 = (...values: number[]) => Float32Array.from(values);
const RUNNING = new Uint8Array([1]);

/** The rewards of one network whose validation losses (and accuracies) are given; it diverges at the last one if said so. */
function rewards(
	name: RewardName,
	losses: readonly number[],
	options: { accuracies?: readonly number[]; baseline?: number; diverges?: boolean } = {},
): number[] {
	const rule = new RewardRule(name, 1);
	const accuracies = options.accuracies ?? losses.map(() => 0.5);
	rule.reset(
		f32(losses[0]!),
		f32(accuracies[0]!),
		options.baseline === undefined ? undefined : f32(options.baseline),
		losses.length - 1,
	);
	const out = new Float32Array(1);
	return losses.slice(1).map((loss, k) => {
		const last = k === losses.length - 2;
		const diverged = new Uint8Array([last && options.diverges === true ? 1 : 0]);
		rule.update(f32(loss), f32(accuracies[k + 1]!), RUNNING, diverged, last, out);
		return out[0]!;
	});
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

function expectRewards(actual: readonly number[], expected: readonly number[]): void {
	expect(actual).toHaveLength(expected.length);
	for (const [i, value] of expected.entries()) expect(actual[i], `reward ${i}`).toBeCloseTo(value, 5);
}

describe('rewards', () => {
	it('log-improvement pays ln V_previous − ln V', () => {
		expectRewards(rewards('log-improvement', [2, 1, 0.5, 0.75]), [Math.log(2), Math.log(2), Math.log(0.5 / 0.75)]);
	});

	it('log-improvement cuts at ±3 and pays the rest later', () => {
		const drop = Math.log(2 / 0.02);
		expectRewards(rewards('log-improvement', [2, 0.02, 0.02, 0.02]), [3, drop - 3, 0]);
		expectRewards(rewards('log-improvement', [0.02, 2, 2]), [-3, 3 - drop]);
	});

	it('floors losses at 1e-4', () => {
		expectRewards(rewards('log-improvement', [1e-3, 1e-9, 1e-12]), [Math.log(10), 0]);
	});

	it('final-loss pays −ln V, at the end only', () => {
		expectRewards(rewards('final-loss', [2, 1, 0.5]), [0, -Math.log(0.5)]);
		expectRewards(rewards('final-loss', [2, 1, 1e-3]), [0, 3]);
	});

	it('validation-loss pays −V at every decision, in parts of the episode, and cuts at 4 V₀', () => {
		expectRewards(rewards('validation-loss', [2, 1, 0.5, 100, 0.25]), [-0.25, -0.125, -2, -0.0625]);
	});

	it('validation-loss takes 4 V₀ for what is left, so that ending early never pays', () => {
		const early = rewards('validation-loss', [2, 1, 7, 7], { diverges: true });
		expectRewards(early, [-1 / 3, -7 / 3, -8 / 3 - 1]);
		const rule = new RewardRule('validation-loss', 1);
		rule.reset(f32(2), f32(0.5), undefined, 10);
		const out = new Float32Array(1);
		rule.update(f32(1), f32(0.5), RUNNING, Uint8Array.of(0), false, out);
		expect(out[0]).toBeCloseTo(-0.1, 6);
		rule.update(f32(1e6), f32(0), RUNNING, Uint8Array.of(1), false, out);
		expect(out[0]).toBeCloseTo(-0.8 * 9 - 1, 5); // nine of ten decisions, this one included
	});

	it('baseline pays ln(V_baseline / V), at the end only', () => {
		expectRewards(rewards('baseline', [2, 1, 0.5], { baseline: 0.4 }), [0, Math.log(0.4 / 0.5)]);
	});

	it('baseline counts a baseline that failed as 4 V₀', () => {
		for (const baseline of [Number.NaN, Number.POSITIVE_INFINITY, 100]) {
			expectRewards(rewards('baseline', [2, 1], { baseline }), [Math.log(8)]);
		}
	});

	it('accuracy-gain pays three times the gain', () => {
		const accuracies = [0.1, 0.5, 0.4];
		expectRewards(rewards('accuracy-gain', [2, 1, 1], { accuracies }), [1.2, -0.3]);
	});

	it('pays nothing to a network that had ended', () => {
		const rule = new RewardRule('log-improvement', 2);
		rule.reset(f32(2, 2), f32(0, 0));
		const out = f32(9, 9);
		rule.update(f32(1, 1), f32(0, 0), new Uint8Array([0, 1]), new Uint8Array([1, 0]), false, out);
		expectRewards([...out], [0, Math.log(2)]);
	});

	it('gives the return −ln 4 − 1 to a network that diverges, whatever came before', () => {
		expectRewards(rewards('log-improvement', [2, 1, Number.NaN], { diverges: true }), [
			Math.log(2),
			Math.log(1) - Math.log(8) - 1,
		]);
		fc.assert(
			fc.property(fc.array(fc.float({ min: Math.fround(1e-6), max: 1e6, noNaN: true }), { minLength: 2 }), (losses) => {
				// Below the floor the initial loss counts as the floor.
				const total = sum(rewards('log-improvement', losses, { diverges: true }));
				expect(total).toBeCloseTo(-Math.log(4) - 1, 3);
			}),
		);
	});

	it('makes diverging the worst end in the other rewards too', () => {
		const diverges = true;
		expectRewards(rewards('final-loss', [2, 1, 90], { diverges }), [0, -Math.log(8) - 1]);
		expectRewards(rewards('baseline', [2, 90], { diverges, baseline: 0.5 }), [Math.log(0.5 / 8) - 1]);
		const accuracies = [0.2, 0.6, 0.1];
		expectRewards(rewards('accuracy-gain', [2, 1, 90], { diverges, accuracies }), [1.2, -1.8 - 1]);
	});

	it('without divergence telescope to ln V₀ − ln V as long as the cut leaves time', () => {
		fc.assert(
			fc.property(fc.array(fc.float({ min: Math.fround(0.5), max: 2, noNaN: true }), { minLength: 2 }), (losses) => {
				expect(sum(rewards('log-improvement', losses))).toBeCloseTo(Math.log(losses[0]! / losses.at(-1)!), 3);
			}),
		);
	});
});

describe('a reward’s options', () => {
	it('are checked', () => {
		expect(checkReward('final-loss')).toBe('final-loss');
		expect(checkReward('accuracy-gain')).toBe('accuracy-gain');
		expect(() => checkReward('profit')).toThrow(/one of 'log-improvement'/);
		expect(() => checkReward('baseline')).toThrow(/learning rate of a tuned cosine/);
		expect(() => checkReward('baseline', 'tuned')).toThrow(/learning rate of a tuned cosine/);
		expect(checkReward('final-loss', 'tuned')).toBe('final-loss');
		expect(() => checkReward('baseline', -1)).toThrow(/for baselineLearningRate/);
		expect(() => checkReward('baseline', { adm: 1 })).toThrow(/'adam'/);
		expect(() => checkReward({ type: 'baseline', learningRate: 1 })).toThrow(
			/option of its own now, baselineLearningRate/,
		);
	});

	it('may name one baseline learning rate for every child optimiser', () => {
		expect(checkReward('baseline', { adam: 0.005 })).toBe('baseline');
		expect(rateOfBaseline({ adam: 0.005 }, 'adam')).toBe(0.005);
		expect(rateOfBaseline(0.005, 'sgd')).toBe(0.005);
		expect(() => rateOfBaseline({ adam: 0.005 }, 'sgd')).toThrow(/baselineLearningRate.sgd/);
	});
});

describe('divergence', () => {
	/** The decision at which a network diverges, or −1. */
	function divergesAt(losses: readonly number[], trainingLosses?: readonly number[]): number {
		const detector = new DivergenceDetector(1, { brokenLoss: DIVERGED_LOSS });
		const diverged = new Uint8Array(1);
		detector.reset(f32(losses[0]!), diverged);
		if (diverged[0] === 1) return 0;
		for (let k = 1; k < losses.length; k++) {
			detector.update(f32(losses[k]!), f32(trainingLosses?.[k] ?? 1), diverged);
			if (diverged[0] === 1) return k;
		}
		return -1;
	}

	it.each([
		['a loss that is NaN', [2, 1, Number.NaN, 1], 2],
		['an infinite loss', [2, 1, Number.POSITIVE_INFINITY], 2],
		['a start that is not finite', [Number.NaN, 1], 0],
		['three decisions in a row above 4 V₀', [2, 9, 9, 9, 9], 3],
		['not two in a row, then one below', [2, 9, 9, 7, 9, 9, 7], -1],
		['the third in a row after an interruption', [2, 9, 9, 7, 9, 9, 9], 6],
		['not a loss of exactly 4 V₀', [2, 8, 8, 8, 8], -1],
		['not a spike', [2, 1e5, 1, 1e5, 1], -1],
		['the loss that populations report in place of one that is not finite', [2, 1, 1e6], 2],
	])('is %s', (_, losses, expected) => {
		expect(divergesAt(losses)).toBe(expected);
	});

	it('is a training loss that is not finite', () => {
		expect(divergesAt([2, 1, 1], [0, 1, Number.NaN])).toBe(2);
	});

	it('is for good, until reset, and concerns one network only', () => {
		const detector = new DivergenceDetector(2);
		const diverged = new Uint8Array(2);
		detector.reset(f32(2, 2), diverged);
		detector.update(f32(Number.NaN, 1), f32(1, 1), diverged);
		detector.update(f32(1, 1), f32(1, 1), diverged);
		expect([...diverged]).toEqual([1, 0]);
		detector.reset(f32(2, 2), diverged);
		expect([...diverged]).toEqual([0, 0]);
	});
});
