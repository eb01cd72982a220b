import { types } from 'node:util';
import { checkNumber, checkOneOf, invalidArgument } from '../../arguments.js';
import { type ActionMode, ActionRule, type Actions, clipRate, type LearningRateRule } from './actions.js';

/**
 * The actions of the adaptive learning-rate controller (Xu et al. 2019): one per network, which scales all its learning rates by at most
 * s either way. The paper does not say how far; 1.05 is what a public re-implementation settled on.
 */

/** `three-way`: down, stay, up. `continuous`: any factor in between. */
export const NETWORK_ACTION_MODES = ['three-way', 'continuous'] as const;

/** Optimiser steps between decisions in the re-implementation; a suite lets such a policy decide as often, whatever the others do. */
export const NETWORK_DECISION_INTERVAL = 10;

export type NetworkActionMode = (typeof NETWORK_ACTION_MODES)[number];

/** Actions of `three-way`; 1 is the one that changes nothing. */
export const THREE_WAY_ACTIONS = 3;

/** s, where nobody says otherwise. */
export const DEFAULT_MULTIPLIER = 1.05;

/**
 * Turns a network's action into its learning rates, clipped to [1e-6, 1]:
 * - `three-way`: η ← η × {1/s, 1, s}
 * - `continuous`: η ← η × s^clip(u, −1, 1)
 */
export class NetworkActionRule implements LearningRateRule {
	readonly mode: NetworkActionMode;
	/** s */
	readonly multiplier: number;

	/** @param multiplier s, above 1 */
	constructor(mode: NetworkActionMode, multiplier: number = DEFAULT_MULTIPLIER) {
		this.mode = checkOneOf(mode, 'action', NETWORK_ACTION_MODES);
		this.multiplier = checkNumber(multiplier, 'multiplier', 1 + 1e-6, 1000);
	}

	/** As {@link ActionRule.apply}; actions are `[networks]`: bytes of `three-way`, floats of `continuous`. */
	apply(actions: Actions, layers: number, learningRates: Float32Array): void {
		const networks = learningRates.length / layers;
		const continuous = this.mode === 'continuous';
		if (continuous !== types.isFloat32Array(actions) || actions.length !== networks) {
			throw invalidArgument(
				`a ${continuous ? 'Float32Array' : 'Uint8Array'} of length ${networks}`,
				'actions',
				actions,
			);
		}
		for (const [n, action] of actions.entries()) {
			if (continuous ? Number.isFinite(action) : action < THREE_WAY_ACTIONS) continue;
			const expected = continuous ? 'a finite number' : `an integer from 0 to ${THREE_WAY_ACTIONS - 1}`;
			throw invalidArgument(expected, `actions[${n}]`, action);
		}
		for (let i = 0; i < learningRates.length; i++) {
			const action = actions[Math.floor(i / layers)]!;
			const exponent = continuous ? Math.min(Math.max(action, -1), 1) : action - 1;
			learningRates[i] = clipRate(learningRates[i]! * this.#factor(exponent));
		}
	}

	#factor(exponent: number): number {
		if (exponent === 0) return 1;
		if (exponent === 1) return this.multiplier;
		return exponent === -1 ? 1 / this.multiplier : this.multiplier ** exponent;
	}
}

function isNetworkMode(mode: unknown): mode is NetworkActionMode {
	return (NETWORK_ACTION_MODES as readonly unknown[]).includes(mode);
}

/** The rule of a mode. @param multiplier of `three-way` and `continuous` */
export function openActionRule(
	mode: ActionMode | NetworkActionMode | undefined,
	multiplier?: number,
): LearningRateRule {
	return isNetworkMode(mode) ? new NetworkActionRule(mode, multiplier) : new ActionRule(mode);
}
