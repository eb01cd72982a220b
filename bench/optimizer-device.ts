/**
 * What a step with all statistics costs on a CUDA device, everything kept there: ganno, the device's own copy, and PyTorch, interleaved.
 * See docs/benchmarks.md.
 */
import type { StepContender } from './optimizer/contender.js';
import { openDevice } from './optimizer/device.js';
import { DEVICE_CASES, type DeviceStepCase, TINY_DEVICE_CASES } from './optimizer/device-cases.js';
import { compareOnDevice } from './optimizer/device-targets.js';
import { type CaseResult, measureCase } from './optimizer/measure.js';
import { openDevicePytorch } from './optimizer/rivals.js';
import { benchDevice, deviceVersions } from './support/device.js';
import { type BenchmarkOptions, parseOptions, wanted } from './support/options.js';
import { report } from './support/report.js';

const TINY = '--tiny';
const ON_CPU = '--pytorch-on-cpu';

const PYTORCH: Readonly<Record<string, { readonly what: 'step' | 'norms' | 'all'; readonly stacked: boolean }>> = {
	pytorch: { what: 'step', stacked: false },
	'pytorch-norms': { what: 'norms', stacked: false },
	'pytorch-all': { what: 'all', stacked: false },
	'pytorch-stacked-norms': { what: 'norms', stacked: true },
	'pytorch-stacked-all': { what: 'all', stacked: true },
};

/** Contenders of a case, in order. */
function contenderNames(one: DeviceStepCase, { contenders }: BenchmarkOptions): string[] {
	const names = ['ganno', 'ganno-no-statistics'];
	if (one.algorithm === 'adam') names.push('ganno-calls', 'copy-ceiling');
	if (one.rivals) {
		names.push(...Object.keys(PYTORCH).filter((name) => one.networks > 1 || PYTORCH[name]?.stacked === false));
	}
	return names.filter((name) => wanted(contenders, name));
}

async function measure(
	one: DeviceStepCase,
	device: string,
	options: BenchmarkOptions,
	versions: Record<string, string>,
): Promise<CaseResult> {
	const contenders: StepContender[] = [];
	const pytorchDevice = options.switches.has(ON_CPU) ? 'cpu' : device;
	try {
		// One after another: each finds what is fastest for it before it says that it is ready.
		for (const name of contenderNames(one, options)) {
			const rival = PYTORCH[name];
			contenders.push(
				rival === undefined
					? openDevice(name, one, device)
					: await openDevicePytorch(name, one, rival.what, { device: pytorchDevice, stacked: rival.stacked }),
			);
		}
		for (const { version } of contenders) if (version !== undefined) versions[version[0]] = version[1];
		return await measureCase(one, contenders, { rounds: options.rounds, milliseconds: options.quick ? 60 : 300 });
	} finally {
		await Promise.all(contenders.map((contender) => contender.close()));
	}
}

const options = parseOptions(
	'bench:optimizer-device',
	'What a step with all statistics costs on a CUDA device: ganno, a copy of as many bytes, and PyTorch.',
	{ rounds: 8, quickRounds: 2 },
	{
		[TINY]: 'small cases instead, to try the program',
		[ON_CPU]: 'PyTorch on the CPU, to try the program where it sees no device',
	},
);
const device = benchDevice();
const versions = deviceVersions(device);
const results: CaseResult[] = [];
const cases = options.switches.has(TINY) ? TINY_DEVICE_CASES : DEVICE_CASES;
for (const one of cases.filter(({ name }) => wanted(options.cases, name))) {
	results.push(await measure(one, device.name, options, versions));
}
const { rows, targets } = compareOnDevice(results, device.model);
report({
	...options,
	tier: `cuda ${device.computeCapability}`,
	versions,
	rows: [...results.flatMap((result) => result.rows), ...rows],
	targets,
});
