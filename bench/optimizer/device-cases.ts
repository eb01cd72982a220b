import { ALGORITHM_CASES, CUT, type StepCase } from './cases.js';

/** A layout that is stepped on a CUDA device, with everything kept there. */
export interface DeviceStepCase extends StepCase {
	/** Networks of equal layers, one after another; PyTorch may stack them. 1: it may not. */
	readonly networks: number;
}

function sized(algorithm: StepCase['algorithm'], name: string, size: number): DeviceStepCase {
	return {
		name: `${algorithm}-${name}`,
		algorithm,
		sizes: CUT.map((part) => (size * part) / 64),
		threads: 1,
		metric: 'ns_per_parameter',
		rivals: algorithm === 'adam',
		networks: 1,
	};
}

/** Layer l of every network, then layer l + 1: as a population's arena has them. */
function population(networks: number, layers: number, size: number): DeviceStepCase {
	return {
		...sized('adam', '', 0),
		name: `population-${networks}x${layers}`,
		sizes: Array.from({ length: networks * layers }, () => size),
		networks,
	};
}

export const DEVICE_POPULATION = 'population-1000x6';

export const DEVICE_CASES: readonly DeviceStepCase[] = [
	sized('adam', '30M', 30_000_000),
	sized('adam', '64M', 64_000_000),
	sized('adam', '100M', 100_000_000),
	population(1000, 6, 10_000),
	...ALGORITHM_CASES.map(({ algorithm }) => sized(algorithm, '64M', 64_000_000)),
];

/** For trying, with `--tiny`: what the emulated device steps in no time. */
export const TINY_DEVICE_CASES: readonly DeviceStepCase[] = [
	sized('adam', '6400', 6400),
	population(10, 3, 100),
	...ALGORITHM_CASES.map(({ algorithm }) => sized(algorithm, '1280', 1280)),
];

/**
 * Bytes a parameter that a step must move: gradient and parameter read, parameter written, each moment read and written, and what the pass
 * before the step reads again for a trust ratio.
 */
export const BYTES_PER_PARAMETER: Readonly<Record<StepCase['algorithm'], number>> = {
	sgd: 12,
	momentum: 20,
	nesterov: 20,
	rmsprop: 20,
	adam: 28,
	adamw: 28,
	lion: 20,
	lars: 20 + 8,
	lamb: 28 + 16,
};
