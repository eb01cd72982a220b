import type * as tf from '@tensorflow/tfjs';
import type { LayerwiseOptimizerOptions } from '../../optimizer/optimizer-options.js';
import { BoundVariables, TrainedVariable } from './bound-variables.js';
import { LoadedStates } from './loaded-states.js';
import { isRegistered } from './registered-variables.js';
import type { VariableLayer } from './variable-layers.js';
import type { NamedState, VariableState } from './variable-state.js';

/** Sets always kept, however few the variables; each costs a native optimiser. */
const MINIMUM_SET_LIMIT = 8;

/** Limit of the elements of all sets together, per element of the variables: an element in several sets has moments in each. */
const STATE_COPIES_LIMIT = 2;

/**
 * All existing variables that an optimiser has trained, with one state each, and the sets of them that take steps together. A training
 * that alternates between sets (a generator and a discriminator, an actor and a critic) keeps the state of each.
 */
export class TrainedVariables {
	readonly #options: Omit<LayerwiseOptimizerOptions, 'layers'>;
	readonly #variables = new Map<tf.Variable, TrainedVariable>();
	/** The set of the last step is the last. */
	readonly #sets: BoundVariables[] = [];
	/** Variables without a step since loading, whose state may be among the loaded ones. */
	readonly #awaitingState = new Set<TrainedVariable>();
	#loaded = new LoadedStates([]);

	constructor(options: Omit<LayerwiseOptimizerOptions, 'layers'>) {
		this.#options = options;
	}

	/** The set of these variables, which now takes a step. @returns undefined where there is none yet: `open` one */
	find(variables: readonly tf.Variable[]): BoundVariables | undefined {
		for (let i = this.#sets.length - 1; i >= 0; i--) {
			const set = this.#sets[i] as BoundVariables;
			if (!set.consistsOf(variables)) continue;
			if (i < this.#sets.length - 1) this.#sets.push(...this.#sets.splice(i, 1));
			return set;
		}
		return undefined;
	}

	/** Makes the set of these layers' variables. */
	open(layers: readonly VariableLayer[]): BoundVariables {
		this.#forgetDisposed();
		const variables = layers.flatMap((layer) => layer.variables);
		const members = variables.map((variable) => this.#variables.get(variable) ?? new TrainedVariable(variable));
		const set = new BoundVariables(layers, members, this.#options);
		for (const member of members) {
			if (!this.#variables.has(member.variable)) this.#awaitingState.add(member);
			this.#variables.set(member.variable, member);
		}
		this.#sets.push(set);
		this.#limitSets();
		return set;
	}

	/** Collects the states of a set's variables, from other sets or from loading. */
	collectStates(set: BoundVariables): void {
		if (this.#awaitingState.size > 0) {
			const arriving = set.members.filter((member) => this.#awaitingState.has(member));
			const states = this.#loaded.claim(arriving.map(({ variable }) => variable));
			for (const [i, member] of arriving.entries()) {
				member.state = states[i];
				this.#awaitingState.delete(member);
			}
		}
		set.collectStates();
	}

	/** Closes a set; its variables keep their states. */
	close(set: BoundVariables): void {
		this.#sets.splice(this.#sets.indexOf(set), 1);
		set.release();
	}

	/** Of every existing variable with one, then the loaded states not claimed yet. */
	states(): readonly NamedState[] {
		this.#forgetDisposed();
		const ofSets = new Map<TrainedVariable, VariableState>();
		for (const set of this.#sets) {
			if (!set.members.some(({ state }) => state === set)) continue;
			const states = set.states();
			for (const [i, member] of set.members.entries()) {
				if (member.state === set) ofSets.set(member, states[i] as VariableState);
			}
		}
		const own = [...this.#variables.values()].flatMap((member) => {
			const state = member.state instanceof BoundVariables ? ofSets.get(member) : member.state;
			return state === undefined ? [] : [{ ...state, name: member.variable.name }];
		});
		return [...own, ...this.#loaded.unclaimed];
	}

	/** Replaces all states by loaded ones; variables without one start with a new state. */
	load(states: readonly NamedState[]): void {
		this.#forgetDisposed();
		this.#loaded = new LoadedStates(states);
		for (const member of this.#variables.values()) {
			member.state = undefined;
			this.#awaitingState.add(member);
		}
	}

	dispose(): void {
		for (const set of this.#sets.splice(0)) set.dispose();
		this.#variables.clear();
		this.#awaitingState.clear();
		this.#loaded = new LoadedStates([]);
	}

	/** Closes sets with a disposed variable, which can take no further step. */
	#forgetDisposed(): void {
		const disposed = new Set([...this.#variables.values()].filter(({ variable }) => !isRegistered(variable)));
		if (disposed.size === 0) return;
		for (const member of disposed) {
			member.state = undefined;
			this.#variables.delete(member.variable);
			this.#awaitingState.delete(member);
		}
		const ended = this.#sets.filter(({ members }) => members.some((member) => disposed.has(member)));
		for (const set of ended) this.close(set);
	}

	/** Overlapping sets, perhaps a new one at every step (stochastic depth), would need unlimited memory. */
	#limitSets(): void {
		let known = 0;
		for (const { variable } of this.#variables.values()) known += variable.size;
		let bound = 0;
		for (const { size } of this.#sets) bound += size;
		const most = Math.max(MINIMUM_SET_LIMIT, this.#variables.size);
		while (this.#sets.length > 1 && (bound > STATE_COPIES_LIMIT * known || this.#sets.length > most)) {
			const [oldest] = this.#sets as [BoundVariables];
			bound -= oldest.size;
			this.close(oldest);
		}
	}
}
