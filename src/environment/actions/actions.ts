import { types } from 'node:util';
import { checkOneOf, invalidArgument } from '../../arguments.js';
import { LEARNING_RATE_LIMITS } from '../../tasks/task.js';

/** Categories of every action rule; 4 is the middle one. */
export const ACTION_COUNT = 9;

/** The action that leaves the learning rate unchanged in the multiplying modes; feature `previousAction` encodes it as 0. */
export const NEUTRAL_ACTION = 4;

/** Actions of agents: categories, or the real numbers of a continuous policy. `[networks × agents]` */
export type Actions = Uint8Array | Float32Array;

/** How a category becomes a learning rate; see {@link ActionRule}. */
export const ACTION_MODES = ['compounding', 'coarse', 'absolute'] as const;

export type ActionMode = (typeof ACTION_MODES)[number];

/**
 * Multipliers of `compounding`. Three of them change the learning rate by a decade or more in one or two decisions: measurements
 * show that robustness to the initial learning rate depends on it.
 */
export const COMPOUNDING_MULTIPLIERS: readonly number[] = [0.1, 0.3, 0.5, 0.8, 1, 1.25, 2, 3.33, 10];

/** Multipliers of `coarse`: two decades in one decision, so that a bad initial learning rate costs one interval; wide steps in between. */
export const COARSE_MULTIPLIERS: readonly number[] = [0.01, 0.1, 0.4, 0.75, 1, 1.33, 2.5, 10, 100];

/** `absolute`: 10^(−3 + 2.5 a) for a in [−1, 1], the five decades from 10^−5.5 to 10^−0.5. */
export const ABSOLUTE_CENTRE = -3;
export const ABSOLUTE_RANGE = 2.5;

/** Feature `previousAction`: (a − 4) / 4, in [−1, 1]. */
export function encodeAction(action: number): number {
	return (action - NEUTRAL_ACTION) / NEUTRAL_ACTION;
}

/** Turns actions into learning rates. */
export interface LearningRateRule {
	readonly mode: string;
	/** Largest factor of a decision, for modes that have one. */
	readonly multiplier?: number;
	/** @param learningRates `[networks × layers]`, updated in place; as they were where this throws */
	apply(actions: Actions, layers: number, learningRates: Float32Array): void;
}

/** @throws GannoError `INVALID_ARGUMENT` for actions of another kind or number. @param length networks × agents */
export function checkActions(actions: Actions, continuous: boolean, length: number): void {
	const fits = continuous ? types.isFloat32Array(actions) : types.isUint8Array(actions);
	if (fits && actions.length === length) return;
	const type = continuous ? 'Float32Array' : 'Uint8Array';
	throw invalidArgument(`a ${type} of length ${length} (networks × agents)`, 'actions', actions);
}

function table(mode: ActionMode): Float64Array {
	switch (mode) {
		case 'compounding':
			return Float64Array.from(COMPOUNDING_MULTIPLIERS);
		case 'coarse':
			return Float64Array.from(COARSE_MULTIPLIERS);
		case 'absolute':
			return Float64Array.from(
				{ length: ACTION_COUNT },
				(_, a) => 10 ** (ABSOLUTE_CENTRE + ABSOLUTE_RANGE * encodeAction(a)),
			);
	}
}

/** Within {@link LEARNING_RATE_LIMITS}. */
export function clipLearningRate(rate: number): number {
	return rate < LEARNING_RATE_LIMITS.low ? LEARNING_RATE_LIMITS.low : Math.min(rate, LEARNING_RATE_LIMITS.high);
}

/**
 * Turns actions into learning rates, clipped to [1e-6, 1]:
 * - `compounding`, `coarse`: η ← η × multiplier
 * - `absolute`: η ← 10^(−3 + 2.5 (a − 4) / 4)
 */
export class ActionRule implements LearningRateRule {
	readonly mode: ActionMode;
	readonly #values: Float64Array;

	constructor(mode: ActionMode = 'compounding') {
		this.mode = checkOneOf(mode, 'action', ACTION_MODES);
		this.#values = table(mode);
	}

	/**
	 * @param actions `[networks × agents]`; one per layer, or one per network for all its layers
	 * @param layers layers of a network
	 * @param learningRates `[networks × layers]`, updated in place
	 * @throws GannoError `INVALID_ARGUMENT` for a wrong length or a category above 8; nothing is changed then
	 */
	apply(actions: Actions, layers: number, learningRates: Float32Array): void {
		const rows = learningRates.length;
		const perLayer = actions.length === rows;
		if (!types.isUint8Array(actions) || (!perLayer && actions.length * layers !== rows)) {
			throw invalidArgument(`a Uint8Array of length ${rows} or ${rows / layers}`, 'actions', actions);
		}
		for (let i = 0; i < actions.length; i++) {
			if (actions[i]! >= ACTION_COUNT) {
				throw invalidArgument(`an integer from 0 to ${ACTION_COUNT - 1}`, `actions[${i}]`, actions[i]);
			}
		}
		const absolute = this.mode === 'absolute';
		for (let i = 0; i < rows; i++) {
			const value = this.#values[actions[perLayer ? i : Math.floor(i / layers)]!]!;
			learningRates[i] = clipLearningRate(absolute ? value : learningRates[i]! * value);
		}
	}
}
