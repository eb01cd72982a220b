import { join } from 'node:path';
import type { Case } from '../cases.js';
import { startContender } from '../support/contender.js';
import { repositoryRoot } from '../support/machine.js';
import { deviceEnvironment, pythonWith } from '../support/python.js';
import { type PopulationContender, parameterCount, unavailablePopulation } from './contender.js';

/** A program of its own that trains as many networks side by side. */
export interface Rival {
	readonly name: string;
	readonly packageName: 'torch' | 'jax';
	readonly variant: 'vmap' | 'graphs';
	readonly precision: 'float32' | 'tf32';
	/** Whether it computes the statistics that ganno computes. */
	readonly statistics: 'none' | 'all';
}

const WAYS = [
	{ name: 'pytorch-vmap', packageName: 'torch', variant: 'vmap' },
	{ name: 'pytorch-graphs', packageName: 'torch', variant: 'graphs' },
	{ name: 'jax-vmap', packageName: 'jax', variant: 'vmap' },
] as const;

/** The plain ones, which compute no statistics; then with statistics; then with tf32. */
export const RIVALS: readonly Rival[] = [
	...WAYS.map((way) => ({ ...way, precision: 'float32' as const, statistics: 'none' as const })),
	...WAYS.map((way) => ({
		...way,
		name: `${way.name}-statistics`,
		precision: 'float32' as const,
		statistics: 'all' as const,
	})),
	...WAYS.map((way) => ({ ...way, name: `${way.name}-tf32`, precision: 'tf32' as const, statistics: 'none' as const })),
];

export async function openRival(
	rival: Rival,
	one: Case,
	{ device, networks }: { readonly device: string; readonly networks: number },
): Promise<PopulationContender> {
	const { name, packageName, variant, precision, statistics } = rival;
	const python = pythonWith(packageName);
	const title = packageName === 'torch' ? 'PyTorch' : 'JAX';
	if (python === undefined) {
		return unavailablePopulation(name, `not measured: no Python here has ${title}; GANNO_PYTHON names one that has`);
	}
	const program = join(
		repositoryRoot,
		'bench',
		'contenders',
		`${packageName === 'torch' ? 'pytorch' : 'jax'}-population.py`,
	);
	const command = [python, program, one.name, String(networks), variant, device, precision, statistics];
	const contender = await startContender(name, command, deviceEnvironment(), '');
	if (contender.unavailable !== undefined) {
		await contender.close();
		return unavailablePopulation(name, contender.unavailable.trim());
	}
	const expected = parameterCount(one);
	if (contender.hello.parameters !== expected) {
		await contender.close();
		throw new Error(
			`${name} trains ${String(contender.hello.parameters)} parameters, not ${expected}; nothing is reported`,
		);
	}
	return {
		name,
		version: [title, contender.version as string],
		note: `${String(contender.hello.note)}; ${statistics === 'all' ? 'all statistics' : 'no statistics'}`,
		run: async (milliseconds) => {
			const { steps, wallSeconds } = await contender.run(milliseconds);
			return steps / wallSeconds;
		},
		close: () => contender.close(),
	};
}
