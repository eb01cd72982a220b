import { types } from 'node:util';
import type { Actions } from '../environment/actions/actions.js';
import { gaussianEntropy, gaussianLogDensity, logDeviation, logDeviationSlope } from '../policy/gaussian.js';
import { logSumExp } from '../policy/sampling.js';
import { deterministicExp } from '../policy/transcendental.js';

/** The action distribution that a row of the actor's outputs parametrises. */
export interface PolicyHead {
	/** Reads a row of outputs, and the action of row `row` of the batch. */
	read(outputs: Float32Array, offset: number, row: number): void;
	/** ln π(action), or its density's logarithm. */
	readonly logProbability: number;
	readonly entropy: number;
	/**
	 * The gradient of `policy · ln π(action) − bonus · entropy`, times `weight`, with respect to the outputs read last.
	 * @param out written from `offset` on
	 */
	write(out: Float32Array, offset: number, weight: number, policy: number, bonus: number): void;
}

/** The head of actions of this kind: Gaussian for real numbers, else softmax over `outputs` categories. */
export function openPolicyHead(actions: Actions, outputs: number): PolicyHead {
	return types.isFloat32Array(actions) ? new GaussianHead(actions) : new CategoricalHead(actions, outputs);
}

class CategoricalHead implements PolicyHead {
	logProbability = 0;
	entropy = 0;
	readonly #actions: Uint8Array;
	readonly #logProbabilities: Float64Array;
	#taken = 0;

	constructor(actions: Uint8Array, outputs: number) {
		this.#actions = actions;
		this.#logProbabilities = new Float64Array(outputs);
	}

	read(logits: Float32Array, offset: number, row: number): void {
		const all = this.#logProbabilities;
		const normalizer = logSumExp(logits, offset, all.length);
		let entropy = 0;
		for (let action = 0; action < all.length; action++) {
			const logProbability = (logits[offset + action] as number) - normalizer;
			all[action] = logProbability;
			entropy -= deterministicExp(logProbability) * logProbability;
		}
		this.#taken = this.#actions[row] as number;
		this.logProbability = all[this.#taken] as number;
		this.entropy = entropy;
	}

	write(out: Float32Array, offset: number, weight: number, policy: number, bonus: number): void {
		const all = this.#logProbabilities;
		for (let action = 0; action < all.length; action++) {
			const logProbability = all[action] as number;
			const probability = deterministicExp(logProbability);
			const score = (action === this.#taken ? 1 : 0) - probability; // d(ln π(taken))/d(logit)
			const dEntropy = -probability * (logProbability + this.entropy);
			out[offset + action] = weight * (policy * score - bonus * dEntropy);
		}
	}
}

class GaussianHead implements PolicyHead {
	logProbability = 0;
	entropy = 0;
	readonly #actions: Float32Array;
	#z = 0;
	#logSigma = 0;

	constructor(actions: Float32Array) {
		this.#actions = actions;
	}

	read(outputs: Float32Array, offset: number, row: number): void {
		this.#logSigma = logDeviation(outputs[offset + 1] as number);
		this.#z = ((this.#actions[row] as number) - (outputs[offset] as number)) / deterministicExp(this.#logSigma);
		this.logProbability = gaussianLogDensity(this.#z, this.#logSigma);
		this.entropy = gaussianEntropy(this.#logSigma);
	}

	write(out: Float32Array, offset: number, weight: number, policy: number, bonus: number): void {
		// d ln π / dμ = z / σ; d ln π / d ln σ = z² − 1; d entropy / d ln σ = 1.
		const slope = logDeviationSlope(this.#logSigma);
		out[offset] = weight * policy * this.#z * deterministicExp(-this.#logSigma);
		out[offset + 1] = weight * slope * (policy * (this.#z * this.#z - 1) - bonus);
	}
}
