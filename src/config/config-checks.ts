import { DATASETS } from '../datasets/download/sources.js';
import { SYNTHETIC_CLASSES } from '../datasets/synthetic.js';
import { AGENT_KINDS, type AgentKind } from '../environment/agent-kinds.js';
import { GannoError } from '../errors.js';
import { resolveHyperparameters } from '../optimizer/optimizer-options.js';
import type { NetworkFamily } from '../tasks/network-family.js';
import type { Config } from './config.js';

/**
 * What no single key can say of itself.
 * @throws GannoError `INVALID_CONFIG`
 */
export function checkConfig(config: Config): void {
	const { tasks, evaluation, device, precision } = config;
	checkAgent(config);
	if (precision === 'tf32' && !device.startsWith('cuda')) {
		refuse(
			`Expected a CUDA device for precision 'tf32' but received device '${device}': use --device cuda:0 or --precision float32`,
		);
	}
	for (const horizon of tasks.horizon) {
		const decisions = tasks.decisions.find((count) => horizon % count !== 0);
		if (decisions !== undefined) {
			refuse(`Expected a divisor of tasks.horizon (${horizon}) for tasks.decisions but received ${decisions}`);
		}
	}
	for (const decisions of tasks.decisions) {
		const { horizon } = tasks.fineTuning;
		if (horizon % decisions === 0) continue;
		refuse(
			`Expected a multiple of tasks.decisions (${decisions}) for tasks.fineTuning.horizon but received ${horizon}`,
		);
	}
	const classes = config.dataset === 'synthetic' ? SYNTHETIC_CLASSES : DATASETS[config.dataset].classes;
	const wrong = tasks.classes.find((count) => count !== 0 && (count < 2 || count > classes));
	if (wrong !== undefined) {
		refuse(
			`Expected 0 (all), or 2 to ${classes} classes of ${config.dataset}, for tasks.classes but received ${wrong}`,
		);
	}
	const largest = Math.max(...tasks.batchSizes);
	const smallest = Math.min(...tasks.sliceSize.map((size) => (size === 0 ? Number.POSITIVE_INFINITY : size)));
	if (smallest < largest) {
		refuse(
			`Expected at least the largest of tasks.batchSizes (${largest}) for tasks.sliceSize but received ${smallest}`,
		);
	}
	for (const [i, optimizer] of tasks.optimizers.entries()) {
		if (typeof optimizer === 'string') continue;
		try {
			resolveHyperparameters(optimizer.algorithm, optimizer.hyperparameters);
		} catch (error) {
			refuse(`tasks.optimizers[${i}]: ${(error as Error).message}`, error);
		}
	}
	if (isOpen(evaluation.network)) {
		refuse('Expected one network, not a family with ranges or lists to draw from, for evaluation.network');
	}
}

/** Whether a family still has something to draw from. */
export function isOpen(network: NetworkFamily): boolean {
	const ranges =
		network.type === 'residual' ? Array.isArray(network.blocks) || Array.isArray(network.width) : 'depth' in network;
	return ranges || ('activation' in network && Array.isArray(network.activation));
}

function checkAgent({ agent, environment }: Config): void {
	const kind: AgentKind = AGENT_KINDS[agent];
	for (const [key, known] of [
		['action', Object.keys(kind.actions)],
		['agents', kind.agents],
	] as const) {
		if ((known as readonly string[]).includes(environment[key])) continue;
		const expected = known.map((value) => `'${value}'`).join(' or ');
		refuse(`Expected ${expected} for environment.${key} with agent '${agent}' but received '${environment[key]}'`);
	}
	const { secondControl } = environment;
	if (secondControl === undefined || kind.secondControls.includes(secondControl)) return;
	refuse(`Expected 'none' for environment.secondControl with agent '${agent}' but received '${secondControl}'`);
}

function refuse(message: string, cause?: unknown): never {
	throw new GannoError('INVALID_CONFIG', message, cause === undefined ? undefined : { cause });
}
