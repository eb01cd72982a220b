/** How much of an environment step, and of a meta-training run, is not native training. See docs/benchmarks.md. */

import { join } from 'node:path';
import {
	type Dataset,
	loadDataset,
	PolicyController,
	syntheticDataset,
	TrainingEnvironment,
	type TrainingTask,
} from 'ganno';
import { caseNamed } from './cases.js';
import { learnerShares } from './support/learner-share.js';
import { baseVersions, loadAddon, packageVersion, repositoryRoot } from './support/machine.js';
import { type BenchmarkOptions, parseOptions, progress, wanted } from './support/options.js';
import { measured, type Row, report, type Target, target } from './support/report.js';
import { Stopwatch, timeMethods } from './support/stopwatch.js';
import { untrainedPolicy } from './support/untrained-policy.js';

const NETWORKS = 16;
const LIMITS: Readonly<Record<string, number>> = { 'cnn-small': 0.03, mlp: 0.05 };
const LEARNER_LIMIT = 0.2;

/** Real images where they are on this machine, else ones made up: the shapes, and so the times, are the same. */
async function images(): Promise<Dataset> {
	try {
		return await loadDataset('fashion-mnist', { download: false });
	} catch {
		return syntheticDataset({ shape: [28, 28, 1], classes: 10, size: 12_000 });
	}
}

interface Shares {
	readonly outside: number[];
	readonly encoding: number[];
	readonly policy: number[];
	readonly bookkeeping: number[];
	readonly stepMilliseconds: number[];
}

const native = new Stopwatch();
const encoding = new Stopwatch();

/** Puts stopwatches at the edge of native code and round the observation encoder. Before the package first loads the addon. */
async function startTiming(): Promise<void> {
	Object.assign(globalThis, { [Symbol.for('ganno.bench.timed-binding')]: { root: repositoryRoot, watch: native } });
	process.env.GANNO_BINDING = join(repositoryRoot, 'bench', 'support', 'timed-binding.cjs');
	const { ObservationEncoder } = await import('#ganno/environment/observations/layer-observation.js');
	timeMethods(ObservationEncoder.prototype, encoding);
}

async function measureSteps(caseName: string, dataset: Dataset, options: BenchmarkOptions): Promise<Shares> {
	const interval = 25; // of npm start
	const decisions = options.quick ? 4 : 10;
	const task: TrainingTask = {
		index: 0,
		spec: caseNamed(caseName).spec,
		optimizer: { algorithm: 'adam' },
		batchSize: 64,
		horizon: interval * decisions,
		interval,
		networks: Array.from({ length: NETWORKS }, (_, seed) => ({ seed, learningRate: 1e-3 })),
	};
	const controller = new PolicyController(untrainedPolicy());
	// One thread, as in a worker: more threads would make the native part shorter in wall time, not the rest.
	using environment = new TrainingEnvironment({ task, dataset, threads: 1 });
	const shares: Shares = { outside: [], encoding: [], policy: [], bookkeeping: [], stepMilliseconds: [] };
	for (let round = -1; round < options.rounds; round++) {
		if (round >= 0) progress(`${caseName}, steps: round ${round + 1} of ${options.rounds}`);
		environment.reset(task);
		controller.reset(task);
		const before = { native: native.milliseconds, encoding: encoding.milliseconds };
		let policy = 0;
		const start = performance.now();
		for (let decision = 0; decision < decisions; decision++) {
			const deciding = performance.now();
			const decided = controller.decide(environment.context);
			policy += performance.now() - deciding;
			environment.stepWithLearningRates(decided, undefined, decided.actions);
		}
		const total = performance.now() - start;
		if (round < 0) continue; // the compiler warms up
		const inside = native.milliseconds - before.native;
		const encoded = encoding.milliseconds - before.encoding;
		shares.outside.push((total - inside) / total);
		shares.encoding.push(encoded / total);
		shares.policy.push(policy / total);
		shares.bookkeeping.push((total - inside - encoded - policy) / total);
		shares.stepMilliseconds.push(total / decisions);
		if (inside === 0 || encoded === 0) throw new Error('nothing was timed: the benchmark no longer fits the package');
	}
	return shares;
}

async function main(): Promise<void> {
	const options = parseOptions(
		'bench:environment',
		"Time outside native code in an environment step, and the learner's share of meta-training.",
		{ rounds: 5, quickRounds: 2 },
	);
	const rows: Row[] = [];
	const targets: Target[] = [];
	const dataset = await images();
	await startTiming();
	for (const [caseName, limit] of Object.entries(LIMITS)) {
		if (!wanted(options.cases, caseName)) continue;
		const shares = await measureSteps(caseName, dataset, options);
		delete process.env.GANNO_BINDING; // loaded by now; worker threads shall load the addon itself
		const label = (metric: string, unit = '1') => ({ case: caseName, contender: 'ganno', metric, unit });
		const outside = measured(label('share_outside_native'), shares.outside);
		rows.push(
			outside,
			measured(label('share_encoding'), shares.encoding),
			measured(label('share_policy'), shares.policy),
			measured(label('share_bookkeeping'), shares.bookkeeping),
			measured(label('environment_step', 'ms'), shares.stepMilliseconds),
		);
		targets.push(target(`${caseName}: share of a step outside native code`, '<=', limit, outside.median));

		const learner = measured(label('learner_share'), await learnerShares(caseName, dataset, options));
		rows.push(learner);
		if (caseName === 'cnn-small') {
			targets.push(target(`${caseName}: the learner's share of meta-training`, '<=', LEARNER_LIMIT, learner.median));
		}
	}
	const versions = { ...baseVersions(), tfjs: packageVersion('@tensorflow/tfjs') };
	report({ ...options, tier: loadAddon().cpuTier(), versions, rows, targets });
}

await main();
