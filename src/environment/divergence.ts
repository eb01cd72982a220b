import { DIVERGED_LOSS } from '../networks/population.js';

/** A validation loss above this many times the initial one counts as lost … */
export const DIVERGENCE_FACTOR = 4;

/** … when it stays there for this many decisions in a row: a single spike may be recovered from. */
export const DIVERGENCE_PATIENCE = 3;

export interface DivergenceState {
	/** `[networks]` before the first step */
	readonly initialLoss: readonly number[];
	/** `[networks]`: decisions in a row above the limit */
	readonly above: readonly number[];
}

/**
 * Says which networks have diverged: a loss that is not finite (populations report it as `DIVERGED_LOSS`, 1e6), or a validation loss
 * above 4 × the initial one at three decisions in a row. A network that diverged stays so until the next reset.
 */
export class DivergenceDetector {
	readonly #initialLoss: Float64Array;
	readonly #above: Uint8Array;

	constructor(networks: number) {
		this.#initialLoss = new Float64Array(networks);
		this.#above = new Uint8Array(networks);
	}

	/**
	 * @param validationLoss `[networks]` before the first step
	 * @param diverged `[networks]`, written: 1 where that loss is not finite already
	 */
	reset(validationLoss: Float32Array, diverged: Uint8Array): void {
		for (let n = 0; n < this.#above.length; n++) {
			const loss = validationLoss[n]!;
			this.#initialLoss[n] = loss;
			this.#above[n] = 0;
			diverged[n] = isBroken(loss) ? 1 : 0;
		}
	}

	/** What it remembers, as plain data. */
	state(): DivergenceState {
		return { initialLoss: [...this.#initialLoss], above: [...this.#above] };
	}

	restore({ initialLoss, above }: DivergenceState): void {
		this.#initialLoss.set(initialLoss);
		this.#above.set(above);
	}

	/**
	 * @param validationLoss `[networks]` after the interval
	 * @param trainingLoss `[networks]` mean over the interval
	 * @param diverged `[networks]`, updated: never set back
	 */
	update(validationLoss: Float32Array, trainingLoss: Float32Array, diverged: Uint8Array): void {
		for (let n = 0; n < this.#above.length; n++) {
			if (diverged[n] === 1) continue;
			const loss = validationLoss[n]!;
			if (isBroken(loss) || !Number.isFinite(trainingLoss[n]!)) {
				diverged[n] = 1;
				continue;
			}
			this.#above[n] = loss > DIVERGENCE_FACTOR * this.#initialLoss[n]! ? this.#above[n]! + 1 : 0;
			if (this.#above[n]! >= DIVERGENCE_PATIENCE) diverged[n] = 1;
		}
	}
}

function isBroken(loss: number): boolean {
	return !(loss < DIVERGED_LOSS);
}
