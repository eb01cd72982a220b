import type { Config } from '../config/config.js';
import { describeNetwork } from '../networks/describe.js';
import type { OptimizerSpec } from '../optimizer/algorithms.js';
import { PhiloxGenerator } from '../philox.js';
import { kindTasks } from '../runs/sample-tasks.js';
import { type DatasetShape, drawNetwork, isOpen, type NetworkFamily } from '../tasks/network-family.js';
import { optimizerSpec } from '../tasks/task-settings.js';
import type { Ground } from './evaluation-cells.js';

/** The kinds of task that a policy is trained on: its network families × its optimisers. */

export interface TaskKind {
	readonly family: NetworkFamily;
	readonly optimizer: OptimizerSpec;
	/** As tables name the family. */
	readonly network: string;
}

export interface ChosenKinds {
	readonly families: number;
	readonly optimizers: number;
	readonly chosen: readonly TaskKind[];
	readonly leftOut: readonly TaskKind[];
}

/** As many kinds at most where each family and each optimiser is asked for once: more cost a multiple of the table itself. */
const MOST = 6;

/** Networks of a kind, as a part of the table's seeds: they show where a policy fails, not by how much. */
const PART_OF_SEEDS = 1 / 4;

/** How many networks a kind is tested with, or tuned on, where the table has so many seeds. */
export function kindNetworks(seeds: number): number {
	return Math.max(1, Math.round(seeds * PART_OF_SEEDS));
}

/**
 * Which kinds are tested beside the table's own, which is none of them.
 * @param wanted how many; `each`: until each family and each optimiser is there once
 */
export function chooseKinds(
	{ tasks, evaluation }: Config,
	dataset: DatasetShape,
	wanted: number | 'each',
): ChosenKinds {
	const families = distinct(tasks.networks);
	const optimizers = distinct(tasks.optimizers.map((optimizer) => optimizerSpec(optimizer)));
	const all = diagonals(families.length, optimizers.length).map(([row, column]): TaskKind => {
		const family = families[row] as NetworkFamily;
		return { family, optimizer: optimizers[column] as OptimizerSpec, network: describeFamily(family, dataset) };
	});
	const identity = (family: NetworkFamily): string =>
		JSON.stringify(isOpen(family) ? family : drawNetwork(family, dataset, new PhiloxGenerator(0, 'task', 0)));
	const table = identity(evaluation.network);
	const others = all.filter(({ family, optimizer }) => optimizer !== optimizers[0] || identity(family) !== table);
	const cover = all.slice(0, Math.min(Math.max(families.length, optimizers.length), MOST));
	const count = wanted === 'each' ? cover.filter((kind) => others.includes(kind)).length : wanted;
	return {
		families: families.length,
		optimizers: optimizers.length,
		chosen: others.slice(0, count),
		leftOut: others.slice(count),
	};
}

/** A kind's networks, and the tasks that they are trained in: drawn as those of the run are, each from every initial learning rate. */
export function kindGround(config: Config, dataset: DatasetShape, { family, optimizer }: TaskKind): Ground {
	const { seeds, tuningSeeds } = config.evaluation;
	const tasks = {
		evaluation: kindTasks(config, dataset, family, optimizer, 'evaluation', kindNetworks(seeds)),
		tuning: kindTasks(config, dataset, family, optimizer, 'tuning', kindNetworks(tuningSeeds)),
	};
	return {
		tasks: (purpose, learningRates) =>
			tasks[purpose].map((task) => ({
				task: {
					...task,
					networks: learningRates.flatMap((learningRate) =>
						task.networks.map((network) => ({ ...network, learningRate })),
					),
				},
				columns: learningRates.map((_, column) => column),
			})),
	};
}

/** All pairs of two lists, those first that take every entry of the longer one once, and every entry of the shorter one. */
function diagonals(rows: number, columns: number): [row: number, column: number][] {
	const length = Math.max(rows, columns);
	return Array.from({ length: Math.min(rows, columns) }, (_, shift) => shift).flatMap((shift) =>
		Array.from({ length }, (_, i): [number, number] =>
			rows >= columns ? [i, (i + shift) % columns] : [(i + shift) % rows, i],
		),
	);
}

/** `196-64-10` where all is fixed, else what is drawn: `mlp, 1–4 layers of 16–128, relu or tanh`. */
function describeFamily(family: NetworkFamily, dataset: DatasetShape): string {
	const drawn = 'activation' in family ? [...new Set([family.activation ?? 'relu'].flat())].join(' or ') : 'relu';
	const activation = drawn === 'relu' ? '' : `, ${drawn}`;
	if (family.type === 'residual' && isOpen(family)) {
		return `residual, ${range(family.blocks)} blocks a stage, width ${range(family.width)}`;
	}
	if (!('depth' in family)) {
		return `${describeNetwork(drawNetwork(family, dataset, new PhiloxGenerator(0, 'task', 0)))}${activation}`;
	}
	const convolutions =
		family.type === 'cnn' ? [`${range(family.convolutions)} convolutions of ${range(family.filters)}`] : [];
	const dense = `${range(family.depth)} layers of ${range(family.width)}`;
	return `${[family.type, ...convolutions, dense].join(', ')}${activation}`;
}

function range(value: number | readonly [low: number, high: number]): string {
	if (typeof value === 'number') return String(value);
	const [low, high] = value;
	return low === high ? String(low) : `${low}–${high}`;
}

function distinct<T>(list: readonly T[]): T[] {
	return [...new Map(list.map((entry) => [JSON.stringify(entry), entry])).values()];
}
