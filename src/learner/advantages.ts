import type { DecisionRows, Sequence } from './batch.js';

/**
 * Generalised advantage estimation (Schulman et al. 2016), per sequence, backwards:
 * δ_t = r_t + γ V_{t+1} − V_t, A_t = δ_t + γλ A_{t+1}, returns R_t = A_t + V_t (the λ-return, the critic's target).
 * Episodes are whole, so nothing follows the last active decision: V and A are 0 there. Inactive rows get 0.
 * @param rewards `[rows]`
 * @param values `[rows]`
 * @param active `[rows]`
 */
export function generalizedAdvantages(
	sequences: readonly Sequence[],
	rewards: Float32Array,
	values: Float32Array,
	active: Uint8Array,
	discount: number,
	lambda: number,
): { readonly advantages: Float32Array; readonly returns: Float32Array } {
	const advantages = new Float32Array(rewards.length);
	const returns = new Float32Array(rewards.length);
	for (const { first, stride, length } of sequences) {
		let nextValue = 0;
		let nextAdvantage = 0;
		for (let t = length - 1; t >= 0; t--) {
			const row = first + t * stride;
			if (active[row] !== 1) {
				nextValue = 0;
				nextAdvantage = 0;
				continue;
			}
			const value = values[row] as number;
			const delta = (rewards[row] as number) + discount * nextValue - value;
			const advantage = delta + discount * lambda * nextAdvantage;
			advantages[row] = advantage;
			returns[row] = advantage + value;
			nextValue = value;
			nextAdvantage = advantage;
		}
	}
	return { advantages, returns };
}

/**
 * Subtracts from every advantage the mean of the other networks of its task at the same decision, agent by agent, in place: the leave-one-out
 * baseline (Kool et al. 2019, "Buy 4 REINFORCE samples, get a baseline for free!"). They train the same architecture on the same kind of
 * data, so the difficulty of a task, which the critic cannot observe, is subtracted; no other network depends on this one's actions,
 * so the gradient's mean stays the same. Advantages of a task's only network stay as they are.
 */
export function subtractLeaveOneOutMean(
	advantages: Float32Array,
	decisions: readonly DecisionRows[],
	active: Uint8Array,
): void {
	for (const { first, networks, agents } of decisions) {
		for (let agent = 0; agent < agents; agent++) {
			let sum = 0;
			let count = 0;
			const end = first + networks * agents;
			for (let row = first + agent; row < end; row += agents) {
				if (active[row] !== 1) continue;
				sum += advantages[row] as number;
				count++;
			}
			if (count < 2) continue;
			for (let row = first + agent; row < end; row += agents) {
				if (active[row] !== 1) continue;
				const own = advantages[row] as number;
				advantages[row] = own - (sum - own) / (count - 1);
			}
		}
	}
}

/**
 * Mean 0 and standard deviation 1 over the active rows, in place ("The 37 Implementation Details of PPO", detail 7, here per batch
 * and not per mini-batch; 1e-8 keeps a batch of equal advantages at 0). With several phases every one of these equal parts of the
 * episodes is normalised by itself: early decisions change the return far more than late ones and would dominate the scale.
 * @param progress `[rows]`: decision / decisions of the episode
 */
export function normalizeAdvantages(
	advantages: Float32Array,
	active: Uint8Array,
	progress: Float32Array,
	phases: number,
): void {
	const rows = Array.from({ length: phases }, (): number[] => []);
	for (let row = 0; row < advantages.length; row++) {
		// A hair above: as a float, 7 / 10 lies below where its phase begins.
		if (active[row] === 1) rows[Math.floor((progress[row] as number) * phases + 1e-4)]?.push(row);
	}
	for (const phase of rows) normalizeRows(advantages, phase);
}

function normalizeRows(values: Float32Array, rows: readonly number[]): void {
	if (rows.length === 0) return;
	let sum = 0;
	for (const row of rows) sum += values[row] as number;
	const mean = sum / rows.length;
	let squares = 0;
	for (const row of rows) squares += ((values[row] as number) - mean) ** 2;
	const scale = 1 / (Math.sqrt(squares / rows.length) + 1e-8);
	for (const row of rows) values[row] = ((values[row] as number) - mean) * scale;
}

/** 1 − Var(returns − values) / Var(returns) over the active rows; 0 where the returns do not vary. */
export function explainedVariance(returns: Float32Array, values: Float32Array, active: Uint8Array): number {
	let count = 0;
	let returnSum = 0;
	let errorSum = 0;
	for (let i = 0; i < returns.length; i++) {
		if (active[i] !== 1) continue;
		count++;
		returnSum += returns[i] as number;
		errorSum += (returns[i] as number) - (values[i] as number);
	}
	let returnSquares = 0;
	let errorSquares = 0;
	for (let i = 0; i < returns.length; i++) {
		if (active[i] !== 1) continue;
		const deviation = (returns[i] as number) - returnSum / count;
		const error = (returns[i] as number) - (values[i] as number) - errorSum / count;
		returnSquares += deviation * deviation;
		errorSquares += error * error;
	}
	return returnSquares > 0 ? 1 - errorSquares / returnSquares : 0;
}
