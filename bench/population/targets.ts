import { wanted } from '../support/options.js';
import { measured, median, type Row, type Target, target } from '../support/report.js';
import { RIVALS, type Rival } from './rivals.js';

/** ganno's rate over a rival's, round by round. */
export interface Duel {
	readonly case: string;
	readonly rival: Rival;
	/** Empty: ganno itself was not measured at that precision. */
	readonly ratios: readonly number[];
}

/** What is promised against the fastest rival without statistics, in float32. */
const BOUNDS: Readonly<Record<string, number>> = { mlp: 1.2, 'cnn-small': 2, 'cnn-cifar': 2 };

export function ratiosOf(duels: readonly Duel[]): Row[] {
	return duels
		.filter(({ ratios }) => ratios.length > 0)
		.map((duel) => {
			const contender = duel.rival.precision === 'tf32' ? 'ganno-tf32' : 'ganno';
			return measured({ case: duel.case, contender, metric: `speed_over_${duel.rival.name}`, unit: '1' }, duel.ratios);
		});
}

/** The bound of a case. The best of some rivals is not the best of all: with one missing, it is not known. */
export function speedTargets(
	caseName: string,
	duels: readonly Duel[],
	contenders: readonly string[],
	where: string,
): Target[] {
	const bound = BOUNDS[caseName];
	const plain = RIVALS.filter(({ precision, statistics }) => precision === 'float32' && statistics === 'none');
	// Left out by choice is left out here, too.
	if (bound === undefined || !plain.every(({ name }) => wanted(contenders, name))) return [];
	const ratios = plain.map(({ name }) => duels.find(({ rival }) => rival.name === name)?.ratios ?? []);
	const value = ratios.some(({ length }) => length === 0) ? null : Math.min(...ratios.map(median));
	const names = plain.map(({ name }) => name).join(', ');
	return [target(`${caseName}: ganno with statistics over the fastest of ${names} (${where})`, '>=', bound, value)];
}
