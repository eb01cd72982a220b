import type { LayerwisePlan, LayerwisePlanOptions } from '../../binding.d.ts';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import type { OptimizerDevice } from './optimizer-options.js';
import { ReferencePlan } from './reference.js';

/** What computes the steps of LayerwiseOptimizer: the addon's class (`cpu`, `cuda:N`), or the TypeScript reference. */
export type { LayerwisePlan };

/** @throws GannoError `INVALID_ARGUMENT`, `NATIVE_NOT_FOUND`, `OUT_OF_MEMORY` */
export function openPlan(device: OptimizerDevice, options: LayerwisePlanOptions): LayerwisePlan {
	try {
		if (device === 'reference') return new ReferencePlan(options);
		const number = device === 'cpu' ? undefined : Number(device.slice('cuda:'.length));
		return new (native().LayerwisePlan)({ ...options, device: number });
	} catch (error) {
		throw fromNative(error);
	}
}
