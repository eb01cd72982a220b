import { checkKeys, checkNumber, checkOneOf, invalidArgument, keysOf } from '../../arguments.js';
import { GannoError } from '../../errors.js';
import { ALGORITHMS, type Algorithm } from '../../optimizer/algorithms.js';
import { DIVERGENCE_FACTOR } from './divergence.js';

/** What an episode pays; see {@link RewardRule}. */
export const REWARDS = ['log-improvement', 'baseline', 'final-loss', 'accuracy-gain', 'validation-loss'] as const;

export type RewardName = (typeof REWARDS)[number];

/** A reward by name; `baseline` needs the learning rate of the cosine it compares with: one, or one per child optimiser. */
export type Reward =
	| Exclude<RewardName, 'baseline'>
	| { readonly type: Exclude<RewardName, 'baseline'> }
	| { readonly type: 'baseline'; readonly learningRate: number | Readonly<Partial<Record<Algorithm, number>>> };

const REWARD_KEYS = keysOf<Extract<Reward, { type: 'baseline' }>>({ type: true, learningRate: true });

/** Losses are floored here before their logarithm: below it, improvement is noise. */
export const LOSS_FLOOR = 1e-4;

/** Rewards are cut to ± this; the reward for diverging is not. */
export const REWARD_LIMIT = 3;

/** `accuracy-gain` in units of a third, so that its size matches the others'. */
export const ACCURACY_SCALE = 3;

/** @throws GannoError `INVALID_ARGUMENT` for an unknown reward or a `baseline` without its learning rate */
export function checkReward(reward: unknown): Reward {
	if (typeof reward === 'object') checkKeys(reward, 'reward', REWARD_KEYS);
	const type = typeof reward === 'object' && reward !== null ? (reward as { type?: unknown }).type : reward;
	const name = checkOneOf(type, 'reward', REWARDS);
	if (name !== 'baseline') return name;
	const rate = typeof reward === 'object' ? (reward as { learningRate?: unknown }).learningRate : undefined;
	if (typeof rate === 'object' && rate !== null) {
		for (const [algorithm, value] of Object.entries(rate)) {
			checkOneOf(algorithm, 'a key of reward.learningRate', ALGORITHMS);
			checkNumber(value, `reward.learningRate.${algorithm}`, Number.MIN_VALUE);
		}
		return { type: name, learningRate: rate as Readonly<Partial<Record<Algorithm, number>>> };
	}
	if (rate === undefined) {
		throw invalidArgument(
			"a number or an object from optimiser to number for the 'baseline' reward",
			'reward.learningRate',
			rate,
			'Give the learning rate of a tuned cosine, which tuneSchedule finds.',
		);
	}
	return { type: name, learningRate: checkNumber(rate, 'reward.learningRate', Number.MIN_VALUE) };
}

export function rewardName(reward: Reward): RewardName {
	return typeof reward === 'string' ? reward : reward.type;
}

/** The baseline's learning rate for a child optimiser. */
export function baselineLearningRate(reward: Reward, algorithm: Algorithm): number {
	if (typeof reward === 'string' || reward.type !== 'baseline') {
		throw new GannoError('INTERNAL', 'Only the baseline reward has a learning rate');
	}
	const rate = typeof reward.learningRate === 'number' ? reward.learningRate : reward.learningRate[algorithm];
	if (rate === undefined) {
		throw invalidArgument('a number', `reward.learningRate.${algorithm}`, rate, 'A task uses this child optimiser.');
	}
	return rate;
}

function logLoss(loss: number): number {
	return Math.log(Math.max(loss, LOSS_FLOOR));
}

function cut(reward: number): number {
	return reward < -REWARD_LIMIT ? -REWARD_LIMIT : Math.min(reward, REWARD_LIMIT);
}

/**
 * The team reward of each network, V being its validation loss:
 * - `log-improvement`: ln V_previous − ln V. What the cut at ±3 takes from one decision is paid at the next ones: V_previous is
 *   the loss that the rewards so far account for, so the sum stays ln V₀ − ln V.
 * - `baseline`: 0, and at the end ln(V_baseline / V)
 * - `final-loss`: 0, and at the end −ln V
 * - `accuracy-gain`: 3 (accuracy − previous accuracy)
 * - `validation-loss`: −min(V, 4 V₀) / decisions at every decision, so the sum is minus the mean loss over the episode
 *
 * A network that diverges gets, as its last reward, what a final loss of 4 V₀ (an accuracy of 0) would have given, minus 1, whatever
 * came before, and `validation-loss` takes 4 V₀ for every decision that is left: to end early pays nobody. With `log-improvement` ln V_previous − ln(4 V₀) − 1, so its undiscounted return is −ln 4 − 1.
 */
export class RewardRule {
	readonly name: RewardName;
	readonly #initialLog: Float64Array; // ln V₀
	readonly #accounted: Float64Array; // ln of the loss, or the accuracy, that the rewards so far account for
	readonly #baselineLog: Float64Array;
	readonly #worst: Float64Array; // 4 V₀
	#decisions = 1;
	#decision = 0;

	constructor(name: RewardName, networks: number) {
		this.name = name;
		this.#initialLog = new Float64Array(networks);
		this.#accounted = new Float64Array(networks);
		this.#baselineLog = new Float64Array(networks);
		this.#worst = new Float64Array(networks);
	}

	/**
	 * @param loss `[networks]` validation loss before the first step
	 * @param accuracy `[networks]`
	 * @param baselineLoss `[networks]` the baseline's final validation loss; only `baseline` reads it. One that is not finite, or is
	 *   worse, counts as 4 V₀.
	 * @param decisions of the episode; only `validation-loss` reads it
	 */
	reset(loss: Float32Array, accuracy: Float32Array, baselineLoss?: Float32Array, decisions = 1): void {
		this.#decisions = decisions;
		this.#decision = 0;
		for (let n = 0; n < this.#initialLog.length; n++) {
			const initial = logLoss(loss[n]!);
			this.#initialLog[n] = initial;
			this.#worst[n] = DIVERGENCE_FACTOR * Math.max(loss[n]!, LOSS_FLOOR);
			this.#accounted[n] = this.name === 'accuracy-gain' ? accuracy[n]! : initial;
			if (baselineLoss !== undefined) {
				const worst = initial + Math.log(DIVERGENCE_FACTOR);
				const baseline = logLoss(baselineLoss[n]!);
				this.#baselineLog[n] = Number.isFinite(baselineLoss[n]!) && baseline < worst ? baseline : worst;
			}
		}
	}

	/**
	 * @param loss `[networks]` after the interval
	 * @param accuracy `[networks]`
	 * @param running `[networks]` 1 where the network was running when it decided; others get 0
	 * @param diverged `[networks]` 1 where it has diverged in this interval
	 * @param last whether this was the episode's last interval
	 * @param rewards `[networks]`, written
	 */
	update(
		loss: Float32Array,
		accuracy: Float32Array,
		running: Uint8Array,
		diverged: Uint8Array,
		last: boolean,
		rewards: Float32Array,
	): void {
		this.#decision++;
		for (let n = 0; n < this.#initialLog.length; n++) {
			if (running[n] === 0) rewards[n] = 0;
			else if (diverged[n] === 1) rewards[n] = this.#divergence(n);
			else rewards[n] = this.#progress(n, loss[n]!, accuracy[n]!, last);
		}
	}

	#progress(n: number, loss: number, accuracy: number, last: boolean): number {
		switch (this.name) {
			case 'log-improvement': {
				const reward = cut(this.#accounted[n]! - logLoss(loss));
				this.#accounted[n] = this.#accounted[n]! - reward;
				return reward;
			}
			case 'accuracy-gain': {
				const reward = ACCURACY_SCALE * (accuracy - this.#accounted[n]!);
				this.#accounted[n] = accuracy;
				return reward;
			}
			case 'baseline':
				return last ? cut(this.#baselineLog[n]! - logLoss(loss)) : 0;
			case 'validation-loss':
				return -Math.min(loss, this.#worst[n]!) / this.#decisions;
			case 'final-loss':
				return last ? cut(-logLoss(loss)) : 0;
		}
	}

	#divergence(n: number): number {
		const worst = this.#initialLog[n]! + Math.log(DIVERGENCE_FACTOR);
		switch (this.name) {
			case 'log-improvement':
				return this.#accounted[n]! - worst - 1;
			case 'accuracy-gain':
				return -ACCURACY_SCALE * this.#accounted[n]! - 1;
			case 'baseline':
				return this.#baselineLog[n]! - worst - 1;
			case 'validation-loss':
				return (-this.#worst[n]! * (this.#decisions - this.#decision + 1)) / this.#decisions - 1;
			case 'final-loss':
				return -worst - 1;
		}
	}
}
