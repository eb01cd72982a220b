/** Of a loss that is never negative: above this many times the initial one a network counts as diverged … */
export const DIVERGENCE_FACTOR = 4;

/** … when it stays there for this many decisions in a row: a network may recover from a single spike. */
export const DIVERGENCE_PATIENCE = 3;

/**
 * An initial loss of at most this part of the next one is no measure of the scale of later losses. The part is small because a million-fold
 * rise within an interval usually is an explosion. (Among populations' losses, below 1e6, only a start below 1e-3 can be negligible, and that
 * is a task solved: `logLoss` ends there as well.)
 */
const NEGLIGIBLE = 1e-9;

export interface DivergenceOptions {
	/** Losses from here on count as not finite: `DIVERGED_LOSS` where populations report them. Default Infinity. */
	readonly brokenLoss?: number;
	/** A lower bound of the scale of losses; Infinity: only a loss that is not finite counts. Default 0. */
	readonly leastScale?: number;
}

/** A detector's state, as plain data; all `[networks]`. */
export interface DivergenceState {
	/** Before the first step. */
	readonly initialLoss: readonly number[];
	/** Lowest so far. */
	readonly lowestLoss: readonly number[];
	/** Largest so far. */
	readonly spread: readonly number[];
	/** Decisions in a row above the limit. */
	readonly above: readonly number[];
	/** 1: no loss but the initial one has been seen yet. */
	readonly first: readonly number[];
}

/**
 * Detects diverged networks: those whose loss is not finite, or lies above `start + 3 × scale` at three decisions in a row. A
 * network that diverged stays so until the next reset.
 *
 * The rule holds for losses of any sign and size: the scale is taken from the losses themselves. It is the largest of
 * - |start|. A loss that is never negative has 4 × its start for a limit, which is the rule of meta-training: such a loss cannot fall
 *   by more than it is. One that starts at −4 has −4 + 12.
 * - how far the loss has fallen below its start: one that went from 0.1 to −50 may rise a long way without having diverged.
 * - the spread of single mini-batch losses, where it is known: a loss that starts near 0 by chance would have no scale otherwise. Spreads of
 *   intervals above the limit do not count, because an explosion has a spread as well; that of the first interval always does.
 *
 * A start that is negligible beside the next loss (a critic initialised to zeros, rewards that have not come yet) has no scale at all; that
 * loss takes its place.
 */
export class DivergenceDetector {
	readonly #brokenLoss: number;
	readonly #leastScale: number;
	readonly #initialLoss: Float64Array;
	readonly #lowestLoss: Float64Array;
	readonly #spread: Float64Array;
	readonly #above: Uint8Array;
	readonly #first: Uint8Array;

	constructor(networks: number, { brokenLoss = Number.POSITIVE_INFINITY, leastScale = 0 }: DivergenceOptions = {}) {
		this.#brokenLoss = brokenLoss;
		this.#leastScale = leastScale;
		this.#initialLoss = new Float64Array(networks);
		this.#lowestLoss = new Float64Array(networks);
		this.#spread = new Float64Array(networks);
		this.#above = new Uint8Array(networks);
		this.#first = new Uint8Array(networks);
	}

	/**
	 * @param loss `[networks]` before the first step, on held-out data where it is measured
	 * @param diverged `[networks]`, written: 1 where that loss is not finite already
	 */
	reset(loss: ArrayLike<number>, diverged: Uint8Array): void {
		for (let n = 0; n < this.#above.length; n++) {
			this.#initialLoss[n] = loss[n]!;
			this.#lowestLoss[n] = loss[n]!;
			diverged[n] = this.#isBroken(loss[n]!) ? 1 : 0;
		}
		this.#spread.fill(0);
		this.#above.fill(0);
		this.#first.fill(1);
	}

	/** The state, as plain data. */
	state(): DivergenceState {
		return {
			initialLoss: [...this.#initialLoss],
			lowestLoss: [...this.#lowestLoss],
			spread: [...this.#spread],
			above: [...this.#above],
			first: [...this.#first],
		};
	}

	restore({ initialLoss, lowestLoss, spread, above, first }: DivergenceState): void {
		this.#initialLoss.set(initialLoss);
		this.#lowestLoss.set(lowestLoss);
		this.#spread.set(spread);
		this.#above.set(above);
		this.#first.set(first);
	}

	/**
	 * @param loss `[networks]` after the interval, of the same kind as the one before the first step
	 * @param trainingLoss `[networks]` mean over the interval
	 * @param diverged `[networks]`, updated: never set back
	 * @param spread `[networks]` of single mini-batch losses in the interval; absent: unknown
	 */
	update(
		loss: ArrayLike<number>,
		trainingLoss: ArrayLike<number>,
		diverged: Uint8Array,
		spread?: ArrayLike<number>,
	): void {
		for (let n = 0; n < this.#above.length; n++) {
			if (diverged[n] === 1) continue;
			const now = loss[n]!;
			if (this.#isBroken(now) || !Number.isFinite(trainingLoss[n]!)) {
				diverged[n] = 1;
				continue;
			}
			const isFirst = this.#first[n] === 1;
			if (now !== this.#initialLoss[n]) this.#first[n] = 0;
			if (isFirst && Math.abs(this.#initialLoss[n]!) <= NEGLIGIBLE * Math.abs(now)) {
				this.#initialLoss[n] = now;
				this.#lowestLoss[n] = now;
			}
			this.#lowestLoss[n] = Math.min(this.#lowestLoss[n]!, now);
			const isAbove = now > this.limit(n, isFirst ? spread?.[n] : 0);
			if (spread !== undefined && (isFirst || !isAbove)) this.#spread[n] = Math.max(this.#spread[n]!, spread[n]!);
			this.#above[n] = isAbove ? this.#above[n]! + 1 : 0;
			if (this.#above[n]! >= DIVERGENCE_PATIENCE) diverged[n] = 1;
		}
	}

	/** The loss of a network above which a decision counts. @param spread beside those seen so far */
	limit(network: number, spread = 0): number {
		const start = this.#initialLoss[network]!;
		const fall = start - this.#lowestLoss[network]!;
		const scale = Math.max(Math.abs(start), fall, this.#spread[network]!, spread, this.#leastScale);
		return scale === start ? DIVERGENCE_FACTOR * start : start + (DIVERGENCE_FACTOR - 1) * scale;
	}

	/** The loss that a network's later losses are compared with. */
	start(network: number): number {
		return this.#initialLoss[network]!;
	}

	/** Whether a network's last loss was above its limit. */
	isAbove(network: number): boolean {
		return this.#above[network]! > 0;
	}

	#isBroken(loss: number): boolean {
		return !(loss < this.#brokenLoss) || loss === Number.NEGATIVE_INFINITY;
	}
}
