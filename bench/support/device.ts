import { spawnSync } from 'node:child_process';
import { type DeviceInfo, devices } from 'ganno';
import { baseVersions, loadAddon, loadBenchAddon, repositoryRoot } from './machine.js';

/** A CUDA device that can be used. */
export type CudaDevice = Extract<DeviceInfo, { readonly kind: 'cuda'; readonly available: true }>;

/** The CUDA device that a figure is taken on: the first, or the one that `GANNO_BENCH_DEVICE` names. */

/** @throws Error saying why there is none, and what to do */
export function benchDevice(): CudaDevice {
	const found = devices().filter((device) => device.kind === 'cuda');
	const wanted = process.env.GANNO_BENCH_DEVICE;
	const device = wanted === undefined ? found[0] : found.find(({ name }) => name === wanted);
	if (device?.available) return device;
	const why = device?.reason ?? `there is ${found.map(({ name }) => name).join(', ')}`;
	throw new Error(`The CUDA device${wanted === undefined ? '' : ` ${wanted}`} cannot be used: ${why}`);
}

/** 13000 is 13.0. */
function versionText(version: number): string {
	return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}

/** The first line that a program prints, or what to put where it is not there. */
function ask(program: string, words: readonly string[], missing: string): string {
	const { status, stdout } = spawnSync(program, words, { cwd: repositoryRoot, encoding: 'utf8', timeout: 30_000 });
	const line = status === 0 ? stdout.split('\n')[0]?.trim() : undefined;
	return line === undefined || line === '' ? missing : line;
}

/** What a figure of a device was taken with: the card, the driver, CUDA, the commit and the date. */
export function deviceVersions(device: CudaDevice): Record<string, string> {
	const { driverVersion, runtimeVersion } = loadAddon().cudaDevices();
	const query = (what: string): string =>
		ask('nvidia-smi', [`--query-gpu=${what}`, '--format=csv,noheader', '--id=0'], 'unknown');
	return {
		...baseVersions(),
		device: device.model,
		'compute capability': device.computeCapability,
		multiprocessors: String(device.multiprocessors),
		'device memory': `${(device.memory / 2 ** 30).toFixed(1)} GiB`,
		driver: query('driver_version'),
		'multiprocessor clock at most': query('clocks.max.sm'),
		'memory clock at most': query('clocks.max.mem'),
		'CUDA of the driver': versionText(driverVersion),
		'CUDA of the build': versionText(runtimeVersion),
		commit: process.env.GANNO_COMMIT || ask('git', ['rev-parse', '--short', 'HEAD'], 'unknown'),
		date: new Date().toISOString(),
	};
}

/** Floating-point operations a second of float32 multiply-adds from registers: the best of three runs of about so many milliseconds. */
export function fmaPeak(device: CudaDevice, milliseconds: number): number {
	const addon = loadBenchAddon();
	const number = Number(device.name.slice('cuda:'.length));
	const most = 50_000_000;
	let iterations = 8;
	let run = addon.measureDeviceFma(number, iterations);
	while (run.seconds * 1e3 < milliseconds / 4 && iterations < most / 4) {
		iterations *= 4;
		run = addon.measureDeviceFma(number, iterations);
	}
	const rates = [0, 1, 2].map(() => {
		const { operations, seconds, checksum } = addon.measureDeviceFma(number, iterations);
		if (!(checksum > 0)) throw new Error('The multiply-adds were not made; nothing is reported');
		return operations / seconds;
	});
	return Math.max(...rates);
}
