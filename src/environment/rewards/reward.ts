import { checkNumber, checkOneOf, invalidArgument } from '../../arguments.js';
import { ALGORITHMS } from '../../optimizer/algorithms.js';
import { DIVERGENCE_FACTOR } from './divergence.js';

/** The rewards; see {@link RewardRule}. */
export const REWARDS = ['log-improvement', 'baseline', 'final-loss', 'accuracy-gain', 'validation-loss'] as const;

export type RewardName = (typeof REWARDS)[number];

/** Lower bound of a loss before its logarithm: improvement below it is noise. */
export const LOSS_FLOOR = 1e-4;

/** Rewards are clipped to ± this, except the reward for diverging. */
export const REWARD_LIMIT = 3;

/** `accuracy-gain` in units of a third, so that its size matches the others'. */
export const ACCURACY_SCALE = 3;

/**
 * @param rate of the cosine that `baseline` compares with, which tuneSchedule finds
 * @throws GannoError `INVALID_ARGUMENT` for an unknown reward, or a `baseline` without its learning rate
 */
export function checkReward(reward: unknown, rate?: unknown): RewardName {
	if (typeof reward === 'object') {
		const advice = 'The learning rate of the baseline is an option of its own now, baselineLearningRate.';
		throw invalidArgument('the name of a reward', 'reward', reward, advice);
	}
	const name = checkOneOf(reward, 'reward', REWARDS);
	if (typeof rate === 'object' && rate !== null) {
		for (const [algorithm, value] of Object.entries(rate)) {
			checkOneOf(algorithm, 'a key of baselineLearningRate', ALGORITHMS);
			checkNumber(value, `baselineLearningRate.${algorithm}`, Number.MIN_VALUE);
		}
	} else if (typeof rate === 'number') {
		checkNumber(rate, 'baselineLearningRate', Number.MIN_VALUE);
	} else if (name === 'baseline' || (rate !== undefined && rate !== 'tuned')) {
		const advice = 'Give the learning rate of a tuned cosine, which tuneSchedule finds.';
		throw invalidArgument('a number, or an object from optimiser to number,', 'baselineLearningRate', rate, advice);
	}
	return name;
}

function logLoss(loss: number): number {
	return Math.log(Math.max(loss, LOSS_FLOOR));
}

function clip(reward: number): number {
	return reward < -REWARD_LIMIT ? -REWARD_LIMIT : Math.min(reward, REWARD_LIMIT);
}

/**
 * The team reward of each network, V being its validation loss:
 * - `log-improvement`: ln V_previous − ln V. What clipping at ±3 removes from one decision is added to the next ones: V_previous is
 *   the loss that the rewards so far account for, so the sum stays ln V₀ − ln V.
 * - `baseline`: 0, and at the end ln(V_baseline / V)
 * - `final-loss`: 0, and at the end −ln V
 * - `accuracy-gain`: 3 (accuracy − previous accuracy)
 * - `validation-loss`: −min(V, 4 V₀) / decisions at every decision, so the sum is minus the mean loss over the episode
 *
 * A network that diverges gets, as its last reward, that of a final loss of 4 V₀ (an accuracy of 0), minus 1, whatever came before, and
 * `validation-loss` takes 4 V₀ for every decision that is left: ending early never raises the return. With `log-improvement` ln V_previous − ln(4 V₀) − 1, so its undiscounted return is −ln 4 − 1.
 */
export class RewardRule {
	readonly name: RewardName;
	readonly #initialLog: Float64Array; // ln V₀
	readonly #reference: Float64Array; // ln of the loss, or the accuracy, that the rewards so far account for
	readonly #baselineLog: Float64Array;
	readonly #divergedLoss: Float64Array; // 4 V₀
	#decisions = 1;
	#decision = 0;

	constructor(name: RewardName, networks: number) {
		this.name = name;
		this.#initialLog = new Float64Array(networks);
		this.#reference = new Float64Array(networks);
		this.#baselineLog = new Float64Array(networks);
		this.#divergedLoss = new Float64Array(networks);
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
			this.#divergedLoss[n] = DIVERGENCE_FACTOR * Math.max(loss[n]!, LOSS_FLOOR);
			this.#reference[n] = this.name === 'accuracy-gain' ? accuracy[n]! : initial;
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
			else if (diverged[n] === 1) rewards[n] = this.#divergenceReward(n);
			else rewards[n] = this.#intervalReward(n, loss[n]!, accuracy[n]!, last);
		}
	}

	#intervalReward(n: number, loss: number, accuracy: number, last: boolean): number {
		switch (this.name) {
			case 'log-improvement': {
				const reward = clip(this.#reference[n]! - logLoss(loss));
				this.#reference[n] = this.#reference[n]! - reward;
				return reward;
			}
			case 'accuracy-gain': {
				const reward = ACCURACY_SCALE * (accuracy - this.#reference[n]!);
				this.#reference[n] = accuracy;
				return reward;
			}
			case 'baseline':
				return last ? clip(this.#baselineLog[n]! - logLoss(loss)) : 0;
			case 'validation-loss':
				return -Math.min(loss, this.#divergedLoss[n]!) / this.#decisions;
			case 'final-loss':
				return last ? clip(-logLoss(loss)) : 0;
		}
	}

	#divergenceReward(n: number): number {
		const worst = this.#initialLog[n]! + Math.log(DIVERGENCE_FACTOR);
		switch (this.name) {
			case 'log-improvement':
				return this.#reference[n]! - worst - 1;
			case 'accuracy-gain':
				return -ACCURACY_SCALE * this.#reference[n]! - 1;
			case 'baseline':
				return this.#baselineLog[n]! - worst - 1;
			case 'validation-loss':
				return (-this.#divergedLoss[n]! * (this.#decisions - this.#decision + 1)) / this.#decisions - 1;
			case 'final-loss':
				return -worst - 1;
		}
	}
}
