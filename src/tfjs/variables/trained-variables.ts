import type * as tf from '@tensorflow/tfjs';
import type { LayerwiseOptimizerOptions } from '../../optimizer/optimizer-options.js';
import { BoundVariables, TrainedVariable } from './bound-variables.js';
import { LoadedStates } from './loaded-states.js';
import { isRegistered } from './registered-variables.js';
import type { VariableLayer } from './variable-layers.js';
import type { NamedState, VariableState } from './variable-state.js';

/** Sets kept at least, however few the variables: each costs a native optimiser. */
const FEW_SETS = 8;

/** Elements that all sets may have together, per element of the variables: an element in several sets has moments in each. */
const COPIES = 2;

/**
 * All variables that an optimiser has trained and that live, with one state each, and the sets of them that take steps together. A
 * training that changes between sets (a generator and a discriminator, an actor and a critic) finds each of them as it left it.
 */
export class TrainedVariables {
	readonly #options: Omit<LayerwiseOptimizerOptions, 'layers'>;
	readonly #known = new Map<tf.Variable, TrainedVariable>();
	/** The one that took the last step last. */
	readonly #sets: BoundVariables[] = [];
	/** Variables whose state may be among those that were loaded: all that have taken no step since. */
	readonly #arriving = new Set<TrainedVariable>();
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
		const members = variables.map((variable) => this.#known.get(variable) ?? new TrainedVariable(variable));
		const set = new BoundVariables(layers, members, this.#options);
		for (const member of members) {
			if (!this.#known.has(member.variable)) this.#arriving.add(member);
			this.#known.set(member.variable, member);
		}
		this.#sets.push(set);
		this.#limitSets();
		return set;
	}

	/** Brings the states of a set's variables there, from wherever they are. */
	gather(set: BoundVariables): void {
		if (this.#arriving.size > 0) {
			const arriving = set.members.filter((member) => this.#arriving.has(member));
			const states = this.#loaded.claim(arriving.map(({ variable }) => variable));
			for (const [i, member] of arriving.entries()) {
				member.state = states[i];
				this.#arriving.delete(member);
			}
		}
		set.gather();
	}

	/** Drops a set; its variables keep their states. */
	close(set: BoundVariables): void {
		this.#sets.splice(this.#sets.indexOf(set), 1);
		set.release();
	}

	/** Of every living variable that has one, then what was loaded and has found no variable yet. */
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
		const own = [...this.#known.values()].flatMap((member) => {
			const state = member.state instanceof BoundVariables ? ofSets.get(member) : member.state;
			return state === undefined ? [] : [{ ...state, name: member.variable.name }];
		});
		return [...own, ...this.#loaded.unclaimed];
	}

	/** Forgets all states: from now on each is what was loaded, or starts anew. */
	load(states: readonly NamedState[]): void {
		this.#forgetDisposed();
		this.#loaded = new LoadedStates(states);
		for (const member of this.#known.values()) {
			member.state = undefined;
			this.#arriving.add(member);
		}
	}

	dispose(): void {
		for (const set of this.#sets.splice(0)) set.dispose();
		this.#known.clear();
		this.#arriving.clear();
		this.#loaded = new LoadedStates([]);
	}

	/** A set with a variable that was disposed will take no step again. */
	#forgetDisposed(): void {
		const disposed = new Set([...this.#known.values()].filter(({ variable }) => !isRegistered(variable)));
		if (disposed.size === 0) return;
		for (const member of disposed) {
			member.state = undefined;
			this.#known.delete(member.variable);
			this.#arriving.delete(member);
		}
		const ended = this.#sets.filter(({ members }) => members.some((member) => disposed.has(member)));
		for (const set of ended) this.close(set);
	}

	/** Sets that overlap, a new one at every step perhaps (stochastic depth), would take any amount of memory. */
	#limitSets(): void {
		let known = 0;
		for (const { variable } of this.#known.values()) known += variable.size;
		let bound = 0;
		for (const { size } of this.#sets) bound += size;
		const most = Math.max(FEW_SETS, this.#known.size);
		while (this.#sets.length > 1 && (bound > COPIES * known || this.#sets.length > most)) {
			const [oldest] = this.#sets as [BoundVariables];
			bound -= oldest.size;
			this.close(oldest);
		}
	}
}
