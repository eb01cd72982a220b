import type { LayerwisePlanOptions } from '../../binding.d.ts';
import { fromNative } from '../errors.js';
import { native } from '../native.js';
import type { LayerwiseBackend } from './backend.js';
import { ReferencePlan } from './reference.js';

/** @throws GannoError `INVALID_ARGUMENT`, `NATIVE_NOT_FOUND`, `OUT_OF_MEMORY` */
export function openBackend(device: 'cpu' | 'reference', plan: LayerwisePlanOptions): LayerwiseBackend {
	try {
		return device === 'reference' ? new ReferencePlan(plan) : new (native().LayerwisePlan)(plan);
	} catch (error) {
		throw fromNative(error);
	}
}
