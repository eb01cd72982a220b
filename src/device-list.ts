import { availableParallelism, cpus, totalmem } from 'node:os';
import { fromNative, GannoError } from './errors.js';
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

export interface CudaDeviceInfo {
	readonly kind: 'cuda';
	/** What a `device` option takes: `cuda:0` is CUDA's first device. */
	readonly name: `cuda:${number}`;
	readonly available: true;
	/** The card's own name. */
	readonly model: string;
	/** Bytes on the card, and those free when asked. */
	readonly memory: number;
	readonly freeMemory: number;
	readonly multiprocessors: number;
	/** As in '9.0'. */
	readonly computeCapability: string;
}

/** Stands in the list when there is no CUDA device, to say why. */
export interface MissingDeviceInfo {
	readonly kind: 'cuda';
	readonly name: 'cuda';
	readonly available: false;
	/** What is missing (a build with CUDA, a driver, a driver new enough, a device), and what to do. */
	readonly reason: string;
}

export type DeviceInfo = CpuDeviceInfo | CudaDeviceInfo | MissingDeviceInfo;

/**
 * The CPU, always first, then every CUDA device, or why there is none.
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
			...cudaDevices(),
		];
	} catch (error) {
		throw fromNative(error);
	}
}

/** Every CUDA device, or why there is none. */
export function cudaDevices(): (CudaDeviceInfo | MissingDeviceInfo)[] {
	const { devices: found, reason } = native().cudaDevices();
	if (found.length === 0) return [{ kind: 'cuda', name: 'cuda', available: false, reason }];
	return found.map(({ name, ...device }, index) => ({
		kind: 'cuda',
		name: `cuda:${index}`,
		available: true,
		model: name,
		...device,
	}));
}

/** What large dense products of precision 'tf32' go to on a CUDA device. */
export interface CublasInfo {
	readonly kind: 'library';
	readonly name: 'cublas';
	readonly available: boolean;
	/** The library as it was found; empty without one. */
	readonly library: string;
	/** Why there is none; empty otherwise. */
	readonly reason: string;
}

/** Whether there is cuBLAS, which it loads; undefined where no CUDA device could use it. */
export function cublasInfo(): CublasInfo | undefined {
	if (!cudaDevices().some((device) => device.available)) return undefined;
	const { name: library, reason } = native().cublasLibrary();
	return { kind: 'library', name: 'cublas', available: library !== '', library, reason };
}

/**
 * A `cuda:N` device that can be used.
 * @throws GannoError `CUDA_UNAVAILABLE` saying why it cannot, and what to do
 */
export function requireCudaDevice(name: string): CudaDeviceInfo {
	const found = cudaDevices();
	const device = found.find((candidate) => candidate.name === name);
	if (device?.available) return device;
	const [first] = found;
	const why =
		first?.available === false
			? first.reason
			: `there is ${found.length === 1 ? 'only cuda:0' : `cuda:0 to cuda:${found.length - 1}`}`;
	throw new GannoError(
		'CUDA_UNAVAILABLE',
		`The device '${name}' cannot be used: ${why}. Or use device 'cpu' (--device cpu)`,
	);
}

/** Bytes this process may use: the machine's, or the container's limit where that is lower. */
export function usableMemory(): number {
	const limit = process.constrainedMemory();
	return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
