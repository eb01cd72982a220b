import { DivergenceDetector, type DivergenceState } from '../environment/rewards/divergence.js';
import { DIVERGED_LOSS } from '../networks/population.js';
import { checkHeldOutLoss } from './losses.js';

const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;
const SMALLEST_NORMAL_FLOAT = 2 ** -126;

/** A loss as populations report it, in float32; unchanged where float32 cannot represent it. */
export function storedLoss(loss: number): number {
	const size = Math.abs(loss);
	return size > LARGEST_FLOAT || size < SMALLEST_NORMAL_FLOAT ? loss : Math.fround(loss);
}

/** A loss as controllers see it, in float32. */
function clampToFloat32(loss: number): number {
	if (!Number.isFinite(loss)) return DIVERGED_LOSS;
	return Math.max(-LARGEST_FLOAT, Math.min(loss, LARGEST_FLOAT));
}

/** A monitor's state, as plain data. */
export interface LossMonitorState {
	readonly training: DivergenceState;
	/** Null: no held-out loss yet. */
	readonly heldOut: DivergenceState | null;
}

/** Monitors the losses of one training, interval by interval, for divergence, by the rule of the training environment. */
export class LossMonitor {
	/** `[1]` each, of the last interval; the training loss stands in for a held-out loss that is not measured. */
	readonly trainingLoss = new Float32Array(1);
	readonly validationLoss = new Float32Array(1);
	diverged = false;
	/** The last decision's loss was not above the limit: a snapshot taken now may be rolled back to. */
	isSafeSnapshot = true;
	/** A held-out loss reported with a mini-batch of this interval. */
	intervalValidationLoss: number | undefined;
	/** A held-out loss that counts at every decision until the next report; ignored where the monitor measures its own. */
	reportedValidationLoss: number | undefined;
	readonly #measureHeldOut: (() => number) | undefined;
	/** Training and held-out losses may be of different kinds (a sum and a mean): each is compared with its own initial loss. */
	readonly #training: DivergenceDetector;
	readonly #heldOut: DivergenceDetector;
	#started = false;
	#heldOutStarted = false;
	readonly #flag = new Uint8Array(1);

	/** @param leastScale a lower bound of the scale of losses, see DivergenceDetector */
	constructor(measureHeldOut: (() => number) | undefined, leastScale: number) {
		this.#measureHeldOut = measureHeldOut;
		this.#training = new DivergenceDetector(1, { leastScale });
		this.#heldOut = new DivergenceDetector(1, { leastScale });
	}

	/** The loss before the first step, with which later ones are compared; calls after the first do nothing. @param loss finite */
	start(loss: number): void {
		if (this.#started) return;
		this.#started = true;
		this.validationLoss[0] = clampToFloat32(loss); // until one is measured
		this.#training.reset([loss], this.#flag);
	}

	/** @param losses the interval's training losses, the first `steps` of them; finite */
	update(losses: Float64Array, steps: number): void {
		const training = storedLoss(mean(losses, 0, steps));
		const own = this.#measureHeldOut === undefined ? this.reportedValidationLoss : undefined;
		const measured =
			this.intervalValidationLoss ?? own ?? (this.#measureHeldOut && checkHeldOutLoss(this.#measureHeldOut()));
		const heldOut = measured === undefined ? undefined : storedLoss(measured);
		const loss = heldOut ?? training;
		this.trainingLoss[0] = clampToFloat32(training);
		this.validationLoss[0] = clampToFloat32(loss);
		if (!Number.isFinite(loss)) this.diverged = true;
		if (this.diverged) {
			this.isSafeSnapshot = false;
			this.#started = true;
			return;
		}
		if (!this.#started) {
			this.start(training);
			this.validationLoss[0] = clampToFloat32(loss);
			if (heldOut !== undefined) this.#startHeldOut(heldOut);
			return;
		}
		const spread = spreadOf(losses, steps);
		this.#flag[0] = 0;
		this.#training.update([training], [training], this.#flag, [spread]);
		if (heldOut !== undefined) {
			// Without a held-out loss before the first step the initial training loss stands in, unless the two are of different kinds.
			if (!this.#heldOutStarted) {
				const differs = !this.#training.isAbove(0) && heldOut > this.#training.limit(0);
				this.#startHeldOut(differs ? heldOut : this.#training.start(0));
			}
			this.#flag[0] = 0;
			this.#heldOut.update([heldOut], [training], this.#flag, [spread]);
		}
		this.diverged = this.#flag[0] === 1;
		this.isSafeSnapshot = !this.diverged && !(heldOut === undefined ? this.#training : this.#heldOut).isAbove(0);
	}

	state(): LossMonitorState {
		return { training: this.#training.state(), heldOut: this.#heldOutStarted ? this.#heldOut.state() : null };
	}

	restore({ training, heldOut }: LossMonitorState, diverged: boolean, started: boolean): void {
		this.#training.restore(training);
		if (heldOut !== null) this.#heldOut.restore(heldOut);
		this.#heldOutStarted = started && heldOut !== null;
		this.diverged = diverged;
		this.#started = started;
	}

	#startHeldOut(loss: number): void {
		this.#heldOutStarted = true;
		this.#heldOut.reset([loss], this.#flag);
	}
}

function mean(values: Float64Array, begin: number, end: number): number {
	let sum = 0;
	for (let k = begin; k < end; k++) sum += values[k]!;
	if (Number.isFinite(sum)) return sum / (end - begin);
	sum = 0; // overflow: divide before adding
	for (let k = begin; k < end; k++) sum += values[k]! / (end - begin);
	return sum;
}

/** Standard deviation, computed on differences divided by the largest one, because their squares could overflow. */
function deviation(values: Float64Array, begin: number, end: number): number {
	const centre = mean(values, begin, end);
	let largest = 0;
	for (let k = begin; k < end; k++) largest = Math.max(largest, Math.abs(values[k]! - centre));
	if (largest === 0) return 0;
	let squares = 0;
	for (let k = begin; k < end; k++) squares += ((values[k]! - centre) / largest) ** 2;
	return Math.min(largest * Math.sqrt(squares / (end - begin)), Number.MAX_VALUE);
}

/**
 * Spread of the single losses of an interval: the smaller deviation of its two halves. Noise is in both; a jump, and most of a steady
 * rise, is in one.
 */
function spreadOf(losses: Float64Array, steps: number): number {
	const half = steps >> 1;
	return half === 0 ? 0 : Math.min(deviation(losses, 0, half), deviation(losses, half, steps));
}
