import { checkOneOf } from '../../arguments.js';
import type { GradientMethod, GradientMethodStart } from './gradient-method.js';
import { type HypergradientOptions, hypergradient } from './hypergradient.js';
import { type ProdigyOptions, prodigy } from './prodigy.js';
import { type ScheduleFreeOptions, scheduleFree } from './schedule-free.js';

/** A method as plain data, so that it can be sent to a worker. */
export type GradientMethodSpec =
	| { readonly name: 'hypergradient'; readonly options?: HypergradientOptions }
	| { readonly name: 'schedule-free'; readonly options?: ScheduleFreeOptions }
	| { readonly name: 'prodigy'; readonly options?: ProdigyOptions };

/** The names of all such methods. */
export const GRADIENT_METHODS = ['hypergradient', 'schedule-free', 'prodigy'] as const;

/** @throws GannoError `INVALID_ARGUMENT` for an unknown name or options out of range */
export function openGradientMethod(spec: GradientMethodSpec, start: GradientMethodStart): GradientMethod {
	checkOneOf(spec.name, 'method', GRADIENT_METHODS);
	switch (spec.name) {
		case 'hypergradient':
			return hypergradient(start, spec.options);
		case 'schedule-free':
			return scheduleFree(start, spec.options);
		case 'prodigy':
			return prodigy(start, spec.options);
	}
}
