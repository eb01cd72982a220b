/** What the native path buys, against the same in pure tfjs: steps, training, a whole environment step, model.fit. See docs/benchmarks.md. */
import { fileURLToPath } from 'node:url';
import { type Contender, startContender } from './support/contender.js';
import { baseVersions, loadAddon } from './support/machine.js';
import { type BenchmarkOptions, parseOptions, progress, wanted } from './support/options.js';
import { measured, type Row, report, type Target, target, unmeasured } from './support/report.js';
import { PATH_CASES, type PathCase } from './tfjs/cases.js';

const RATE = { metric: 'steps_per_second', unit: 'steps/s of processor time' } as const;
const RATIO = { metric: 'native_against', unit: '1' } as const;
const PROGRAM = fileURLToPath(new URL('./contenders/tfjs-path.js', import.meta.url));

/** The native path, or what a case compares with others, comes first. */
async function measure(one: PathCase, options: BenchmarkOptions, versions: Record<string, string>): Promise<Row[]> {
	const milliseconds = options.quick ? 200 : 1500;
	const contenders: Contender[] = [];
	const rates = new Map<string, number[]>();
	const shares: number[] = [];
	try {
		for (const name of one.contenders.filter((each) => wanted(options.contenders, each))) {
			const command = [process.execPath, PROGRAM, one.kind, one.what, name];
			contenders.push(await startContender(name, command, process.env, 'Run npm ci && npm run build'));
		}
		for (let round = 0; round < options.rounds; round++) {
			progress(`${one.name}: round ${round + 1} of ${options.rounds}`);
			for (const contender of contenders) {
				if (contender.unavailable !== undefined) continue;
				const slice = await contender.run(milliseconds);
				rates.set(contender.name, [...(rates.get(contender.name) ?? []), slice.steps / slice.cpuSeconds]);
				const { controllerSeconds } = slice as { readonly controllerSeconds?: number };
				if (controllerSeconds !== undefined && contender.name.startsWith('layerwise-policy')) {
					shares.push(controllerSeconds / slice.wallSeconds);
				}
			}
		}
	} finally {
		await Promise.all(contenders.map((contender) => contender.close()));
	}
	const rows: Row[] = [];
	const ours = contenders.find(({ name }) => name === 'native' || /^layerwise-[a-z]+$/.test(name))?.name ?? '';
	for (const { name, version, unavailable } of contenders) {
		const label = { case: one.name, contender: name };
		const own = rates.get(name);
		if (unavailable !== undefined || own === undefined) {
			rows.push(unmeasured({ ...label, ...RATE }, unavailable ?? 'not measured'));
			continue;
		}
		if (version !== undefined && name !== 'native') versions.tfjs = version.replace(/^tfjs /, '');
		rows.push(measured({ ...label, ...RATE }, own));
		const best = rates.get(ours);
		if (best !== undefined && name !== ours) {
			// Round by round: what slowed the machine down slowed both.
			rows.push(
				measured(
					{ ...label, ...RATIO },
					own.map((rate, round) => (best[round] as number) / rate),
				),
			);
		}
	}
	if (shares.length > 0) {
		const policy = contenders.find(({ name }) => name.startsWith('layerwise-policy'))?.name ?? '';
		rows.push(measured({ case: one.name, contender: policy, metric: 'controller_share', unit: '1' }, shares));
	}
	return rows;
}

function targetsOf(rows: readonly Row[], tier: string): Target[] {
	const value = (caseName: string, contender: string, metric: string): number | null =>
		rows.find((row) => row.case === caseName && row.contender === contender && row.metric === metric)?.median ?? null;
	const against = (caseName: string, contender: string): number | null => value(caseName, contender, RATIO.metric);
	return [
		...['mlp', 'cnn-small', 'cnn-cifar'].map((name) =>
			target(
				`training steps, ${name} (${tier}): native against tfjs-wasm`,
				'>=',
				30,
				against(`train-${name}`, 'tfjs-wasm'),
			),
		),
		target(
			`step and statistics, 10^6 parameters (${tier}): native against tfjs-wasm`,
			'>=',
			15,
			against('step-1e6', 'tfjs-wasm'),
		),
		target(
			'model.fit, mlp, wasm: LayerwiseTfOptimizer against tf.train.adam',
			'>=',
			1.2,
			against('fit-mlp-wasm', 'adam-wasm'),
		),
		target(
			'model.fit, mnist-cnn, wasm: LayerwiseTfOptimizer against tf.train.adam',
			'>=',
			0.98,
			against('fit-mnist-cnn-wasm', 'adam-wasm'),
		),
		target(
			'controller, share of a training step, mlp',
			'<=',
			0.01,
			value('fit-mlp-wasm', 'layerwise-policy-wasm', 'controller_share'),
		),
	];
}

async function main(): Promise<void> {
	const options = parseOptions(
		'bench:tfjs',
		'The native path against the same in pure tfjs, on every back end that loads.',
		{ rounds: 8, quickRounds: 2 },
	);
	const tier = loadAddon().cpuTier();
	const versions = baseVersions();
	const rows: Row[] = [];
	for (const one of PATH_CASES.filter(({ name }) => wanted(options.cases, name))) {
		rows.push(...(await measure(one, options, versions)));
	}
	report({ ...options, tier, versions, rows, targets: targetsOf(rows, tier) });
}

await main();
