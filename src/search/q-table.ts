import type { PhiloxGenerator } from '../philox.js';
import { type Architecture, architecturePath } from './architecture.js';
import type { SearchLearnerSettings } from './search-sections.js';
import {
	actionsOf,
	nextState,
	type SearchLayer,
	type SearchSpace,
	type SearchState,
	startState,
	stateKey,
} from './space.js';

export type QSettings = Pick<SearchLearnerSettings, 'learningRate' | 'discount' | 'initialValue'>;

/** A path through the table: at each step the values of a state's actions, and which action was taken. */
export type QPath = readonly { readonly values: Float64Array; readonly action: number }[];

interface Row {
	readonly actions: readonly SearchLayer[];
	readonly values: Float64Array;
}

/**
 * The action values of the states visited so far, with sizes bucketed as the agent observes them. A path through the space is an
 * architecture; its reward comes at the end.
 */
export class QTable {
	readonly #space: SearchSpace;
	readonly #settings: QSettings;
	readonly #rows = new Map<string, Row>();

	constructor(space: SearchSpace, settings: QSettings) {
		this.#space = space;
		this.#settings = settings;
	}

	/** Of every action, in the order of `actionsOf`. The array is updated in place: copy what you keep. */
	values(state: SearchState): Float64Array {
		return this.#row(state).values;
	}

	/**
	 * The entries of the table on an architecture's path.
	 * @throws GannoError `INVALID_ARGUMENT` where the space does not contain it
	 */
	path(architecture: Architecture): QPath {
		return architecturePath(this.#space, architecture).map(({ state, action }) => ({
			values: this.#row(state).values,
			action,
		}));
	}

	/**
	 * The update of a whole path, from its end to its start (Baker et al. 2017, section 3 and the authors' code): the last action's value moves
	 * towards the reward, each earlier one's towards the best value of the state it led to, as it is by then.
	 */
	update(path: QPath, reward: number): void {
		const { learningRate, discount } = this.#settings;
		let target = reward;
		for (let i = path.length - 1; i >= 0; i--) {
			const { values, action } = path[i] as QPath[number];
			const value = values[action] as number;
			values[action] = value + learningRate * (target - value);
			target = discount * maximum(values);
		}
	}

	/** An architecture, layer by layer: at each a uniformly random action with probability ε, else the best (ties: uniformly random). */
	choose(epsilon: number, random: PhiloxGenerator): Architecture {
		const layers: SearchLayer[] = [];
		for (let state = startState(this.#space); state.layer?.type !== 'softmax'; ) {
			const { actions, values } = this.#row(state);
			const layer = actions[chooseAction(values, epsilon, random)] as SearchLayer;
			layers.push(layer);
			state = nextState(state, layer);
		}
		return layers;
	}

	#row(state: SearchState): Row {
		const key = stateKey(this.#space, state);
		let row = this.#rows.get(key);
		if (row === undefined) {
			const actions = actionsOf(this.#space, state);
			row = { actions, values: new Float64Array(actions.length).fill(this.#settings.initialValue) };
			this.#rows.set(key, row);
		}
		return row;
	}
}

function chooseAction(values: Float64Array, epsilon: number, random: PhiloxGenerator): number {
	if (random.nextFloat() < epsilon) return random.nextInteger(values.length);
	const best = maximum(values);
	let ties = 0;
	for (const value of values) if (value === best) ties++;
	let chosen = random.nextInteger(ties);
	return values.findIndex((value) => value === best && chosen-- === 0);
}

function maximum(values: Float64Array): number {
	let largest = Number.NEGATIVE_INFINITY;
	for (const value of values) if (value > largest) largest = value;
	return largest;
}
