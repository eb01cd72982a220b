import * as tf from '@tensorflow/tfjs';
import { registeredVariable } from './registered-variables.js';
import { automaticName, suffixNumber, withoutSuffix } from './variable-names.js';
import type { NamedState, VariableState } from './variable-state.js';

/** One variable and a loaded state that may belong to it. */
type Pair = readonly [variable: tf.Variable, state: NamedState];

const fits = ([variable, { shape }]: Pair): boolean => tf.util.arraysEqual([...shape], variable.shape);

/**
 * Whether a state may be transferred to a variable of another name. An existing variable of the same name has precedence, except where
 * tfjs may have renamed this variable because that one existed: then this one is newer, and its name is tfjs's (`a/kernel_1` beside
 * `a/kernel`). An existing frozen variable keeps its state for when it is trained again.
 */
function mayTransfer([variable, { name }]: Pair): boolean {
	const owner = registeredVariable(name);
	if (owner === undefined) return true;
	const renamed = variable.name.startsWith(`${name}_`) || /^\d+$|\//.test(variable.name);
	return owner.trainable && variable.id > owner.id && renamed;
}

function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
	const groups = new Map<string, T[]>();
	for (const item of items) {
		const group = groups.get(keyOf(item));
		if (group === undefined) groups.set(keyOf(item), [item]);
		else group.push(item);
	}
	return groups;
}

/** In the order in which tfjs numbered them. */
function inOrder<T extends { readonly name: string }>(items: readonly T[]): T[] {
	return [...items].sort((a, b) => suffixNumber(a.name) - suffixNumber(b.name));
}

const listed = (items: readonly { readonly name: string; readonly shape: readonly number[] }[]): string =>
	items
		.slice(0, 5)
		.map(({ name, shape }) => `${name} [${shape.join(', ')}]`)
		.join(', ') + (items.length > 5 ? ` and ${items.length - 5} more` : '');

/**
 * The states passed to `setWeights`, until the variables that they belong to take a step. Where it is not certain which variable a state
 * belongs to, the variable starts with a new state, because another variable's moments are worse than none.
 */
export class LoadedStates {
	readonly #unclaimed: Map<string, NamedState>;
	/** All loaded names, by name without tfjs's suffix. */
	readonly #families: ReadonlyMap<string, readonly string[]>;
	#isFirstClaim = true;
	#warned = false;

	constructor(states: readonly NamedState[]) {
		this.#unclaimed = new Map(states.map((state) => [state.name, state]));
		this.#families = groupBy([...this.#unclaimed.keys()], withoutSuffix);
	}

	/** The states not claimed so far. */
	get unclaimed(): readonly NamedState[] {
		return [...this.#unclaimed.values()];
	}

	/**
	 * The states of variables that take their first step after loading; each state is returned once.
	 * @returns undefined for a variable without one
	 */
	claim(variables: readonly tf.Variable[]): (VariableState | undefined)[] {
		if (this.#unclaimed.size === 0) return variables.map(() => undefined);
		const found = new Map<tf.Variable, NamedState>(this.#byName(variables));
		for (const pair of this.#byFamily(variables.filter((variable) => !found.has(variable)))) found.set(...pair);
		if (found.size === 0 && this.#isFirstClaim) for (const pair of this.#byPosition(variables)) found.set(...pair);
		for (const { name } of found.values()) this.#unclaimed.delete(name);
		this.#isFirstClaim = false;
		this.#warn(variables.filter((variable) => !found.has(variable)));
		return variables.map((variable) => found.get(variable));
	}

	/** A state of the same name; one of another shape belongs to a former variable and is dropped. */
	#byName(variables: readonly tf.Variable[]): Pair[] {
		const pairs = variables.flatMap((variable): Pair[] => {
			const state = this.#unclaimed.get(variable.name);
			return state === undefined ? [] : [[variable, state]];
		});
		for (const pair of pairs) if (!fits(pair)) this.#unclaimed.delete(pair[0].name);
		return pairs.filter(fits);
	}

	/**
	 * Names that differ in tfjs's suffix only, in the order in which tfjs numbered them, where there are as many variables of a name as
	 * states, none of them claimed.
	 */
	#byFamily(variables: readonly tf.Variable[]): Pair[] {
		return [...groupBy(variables, ({ name }) => withoutSuffix(name))].flatMap(([family, members]) => {
			const names = this.#families.get(family) ?? [];
			const states = names.flatMap((name) => this.#unclaimed.get(name) ?? []);
			if (states.length !== names.length || states.length !== members.length) return [];
			const [own, saved] = [inOrder(members), inOrder(states)];
			const pairs = own.map((variable, i): Pair => [variable, saved[i] as NamedState]);
			return pairs.every((pair) => fits(pair) && mayTransfer(pair)) ? pairs : [];
		});
	}

	/** All variables and all states in order, where all names are automatic ones that differ only in tfjs's numbers. */
	#byPosition(variables: readonly tf.Variable[]): Pair[] {
		const states = this.unclaimed;
		if (states.length !== variables.length) return [];
		const pairs = variables.map((variable, i): Pair => [variable, states[i] as NamedState]);
		const alike = ([variable, { name }]: Pair): boolean => {
			const automatic = automaticName(name);
			return automatic !== undefined && automatic === automaticName(variable.name);
		};
		return pairs.every((pair) => alike(pair) && fits(pair) && mayTransfer(pair)) ? pairs : [];
	}

	#warn(anew: readonly tf.Variable[]): void {
		if (this.#warned || anew.length === 0) return;
		this.#warned = true;
		const left = this.unclaimed;
		process.emitWarning(
			`The optimiser state that was loaded has nothing that is certainly that of ${listed(anew)}: ` +
				`${anew.length === 1 ? 'it starts' : 'they start'} anew. ${
					left.length === 0 ? '' : `Nobody has claimed the state of ${listed(left)} yet. `
				}States find their variables by name; give layers the names that they were saved under`,
			{ type: 'GannoWarning', code: 'GANNO_STATE_ANEW' },
		);
	}
}
