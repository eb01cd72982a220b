import type { SuiteInput } from './suite-spec.js';

export type TaskInput = SuiteInput['tasks'][number];

/** Initial learning rates over five decades. */
export const DECADES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/** What most tasks of the default suite have in common: 14×14 images of Fashion-MNIST, 4,000 of them a network. */
export const base = {
	dataset: { name: 'fashion-mnist', downsample: 2 },
	batchSize: 32,
	horizon: 500,
	sliceSize: 4000,
	learningRates: DECADES,
} as const satisfies Partial<TaskInput>;

export const mlp = (...hidden: number[]) => ({ type: 'mlp' as const, hidden });
