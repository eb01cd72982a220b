import { DivergenceDetector, type DivergenceState } from '../environment/divergence.js';
import { DIVERGED_LOSS } from '../networks/population.js';

/** Losses of one training, interval by interval, and whether it has diverged: the rule of the training environment. */
export class LossWatch {
	/** `[1]` each, of the last interval; the held-out loss is the training loss where nobody measures one. */
	readonly trainingLoss = new Float32Array(1);
	readonly validationLoss = new Float32Array(1);
	diverged = false;
	/** A held-out loss reported in this interval. */
	given: number | undefined;
	readonly #measureHeldOut: (() => number) | undefined;
	readonly #detector = new DivergenceDetector(1);
	readonly #flag = new Uint8Array(1);
	#started = false;

	constructor(measureHeldOut: (() => number) | undefined) {
		this.#measureHeldOut = measureHeldOut;
	}

	/** No loss too high at the last decision: what is kept now is worth going back to. */
	get sound(): boolean {
		return !this.diverged && this.#detector.state().above[0] === 0;
	}

	/** The loss before the first step, which later ones are measured by; calls after the first do nothing. */
	start(loss: number): void {
		if (this.#started) return;
		this.#started = true;
		this.validationLoss[0] = loss;
		this.#detector.reset(this.validationLoss, this.#flag);
		this.diverged = this.#flag[0] === 1;
	}

	/** @param losses the interval's training losses, the first `steps` of them */
	measure(losses: Float32Array, steps: number): void {
		let sum = 0;
		for (let k = 0; k < steps; k++) sum += losses[k]!;
		this.trainingLoss[0] = sum / steps;
		const measured = this.given ?? this.#measureHeldOut?.() ?? this.trainingLoss[0]!;
		const loss = Number.isNaN(measured) ? DIVERGED_LOSS : Math.min(measured, DIVERGED_LOSS);
		if (!this.#started) {
			this.start(loss);
			return;
		}
		this.validationLoss[0] = loss;
		this.#flag[0] = this.diverged ? 1 : 0;
		this.#detector.update(this.validationLoss, this.trainingLoss, this.#flag);
		this.diverged = this.#flag[0] === 1;
	}

	state(): DivergenceState {
		return this.#detector.state();
	}

	restore(state: DivergenceState, diverged: boolean, started: boolean): void {
		this.#detector.restore(state);
		this.diverged = diverged;
		this.#started = started;
	}
}
