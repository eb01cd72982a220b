import { types } from 'node:util';
import { invalidArgument } from '../../arguments.js';
import { ACTION_COUNT, type Actions } from './actions.js';

/**
 * Agents may set a second hyperparameter beside the learning rate, layer by layer. An action is then one joint category,
 * `level × 9 + learning-rate category`. Levels are absolute values, so the observation need not include the level in force. One joint
 * category rather than two heads, because the best value of one depends on the other (decay shrinks a layer by learning rate × decay).
 */

export const SECOND_CONTROLS = ['none', 'weight-decay'] as const;

export type SecondControl = (typeof SECOND_CONTROLS)[number];

/** A second control other than 'none'. */
export type SecondControlName = Exclude<SecondControl, 'none'>;

/** The values of levels 0, 1 and 2; the choice is ours: none, a usual one of decay that is added to the gradient, and the default of AdamW. */
export const WEIGHT_DECAY_LEVELS: readonly number[] = [0, 1e-3, 1e-2];

/** A second control multiplies the number of actions by this. */
export const LEVEL_COUNT = WEIGHT_DECAY_LEVELS.length;

/** Decoded joint actions. The arrays belong to the decoder and are overwritten by the next call. */
export interface DecodedActions {
	/** `[networks × agents]`: learning-rate categories, 0 to 8 */
	readonly actions: Actions;
	/** `[networks × layers]`; undefined: the optimiser's */
	readonly weightDecays?: Float32Array;
}

/** Decodes joint actions into categories of the learning rate and values of the second control. */
export class JointActionDecoder {
	#actions = new Uint8Array(0);
	#weightDecays = new Float32Array(0);

	/**
	 * @param actions `[networks × agents]`, joint categories 0 to 26; one per layer, or one per network for all its layers
	 * @param layers layers of a network
	 * @param rows networks × layers
	 * @throws GannoError `INVALID_ARGUMENT` for a wrong length or a category above 26
	 */
	decode(actions: Actions, layers: number, rows: number): DecodedActions {
		const perLayer = actions.length === rows;
		if (!types.isUint8Array(actions) || (!perLayer && actions.length * layers !== rows)) {
			throw invalidArgument(`a Uint8Array of length ${rows} or ${rows / layers}`, 'actions', actions);
		}
		const largest = ACTION_COUNT * LEVEL_COUNT - 1;
		const wrong = actions.findIndex((action) => action > largest);
		if (wrong >= 0) throw invalidArgument(`an integer from 0 to ${largest}`, `actions[${wrong}]`, actions[wrong]);
		if (this.#actions.length !== actions.length) this.#actions = new Uint8Array(actions.length);
		if (this.#weightDecays.length !== rows) this.#weightDecays = new Float32Array(rows);
		for (let i = 0; i < actions.length; i++) this.#actions[i] = actions[i]! % ACTION_COUNT;
		for (let i = 0; i < rows; i++) {
			const joint = actions[perLayer ? i : Math.floor(i / layers)]!;
			this.#weightDecays[i] = WEIGHT_DECAY_LEVELS[Math.floor(joint / ACTION_COUNT)]!;
		}
		return { actions: this.#actions, weightDecays: this.#weightDecays };
	}
}

/** @param decoder undefined: actions set learning rates only */
export function decodeActions(
	decoder: JointActionDecoder | undefined,
	actions: Actions,
	layers: number,
	rows: number,
): DecodedActions {
	return decoder === undefined ? { actions } : decoder.decode(actions, layers, rows);
}
