import { types } from 'node:util';
import { checkNumber, checkOneOf, invalidArgument } from '../../arguments.js';
import { type ActionMode, ActionRule, type Actions, clipLearningRate, type LearningRateRule } from './actions.js';

/**
 * The actions of the controller `adaptive-lr` (Xu et al. 2019): one per network, which scales all its learning rates by a factor of at most
 * s either way. The paper does not give s; 1.05 is that of a public re-implementation.
 */

/** `three-way`: down, stay, up. `continuous`: any factor in between. */
export const SCALING_ACTION_MODES = ['three-way', 'continuous'] as const;

/** Optimiser steps between decisions in that re-implementation; a suite lets such policies decide as often. */
export const ADAPTIVE_LR_DECISION_INTERVAL = 10;

export type ScalingActionMode = (typeof SCALING_ACTION_MODES)[number];

/** Actions of `three-way`; 1 leaves learning rates unchanged. */
export const THREE_WAY_ACTIONS = 3;

/** Default of s. */
export const DEFAULT_MULTIPLIER = 1.05;

/**
 * Turns a network's action into its learning rates, clipped to [1e-6, 1]:
 * - `three-way`: η ← η × {1/s, 1, s}
 * - `continuous`: η ← η × s^clip(u, −1, 1)
 */
export class ScalingActionRule implements LearningRateRule {
	readonly mode: ScalingActionMode;
	/** s */
	readonly multiplier: number;

	/** @param multiplier s, above 1 */
	constructor(mode: ScalingActionMode, multiplier: number = DEFAULT_MULTIPLIER) {
		this.mode = checkOneOf(mode, 'action', SCALING_ACTION_MODES);
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
			learningRates[i] = clipLearningRate(learningRates[i]! * this.#factor(exponent));
		}
	}

	#factor(exponent: number): number {
		if (exponent === 0) return 1;
		if (exponent === 1) return this.multiplier;
		return exponent === -1 ? 1 / this.multiplier : this.multiplier ** exponent;
	}
}

function isScalingMode(mode: unknown): mode is ScalingActionMode {
	return (SCALING_ACTION_MODES as readonly unknown[]).includes(mode);
}

/** The rule of a mode. @param multiplier of `three-way` and `continuous` */
export function openActionRule(
	mode: ActionMode | ScalingActionMode | undefined,
	multiplier?: number,
): LearningRateRule {
	return isScalingMode(mode) ? new ScalingActionRule(mode, multiplier) : new ActionRule(mode);
}
