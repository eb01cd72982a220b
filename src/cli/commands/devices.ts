import { Command } from 'commander';
import { counted } from '../../counted.js';
import type { CublasInfo, DeviceInfo } from '../../device-list.js';
import type { TfjsBackendInfo } from '../../tensorflow/tfjs-backends.js';
import { addHelpEnd } from '../help.js';

function describe(device: DeviceInfo): string {
	if (!device.available) return `${device.name.padEnd(6)} not available: ${device.reason}`;
	const gigabytes = (device.memory / 2 ** 30).toFixed(1);
	if (device.kind === 'cuda') {
		const free = (device.freeMemory / 2 ** 30).toFixed(1);
		return `${device.name.padEnd(6)} ${device.model}, ${counted(device.multiprocessors, 'multiprocessor')}, ${free} of ${gigabytes} GiB free, compute capability ${device.computeCapability}`;
	}
	const tiers = device.tiers.map((tier) => (tier === device.tier ? `[${tier}]` : tier)).join(' ');
	return `${device.name.padEnd(6)} ${device.model}, ${counted(device.cores, 'core')}, ${gigabytes} GiB, instruction sets ${tiers}`;
}

function describeCublas({ available, library, reason }: CublasInfo): string {
	const what = available ? `${library}, for large dense layers of precision tf32` : `not used: ${reason}`;
	return `cublas ${what}`;
}

/** What the optional tfjs runs on, and why on nothing better. */
function describeTfjs(backends: readonly TfjsBackendInfo[]): string {
	const chosen = backends.findIndex((backend) => backend.chosen);
	const missing = backends
		.slice(0, chosen < 0 ? backends.length : chosen)
		.map((backend) => `${backend.package}: ${backend.reason}`);
	const what = backends[chosen];
	const name = what === undefined ? 'not available' : `${what.name} (${what.package})`;
	return `${'tfjs'.padEnd(6)} ${[name, ...missing].join('; ')}`;
}

export function devicesCommand(): Command {
	const command = new Command('devices')
		.description(
			'Where child networks can be trained on this machine, why CUDA is absent when it is, and what tfjs would run on.',
		)
		.option('--json', 'as one JSON array');
	return addHelpEnd(
		command,
		['ganno devices', 'GANNO_CPU_TIER=avx2 ganno devices --json'],
		[
			'The instruction set in brackets is in use; GANNO_CPU_TIER forces another. GANNO_CUBLAS is the path of the ' +
				"cuBLAS to use, or 'off'.",
		],
	).action(async (options: { json?: boolean }) => {
		const { cublasInfo, devices } = await import('../../device-list.js');
		const { tfjsBackends } = await import('../../tensorflow/tfjs-backends.js');
		const found = devices();
		const cublas = cublasInfo();
		const backends = tfjsBackends();
		if (options.json === true) {
			process.stdout.write(
				`${JSON.stringify([...found, ...(cublas === undefined ? [] : [cublas]), ...backends], undefined, 2)}\n`,
			);
			return;
		}
		for (const device of found) process.stdout.write(`${describe(device)}\n`);
		if (cublas !== undefined) process.stdout.write(`${describeCublas(cublas)}\n`);
		process.stdout.write(`${describeTfjs(backends)}\n`);
	});
}
