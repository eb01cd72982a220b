import type { LayerwisePlanOptions } from '../../binding.d.ts';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import type { LayerwiseBackend } from './backend.js';
import type { OptimizerDevice } from './optimizer-options.js';
import { ReferencePlan } from './reference.js';

/** @throws GannoError `INVALID_ARGUMENT`, `NATIVE_NOT_FOUND`, `OUT_OF_MEMORY` */
export function openBackend(device: OptimizerDevice, plan: LayerwisePlanOptions): LayerwiseBackend {
	try {
		if (device === 'reference') return new ReferencePlan(plan);
		const cudaDevice = device === 'cpu' ? undefined : Number(device.slice('cuda:'.length));
		return new (native().LayerwisePlan)({ ...plan, cudaDevice });
	} catch (error) {
		throw fromNative(error);
	}
}
