import { availableParallelism, cpus, totalmem } from 'node:os';
import { fromNative } from './errors.js';
import { native } from './native.js';

/** What the addon can compute on. */

export interface CpuDeviceInfo {
	readonly kind: 'cpu';
	/** What a `device` option takes. */
	readonly name: 'cpu';
	readonly available: true;
	/** The processor's own name. */
	readonly model: string;
	/** The instruction-set tier in use: `baseline`, `avx2` or `avx512`; `GANNO_CPU_TIER` forces one. */
	readonly tier: string;
	/** Every tier this machine can run, ascending. */
	readonly tiers: readonly string[];
	/** CPUs this process may use. */
	readonly cores: number;
	/** Bytes this process may use: the machine's, or the container's limit where that is lower. */
	readonly memory: number;
}

/** Stands in the list when there is no CUDA device, to say why. */
export interface MissingDeviceInfo {
	readonly kind: 'cuda';
	readonly name: 'cuda';
	readonly available: false;
	readonly reason: string;
}

export type DeviceInfo = CpuDeviceInfo | MissingDeviceInfo;

/** Why no CUDA device can be used. */
export const CUDA_ABSENT = 'this build has no CUDA back end';

/**
 * The CPU, always first, then why CUDA is absent.
 * @throws GannoError `NATIVE_NOT_FOUND` when the addon cannot be loaded; `INVALID_ARGUMENT` when `GANNO_CPU_TIER` names a tier that
 * this machine cannot run.
 */
export function devices(): DeviceInfo[] {
	const binding = native();
	try {
		return [
			{
				kind: 'cpu',
				name: 'cpu',
				available: true,
				model: cpus()[0]?.model ?? 'unknown',
				tier: binding.cpuTier(),
				tiers: binding.cpuTiers(),
				cores: availableParallelism(),
				memory: usableMemory(),
			},
			{ kind: 'cuda', name: 'cuda', available: false, reason: CUDA_ABSENT },
		];
	} catch (error) {
		throw fromNative(error);
	}
}

/** Bytes this process may use: the machine's, or the container's limit where that is lower. */
export function usableMemory(): number {
	const limit = process.constrainedMemory();
	return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
