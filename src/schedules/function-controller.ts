import { types } from 'node:util';
import { invalidArgument } from '../arguments.js';
import type { Controller, DecisionContext } from '../environment/controller.js';

/**
 * A function that decides: learning rates for the next interval, one for all layers or one a layer (`[layers]`; of several networks
 * `[networks × layers]`).
 */
export type DecisionFunction = (context: DecisionContext) => number | Float32Array;

/**
 * A controller that asks a function.
 * @param what the function's answer, as messages call it
 */
export function functionController(decide: DecisionFunction, what = 'what the function gave'): Controller {
	let learningRates = new Float32Array(0);
	return {
		name: decide.name === '' ? 'function' : decide.name,
		ignoresNetworks: true, // it may look, but is asked before the first step all the same
		reset() {},
		decide(context) {
			const size = context.networks * context.layers;
			if (learningRates.length !== size) learningRates = new Float32Array(size);
			const decided = decide(context);
			if (typeof decided === 'number') learningRates.fill(decided);
			else if (types.isFloat32Array(decided) && decided.length === size) learningRates.set(decided);
			else throw invalidArgument(`a number or a Float32Array of length ${size}`, what, decided);
			const wrong = learningRates.findIndex((rate) => !(rate >= 0) || !Number.isFinite(rate));
			if (wrong >= 0) {
				throw invalidArgument('finite learning rates of at least 0', `${what}[${wrong}]`, learningRates[wrong]);
			}
			return { learningRates };
		},
	};
}
