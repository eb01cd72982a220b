import type { EnvironmentInfos } from '../../environment/step-result.js';
import type { EpisodeBuffer } from './episode-buffer.js';
import { writeFinalOutcomes, writeInitialOutcomes, writeTestOutcomes } from './outcomes.js';

/** `[networks]` each */
type Validation = Pick<EnvironmentInfos, 'validationLoss' | 'validationAccuracy'>;

/** Writes an episode into its buffer as it goes, whatever trains the networks. */
export class EpisodeRecorder {
	readonly #started = performance.now();
	readonly #buffer: EpisodeBuffer;
	readonly #decisions: number;
	readonly #testPoints: number;
	readonly #evaluateTest: (out: Float32Array) => void;
	readonly #tests: Float32Array;
	#decision = 0;

	/**
	 * @param testPoints how often the test split is looked at, evenly spread, the last time at the end; 0: never
	 * @param evaluateTest writes `[networks × 2]`: loss and accuracy on the test split
	 */
	constructor(buffer: EpisodeBuffer, testPoints: number, evaluateTest: (out: Float32Array) => void) {
		const networks = buffer.diverged.length;
		this.#buffer = buffer;
		this.#decisions = buffer.history.validationLoss.length / networks - 1;
		this.#testPoints = testPoints;
		this.#evaluateTest = evaluateTest;
		this.#tests = new Float32Array(networks * 2);
	}

	/** Before the first step. */
	begin(validation: Validation): void {
		const { returns, outcomes, history } = this.#buffer;
		returns.fill(0);
		history.learningRates.fill(0);
		history.bestTestAccuracy.fill(Number.NaN);
		writeInitialOutcomes(outcomes, validation);
		this.#write(validation);
	}

	/** After a decision and its interval. */
	decided(validation: Validation): void {
		const decision = ++this.#decision;
		this.#write(validation);
		// The end is measured by end(), whenever it comes.
		const inside = this.#testPoints > 1 && decision < this.#decisions;
		if (inside && isTestPoint(decision, this.#decisions, this.#testPoints)) this.#recordTest();
	}

	/** After the last decision, which may have come early. */
	end(validation: Validation): void {
		this.#fillRemaining();
		writeFinalOutcomes(this.#buffer.outcomes, validation);
		if (this.#testPoints === 0) return;
		this.#recordTest();
		writeTestOutcomes(this.#buffer.outcomes, this.#tests);
	}

	/** Stops the clock. @param nativeMilliseconds absent: native calls and TypeScript alternated at every step, and all counts */
	stop(nativeMilliseconds?: number): void {
		const { milliseconds } = this.#buffer;
		const total = performance.now() - this.#started;
		milliseconds[0] = total;
		milliseconds[1] = nativeMilliseconds ?? total;
	}

	#write({ validationLoss, validationAccuracy }: Validation): void {
		const { history } = this.#buffer;
		const points = this.#decisions + 1;
		for (let n = 0; n < validationLoss.length; n++) {
			history.validationLoss[n * points + this.#decision] = validationLoss[n] as number;
			history.validationAccuracy[n * points + this.#decision] = validationAccuracy[n] as number;
		}
	}

	/** From the last decision on nothing changed any more. */
	#fillRemaining(): void {
		const { validationLoss, validationAccuracy } = this.#buffer.history;
		const points = this.#decisions + 1;
		for (const values of [validationLoss, validationAccuracy]) {
			for (let last = this.#decision; last < values.length; last += points) {
				values.fill(values[last] as number, last + 1, last - this.#decision + points);
			}
		}
	}

	#recordTest(): void {
		this.#evaluateTest(this.#tests);
		const best = this.#buffer.history.bestTestAccuracy;
		for (let n = 0; n < best.length; n++) {
			const accuracy = this.#tests[n * 2 + 1] as number;
			if (!((best[n] as number) >= accuracy)) best[n] = accuracy;
		}
	}
}

/** Whether the test split is looked at after decision `decision` when `points` looks are spread evenly over an episode, the last at its end. */
function isTestPoint(decision: number, decisions: number, points: number): boolean {
	return Math.floor((decision * points) / decisions) > Math.floor(((decision - 1) * points) / decisions);
}
