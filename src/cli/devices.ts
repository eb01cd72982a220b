import { Command } from 'commander';

export function devicesCommand(): Command {
	return new Command('devices')
		.description('Where child networks can be trained on this machine, and why CUDA is absent when it is.')
		.option('--json', 'as one JSON array')
		.action(async (options: { json?: boolean }) => {
			const { devices } = await import('../devices.js');
			const found = devices();
			if (options.json === true) {
				process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
				return;
			}
			for (const device of found) process.stdout.write(`${JSON.stringify(device)}\n`);
		});
}
