import { Command } from 'commander';
import { parsePath } from './path-option.js';

export function infoCommand(): Command {
	return new Command('info')
		.description('What a policy file (or the policy of a run directory) is and how it was trained.')
		.argument('<policy>', "a .safetensors file, a run directory, or 'default' for the policy of the package", parsePath)
		.option('--json', 'as one JSON object')
		.addHelpText(
			'after',
			`
Examples:
  $ ganno info default
  $ ganno info policy.safetensors
  $ ganno info runs/mine --json`,
		)
		.action(async (path: string, options: { json?: boolean }) => {
			const { describePolicy, loadPolicy } = await import('../agents/policy-file.js');
			const { policyPath } = await import('../experiments/policy-path.js');
			const file = policyPath(path);
			const policy = loadPolicy(file);
			if (options.json === true) {
				const { spec, training, parameters, card } = policy;
				process.stdout.write(
					`${JSON.stringify({ file, spec, parameters: parameters.length, training, card }, undefined, 2)}\n`,
				);
				return;
			}
			const lines = [{ name: 'file', value: file }, ...describePolicy(policy)];
			const width = Math.max(...lines.map(({ name }) => name.length));
			for (const { name, value } of lines) process.stdout.write(`${name.padEnd(width)}  ${value}\n`);
		});
}
