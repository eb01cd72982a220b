/** What bench:tfjs measures: kinds of work, each over some cases, each done by some contenders. */

export const KINDS = ['step', 'train', 'environment', 'fit'] as const;
export type Kind = (typeof KINDS)[number];

export interface PathCase {
	readonly name: string;
	readonly kind: Kind;
	/** `step`: parameters; `train` and `environment`: a child network (bench/cases.ts); `fit`: a tfjs model. */
	readonly what: string;
	readonly contenders: readonly string[];
}

/** The back ends of the pure-tfjs path; `tfjs-node` is tfjs-node-gpu where that is installed. */
const TFJS = ['tfjs-wasm', 'tfjs-cpu', 'tfjs-node'] as const;

/** Beyond this a slice of tfjs's plain JavaScript back end takes minutes. */
const SLOW_ON_CPU = new Set(['1e7', 'cnn-small', 'cnn-cifar']);

function paths(what: string): string[] {
	return ['native', ...TFJS.filter((name) => name !== 'tfjs-cpu' || !SLOW_ON_CPU.has(what))];
}

const NETWORKS = ['mlp', 'cnn-small', 'cnn-cifar'] as const;
const FIT = ['adam', 'layerwise', 'layerwise-policy'] as const;

export const PATH_CASES: readonly PathCase[] = [
	...['1e4', '1e5', '1e6', '1e7'].map(
		(what): PathCase => ({
			name: `step-${what}`,
			kind: 'step',
			what,
			contenders: paths(what),
		}),
	),
	...NETWORKS.map((what): PathCase => ({ name: `train-${what}`, kind: 'train', what, contenders: paths(what) })),
	...NETWORKS.map(
		(what): PathCase => ({
			name: `environment-${what}`,
			kind: 'environment',
			what,
			contenders: paths(what),
		}),
	),
	...(['mlp', 'mnist-cnn'] as const).flatMap((what) =>
		['wasm', 'node'].map(
			(backend): PathCase => ({
				name: `fit-${what}-${backend}`,
				kind: 'fit',
				what,
				contenders: FIT.map((name) => `${name}-${backend}`),
			}),
		),
	),
];

/** Elements of each of the eight layers of a `step` case: they grow and shrink, as those of a convolutional network do. */
export function layerSizes(what: string): number[] {
	return [2, 4, 8, 16, 16, 8, 6, 4].map((part) => Math.round((Number(what) * part) / 64));
}
