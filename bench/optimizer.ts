/**
 * What a step with all statistics costs: ganno against the memory's own speed, PyTorch and tfjs, interleaved. See docs/benchmarks.md.
 */
import { ADAM_CASES, ALGORITHM_CASES, type StepCase } from './optimizer/cases.js';
import type { StepContender } from './optimizer/contender.js';
import { openLocal, tierContenderNames } from './optimizer/local.js';
import { type CaseResult, measureCase } from './optimizer/measure.js';
import { openPytorch, openTfjs } from './optimizer/rivals.js';
import { compare } from './optimizer/targets.js';
import { baseVersions, loadAddon } from './support/machine.js';
import { type BenchmarkOptions, parseOptions, wanted } from './support/options.js';
import { report } from './support/report.js';

const TIERS = '--tiers';
const ALGORITHMS = '--algorithms';

/** Contenders of a case, in order. */
function contenderNames(one: StepCase, { switches, contenders }: BenchmarkOptions): string[] {
	const names = ['ganno', 'ganno-no-statistics'];
	if (one.algorithm === 'adam' && one.rivals) {
		names.push('stream-ceiling');
		if (switches.has(TIERS)) names.push(...tierContenderNames());
		names.push('pytorch-norms', 'pytorch-all', 'tfjs-wasm', 'tfjs-cpu');
	}
	if (switches.has(ALGORITHMS) && one.rivals) names.push('pytorch');
	return names.filter((name) => wanted(contenders, name));
}

function open(name: string, one: StepCase): StepContender | Promise<StepContender> {
	if (name === 'pytorch') return openPytorch(name, one, 'step');
	if (name === 'pytorch-norms') return openPytorch(name, one, 'norms');
	if (name === 'pytorch-all') return openPytorch(name, one, 'all');
	if (name === 'tfjs-wasm') return openTfjs(name, one, 'wasm');
	if (name === 'tfjs-cpu') return openTfjs(name, one, 'cpu');
	return openLocal(name, one);
}

async function measure(
	one: StepCase,
	options: BenchmarkOptions,
	versions: Record<string, string>,
): Promise<CaseResult> {
	const contenders: StepContender[] = [];
	try {
		// One after another: each finds what is fastest for it before it says that it is ready.
		for (const name of contenderNames(one, options)) contenders.push(await open(name, one));
		for (const { version } of contenders) if (version !== undefined) versions[version[0]] = version[1];
		return await measureCase(one, contenders, { rounds: options.rounds, milliseconds: options.quick ? 60 : 300 });
	} finally {
		await Promise.all(contenders.map((contender) => contender.close()));
	}
}

async function main(): Promise<void> {
	const options = parseOptions(
		'bench:optimizer',
		'What a step with all statistics costs: ganno, the memory traffic alone, PyTorch and tfjs.',
		{ rounds: 12, quickRounds: 3 },
		{
			[TIERS]: 'also the lower instruction sets, and the TypeScript reference on small cases',
			[ALGORITHMS]: 'also the other algorithms at a million parameters, and PyTorch without statistics',
		},
	);
	const tier = loadAddon().cpuTier();
	const versions = baseVersions();
	const results: CaseResult[] = [];
	const cases = [...ADAM_CASES, ...(options.switches.has(ALGORITHMS) ? ALGORITHM_CASES : [])];
	for (const one of cases.filter(({ name }) => wanted(options.cases, name))) {
		results.push(await measure(one, options, versions));
	}
	const { rows, targets } = compare(results, tier);
	report({ ...options, tier, versions, rows: [...results.flatMap((result) => result.rows), ...rows], targets });
}

await main();
