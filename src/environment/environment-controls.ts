import { types } from 'node:util';
import { checkFiniteElements, checkFloat32Array, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { CONTROL_KEYS, type PopulationControls } from '../networks/population-arguments.js';
import type { Decision } from './controller.js';

/** What a caller sets for an interval: learning rates, further hyperparameters, a base schedule. */

/** The controls as a population takes them: learning rates alone, where nothing else is set. */
export function populationControls(
	learningRates: Float32Array,
	{ weightDecays, momenta }: Omit<PopulationControls, 'learningRates'>,
): Float32Array | PopulationControls {
	return weightDecays === undefined && momenta === undefined ? learningRates : { learningRates, weightDecays, momenta };
}

/** A whole Decision is accepted too; its other keys are not read here. */
const DECISION_KEYS = [
	...CONTROL_KEYS,
	...keysOf<Pick<Decision, 'baseSchedule' | 'actions'>>({ baseSchedule: true, actions: true }),
];

/** Checks controls from a caller. @throws GannoError `INVALID_ARGUMENT` @param size networks × layers */
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

/** @throws GannoError `INVALID_ARGUMENT` @param shape the name of the length, for messages */
export function checkBaseSchedule(schedule: Float32Array | undefined, length: number, shape: string): void {
	if (schedule === undefined) return;
	checkFloat32Array(schedule, 'baseSchedule', length, shape);
	checkFiniteElements(schedule, 'baseSchedule', 0);
}
