import { Command } from 'commander';
import type { DeviceInfo } from '../devices.js';

function describe(device: DeviceInfo): string {
	if (!device.available) return `${device.name.padEnd(6)} not available: ${device.reason}`;
	const gigabytes = (device.memory / 2 ** 30).toFixed(1);
	if (device.kind === 'cuda') {
		const free = (device.freeMemory / 2 ** 30).toFixed(1);
		return `${device.name.padEnd(6)} ${device.model}, ${device.multiprocessors} multiprocessors, ${free} of ${gigabytes} GiB free, compute capability ${device.computeCapability}`;
	}
	const tiers = device.tiers.map((tier) => (tier === device.tier ? `[${tier}]` : tier)).join(' ');
	return `${device.name.padEnd(6)} ${device.model}, ${device.cores} cores, ${gigabytes} GiB, instruction sets ${tiers}`;
}

export function devicesCommand(): Command {
	return new Command('devices')
		.description('Where child networks can be trained on this machine, and why CUDA is absent when it is.')
		.option('--json', 'as one JSON array')
		.addHelpText(
			'after',
			`
The instruction set in brackets is in use; GANNO_CPU_TIER forces another.

Examples:
  $ ganno devices
  $ GANNO_CPU_TIER=avx2 ganno devices --json`,
		)
		.action(async (options: { json?: boolean }) => {
			const { devices } = await import('../devices.js');
			const found = devices();
			if (options.json === true) {
				process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
				return;
			}
			for (const device of found) process.stdout.write(`${describe(device)}\n`);
		});
}
