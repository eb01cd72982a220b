import { types } from 'node:util';
import { checkFiniteElements, checkFloat32Array, checkKeys, invalidArgument, keysOf } from '../../arguments.js';
import { CONTROL_KEYS, type PopulationControls } from '../../networks/population-arguments.js';
import type { Decision } from '../controller.js';
import { ACTION_COUNT, type Actions } from './actions.js';

/**
 * What agents may set beside the learning rate, layer by layer: it reaches the optimiser through the same table of controls. An action is
 * then one joint category, `level × 9 + learning-rate category`. Levels are absolute values, so that nothing of an earlier decision has
 * to be observed: the observation stays as it is. One joint category rather than two heads, as what is right for the one control
 * depends on the other (decay shrinks a layer by learning rate × decay).
 */

export const SECOND_CONTROLS = ['none', 'weight-decay'] as const;

export type SecondControl = (typeof SECOND_CONTROLS)[number];

/** A second control that there is. */
export type SecondControlName = Exclude<SecondControl, 'none'>;

/** Levels 0, 1 and 2; the choice is ours: none, a usual value of decay that is added to the gradient, and the default of AdamW. */
export const WEIGHT_DECAY_LEVELS: readonly number[] = [0, 1e-3, 1e-2];

/** A second control multiplies the number of actions by this. */
export const LEVEL_COUNT = WEIGHT_DECAY_LEVELS.length;

/** Joint actions, taken apart. The arrays are the splitter's own, overwritten by the next call. */
export interface SplitActions {
	/** `[networks × agents]`: learning-rate categories, 0 to 8 */
	readonly actions: Actions;
	/** `[networks × layers]`; undefined: the optimiser's */
	readonly weightDecays?: Float32Array;
}

/** Takes joint actions apart. */
export class ActionSplitter {
	#actions = new Uint8Array(0);
	#weightDecays = new Float32Array(0);

	/**
	 * @param actions `[networks × agents]`, joint categories 0 to 26; one per layer, or one per network for all its layers
	 * @param layers layers of a network
	 * @param rows networks × layers
	 * @throws GannoError `INVALID_ARGUMENT` for a wrong length or a category above 26
	 */
	split(actions: Actions, layers: number, rows: number): SplitActions {
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

/** Learning-rate actions, and what else joint ones set. @param splitter undefined: there are learning rates only */
export function splitActions(
	splitter: ActionSplitter | undefined,
	actions: Actions,
	layers: number,
	rows: number,
): SplitActions {
	return splitter === undefined ? { actions } : splitter.split(actions, layers, rows);
}

/** What a population takes: learning rates alone, where nothing else is set. */
export function populationControls(
	learningRates: Float32Array,
	{ weightDecays, momenta }: Omit<PopulationControls, 'learningRates'>,
): Float32Array | PopulationControls {
	return weightDecays === undefined && momenta === undefined ? learningRates : { learningRates, weightDecays, momenta };
}

/** A Decision may be given whole; what else it says is for others to read. */
const DECISION_KEYS = [
	...CONTROL_KEYS,
	...keysOf<Pick<Decision, 'baseSchedule' | 'actions'>>({ baseSchedule: true, actions: true }),
];

/** Controls that came from outside. @throws GannoError `INVALID_ARGUMENT` @param size networks × layers */
export function checkControls(controls: Float32Array | PopulationControls, size: number): PopulationControls {
	if (types.isFloat32Array(controls)) return checkControls({ learningRates: controls }, size);
	checkKeys(controls, 'controls', DECISION_KEYS);
	const { learningRates, weightDecays, momenta } = controls;
	const check = (values: Float32Array, name: string): void => {
		checkFiniteElements(checkFloat32Array(values, name, size, 'networks × layers'), name, 0);
	};
	check(learningRates, 'learningRates');
	if (weightDecays !== undefined) check(weightDecays, 'weightDecays');
	if (momenta !== undefined) {
		check(momenta, 'momenta');
		const above = momenta.findIndex((momentum) => momentum > 1);
		if (above >= 0) throw invalidArgument('numbers from 0 to 1', `momenta[${above}]`, momenta[above]);
	}
	return controls;
}
