/** The contenders that are programs of their own: PyTorch and tfjs. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startContender } from '../support/contender.js';
import { repositoryRoot } from '../support/machine.js';
import { deviceEnvironment, pythonEnvironment, pythonProgram, pythonWith } from '../support/python.js';
import { LEARNING_RATE, parameterCount, type StepCase } from './cases.js';
import { type StepContender, type StepSlice, unavailableContender } from './contender.js';
import type { DeviceStepCase } from './device-cases.js';
import type { Evidence } from './evidence.js';

/** tfjs keeps some twenty arrays of all parameters alive in a step, in a WebAssembly memory of at most 2 to 4 GB. */
const WASM_LIMIT = 16_000_000;
/** Beyond that a step of tfjs's plain JavaScript back end takes seconds. */
const CPU_LIMIT = 1_000_000;

async function openRival(
	name: string,
	packageName: string,
	command: readonly string[],
	environment: NodeJS.ProcessEnv,
	whatToDo: string,
): Promise<StepContender> {
	const contender = await startContender(name, command, environment, whatToDo);
	if (contender.unavailable !== undefined || contender.version === undefined) {
		await contender.close();
		return unavailableContender(name, contender.unavailable ?? 'not measured: it says no version');
	}
	return {
		name,
		version: [packageName, contender.version],
		note: typeof contender.hello.note === 'string' ? contender.hello.note : undefined,
		local: false,
		first: contender.hello.evidence as Evidence,
		run: async (milliseconds) => (await contender.ask({ run: milliseconds })) as unknown as StepSlice,
		last: async () => (await contender.ask({ evidence: true })).evidence as Evidence,
		close: () => contender.close(),
	};
}

export function openPytorch(name: string, one: StepCase, what: 'step' | 'norms' | 'all'): Promise<StepContender> {
	const words = [what, one.algorithm, String(one.threads), String(LEARNING_RATE), JSON.stringify(one.sizes)];
	const program = join(repositoryRoot, 'bench', 'contenders', 'pytorch-optimizer.py');
	const command = [pythonProgram(), program, ...words];
	return openRival(name, 'pytorch', command, pythonEnvironment(one.threads), 'Install it with: scripts/setup --bench');
}

/**
 * PyTorch's Adam with everything on a device.
 * @param device `cuda:N`, or `cpu` to try the program
 * @param stacked layers of equal size as one tensor
 */
export async function openDevicePytorch(
	name: string,
	one: DeviceStepCase,
	what: 'step' | 'norms' | 'all',
	{ device, stacked }: { readonly device: string; readonly stacked: boolean },
): Promise<StepContender> {
	const python = pythonWith('torch');
	if (python === undefined) {
		return unavailableContender(name, 'not measured: no Python here has PyTorch; GANNO_PYTHON names one that has');
	}
	const program = join(repositoryRoot, 'bench', 'contenders', 'pytorch-device-optimizer.py');
	const rows = stacked ? one.networks : 1;
	const words = [what, device, String(LEARNING_RATE), String(rows), JSON.stringify(one.sizes)];
	return openRival(name, 'pytorch', [python, program, ...words], deviceEnvironment(), 'See what it said.');
}

export async function openTfjs(name: string, one: StepCase, backend: 'wasm' | 'cpu'): Promise<StepContender> {
	const limit = backend === 'wasm' ? WASM_LIMIT : CPU_LIMIT;
	if (one.algorithm !== 'adam') return unavailableContender(name, 'not measured: only Adam is compared with tfjs');
	if (one.threads > 1) return unavailableContender(name, 'not measured: in Node this back end has one thread');
	if (parameterCount(one) > limit) {
		const why = backend === 'wasm' ? 'the arrays of a step do not fit its memory' : 'a step takes seconds';
		return unavailableContender(name, `not measured beyond ${limit} parameters: ${why}`);
	}
	const program = fileURLToPath(new URL('../contenders/tfjs-optimizer.js', import.meta.url));
	const command = [process.execPath, program, backend, String(LEARNING_RATE), JSON.stringify(one.sizes)];
	return openRival(name, 'tfjs', command, process.env, 'Install it with: npm ci');
}
