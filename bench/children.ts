/** How many training steps of small networks one core does in a second: ganno, PyTorch and tfjs, interleaved. See docs/benchmarks.md. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CASES, type Case, operationsPerStep } from './cases.js';
import { type Contender, startContender } from './support/contender.js';
import { baseVersions, loadAddon, loadBenchAddon, repositoryRoot } from './support/machine.js';
import { type BenchmarkOptions, parseOptions, progress, wanted } from './support/options.js';
import { pythonEnvironment, pythonProgram } from './support/python.js';
import { measured, type Row, report, type Target, target, unmeasured } from './support/report.js';
import { measureScaling } from './support/scaling.js';

const BATCH = 64;
const STEPS = { metric: 'steps_per_second_per_core', unit: 'steps/s of processor time' } as const;
const SHARE = { metric: 'share_of_fma_peak', unit: '1' } as const;
/** ganno again, on every core: reported as a metric of `ganno`, in wall time. */
const ALL_CORES = 'ganno-all-cores';
const PYTORCH = ['pytorch-eager', 'pytorch-foreach', 'pytorch-channels-last'] as const;

const addon = loadAddon();
const tier = addon.cpuTier();

function start(name: string, caseName: string): Promise<Contender> {
	if (name.startsWith('pytorch')) {
		const program = join(repositoryRoot, 'bench', 'contenders', 'pytorch.py');
		const command = [pythonProgram(), program, caseName, name.slice('pytorch-'.length)];
		return startContender(name, command, pythonEnvironment(1), 'Install it with: scripts/setup --bench');
	}
	const file = name === 'tfjs-wasm' ? 'tfjs.js' : 'ganno.js';
	const program = fileURLToPath(new URL(`./contenders/${file}`, import.meta.url));
	const environment = name === 'ganno-avx2' ? { ...process.env, GANNO_CPU_TIER: 'avx2' } : process.env;
	const mode = name === ALL_CORES ? ['all'] : [];
	return startContender(
		name,
		[process.execPath, program, caseName, ...mode],
		environment,
		'Run npm ci && npm run build',
	);
}

/** The contenders of this machine. Without AVX-512 the best tier is AVX2 or less, and `ganno-avx2` would say nothing new. */
function contenderNames(options: BenchmarkOptions): string[] {
	const own =
		addon.cpuTiers().includes('avx2') && tier !== 'avx2' ? ['ganno', ALL_CORES, 'ganno-avx2'] : ['ganno', ALL_CORES];
	return [...own, ...PYTORCH, 'tfjs-wasm'].filter((name) =>
		wanted(options.contenders, name === ALL_CORES ? 'ganno' : name),
	);
}

/** Multiply-adds a second of processor time, one thread. */
function peak(ofTier: string, milliseconds: number): number {
	const run = loadBenchAddon().measureFmaPeak(ofTier, milliseconds, 1)[0];
	return run === undefined ? Number.NaN : run.operations / run.cpuSeconds;
}

async function measureCase(
	{ name: caseName, spec }: Case,
	options: BenchmarkOptions,
	versions: Record<string, string>,
): Promise<Row[]> {
	const milliseconds = options.quick ? 300 : 1500;
	const contenders = await Promise.all(contenderNames(options).map((name) => start(name, caseName)));
	// A rival may be missing; that the package itself does not run is an error.
	const broken = contenders.find(({ name, unavailable }) => name.startsWith('ganno') && unavailable !== undefined);
	if (broken !== undefined) {
		await Promise.all(contenders.map((contender) => contender.close()));
		throw new Error(broken.unavailable);
	}
	const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
	const shares = new Map<string, number[]>();
	const peaks: number[] = [];
	try {
		for (let round = 0; round < options.rounds; round++) {
			progress(`${caseName}: round ${round + 1} of ${options.rounds}`);
			peaks.push(peak(tier, milliseconds / 5));
			for (const contender of contenders) {
				if (contender.unavailable !== undefined) continue;
				const slice = await contender.run(milliseconds);
				const rate = slice.steps / (contender.name === ALL_CORES ? slice.wallSeconds : slice.cpuSeconds);
				rates.get(contender.name)?.push(rate);
				if (contender.name !== 'ganno' && contender.name !== 'ganno-avx2') continue;
				// The ceiling of the same tier, from the same round.
				const ceiling = contender.name === 'ganno' ? (peaks.at(-1) as number) : peak('avx2', milliseconds / 5);
				const share = (rate * operationsPerStep(spec, BATCH)) / ceiling;
				shares.set(contender.name, [...(shares.get(contender.name) ?? []), share]);
			}
		}
	} finally {
		await Promise.all(contenders.map((contender) => contender.close()));
	}
	const rows: Row[] = [];
	for (const { name, version, unavailable } of contenders) {
		const label =
			name === ALL_CORES
				? { case: caseName, contender: 'ganno', metric: 'steps_per_second_all_cores', unit: 'steps/s' }
				: { case: caseName, contender: name, ...STEPS };
		if (unavailable !== undefined) {
			rows.push(unmeasured(label, unavailable));
			continue;
		}
		rows.push(measured(label, rates.get(name) as number[]));
		const family = name.startsWith('pytorch') ? 'pytorch' : name.startsWith('tfjs') ? 'tfjs' : undefined;
		if (family !== undefined && version !== undefined) versions[family] = version.replace(/^tfjs /, '');
		const share = shares.get(name);
		if (share !== undefined) rows.push(measured({ case: caseName, contender: name, ...SHARE }, share));
	}
	rows.push(
		measured({ case: caseName, contender: 'fma-peak', metric: 'operations_per_second', unit: 'FLOP/s' }, peaks),
		measured({ case: caseName, contender: 'ganno', metric: 'operations_per_step', unit: 'FLOP' }, [
			operationsPerStep(spec, BATCH),
		]),
	);
	return rows;
}

function value(rows: readonly Row[], caseName: string, contender: string, metric: string): number | null {
	return (
		rows.find((row) => row.case === caseName && row.contender === contender && row.metric === metric)?.median ?? null
	);
}

function targetsOf(rows: readonly Row[], caseNames: readonly string[]): Target[] {
	const targets: Target[] = [];
	const ratio = (ours: number | null, theirs: number | null): number | null =>
		ours === null || theirs === null ? null : ours / theirs;
	for (const caseName of caseNames) {
		const ours = value(rows, caseName, 'ganno', STEPS.metric);
		const rivals = PYTORCH.map((name) => value(rows, caseName, name, STEPS.metric));
		// The best of some is not the best of all: with a PyTorch row missing, the ratio is unknown.
		const best = rivals.includes(null) ? null : Math.max(...(rivals as number[]));
		targets.push(
			target(`${caseName}: ganno (${tier}) against the best PyTorch row`, '>=', 3, ratio(ours, best)),
			target(
				`${caseName}: ganno (${tier}) against tfjs-wasm`,
				'>=',
				30,
				ratio(ours, value(rows, caseName, 'tfjs-wasm', STEPS.metric)),
			),
		);
		if (caseName.startsWith('cnn')) {
			targets.push(
				target(
					`${caseName}: ganno's share of the ${tier} multiply-add peak`,
					'>=',
					0.6,
					value(rows, caseName, 'ganno', SHARE.metric),
				),
			);
		}
	}
	return targets;
}

async function main(): Promise<void> {
	const options = parseOptions(
		'bench:children',
		'Training steps of small networks per second and core: ganno, PyTorch and tfjs.',
		{ rounds: 6, quickRounds: 2 },
	);
	const cases = CASES.filter(({ name }) => wanted(options.cases, name));
	const versions = baseVersions();
	const rows: Row[] = [];
	const targets: Target[] = [];
	for (const one of cases) rows.push(...(await measureCase(one, options, versions)));
	targets.push(
		...targetsOf(
			rows,
			cases.map(({ name }) => name),
		),
	);
	if (wanted(options.contenders, 'ganno')) {
		for (const { name } of cases) {
			const scaling = await measureScaling(tier, name, options);
			rows.push(...scaling.rows);
			targets.push(scaling.target);
		}
	}
	report({ ...options, tier, versions, rows, targets });
}

await main();
