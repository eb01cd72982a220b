import { Command } from 'commander';
import { addHelpEnd } from '../help.js';
import { parsePath } from '../options/path-option.js';

export function infoCommand(): Command {
	const command = new Command('info')
		.description('What a policy file (or the policy of a run directory) is and how it was trained.')
		.argument('<policy>', "a .safetensors file, a run directory, or 'default' for the policy of the package", parsePath)
		.option('--json', 'everything the file says, every result and setting, as one JSON object');
	return addHelpEnd(command, [
		'ganno info default',
		'ganno info policy.safetensors',
		'ganno info runs/mine --json',
	]).action(async (path: string, options: { json?: boolean }) => {
		const { loadPolicy } = await import('../../policy/policy-file.js');
		const { policySummary } = await import('../policy-summary.js');
		const { policyPath } = await import('../../runs/policy-path.js');
		const file = policyPath(path);
		const policy = loadPolicy(file);
		if (options.json === true) {
			const { spec, training, parameters, card } = policy;
			process.stdout.write(
				`${JSON.stringify({ file, spec, parameters: parameters.length, training, card }, undefined, 2)}\n`,
			);
			return;
		}
		process.stdout.write(`${policySummary(policy, path, file, process.stdout.columns)}\n`);
	});
}
