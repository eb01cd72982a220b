import { checkFunction, checkKeys, checkSignal, keysOf } from '../arguments.js';
import { type Config, RESUMABLE_SETTINGS, resolveConfig } from '../config/config.js';
import type { Dataset } from '../datasets/dataset.js';
import { AGENT_SPACES, type AgentSpaces, actorOutputs } from '../environment/agent-spaces.js';
import { GannoError } from '../errors.js';
import { openEventFile } from '../files/event-file.js';
import { checkVersion, migrateOrigin, VERSION } from '../files/migrations.js';
import { createLearner, type Learner, type LearnerState, type LearnerStateRecord } from '../learner/learner.js';
import type { Trajectory } from '../learner/trajectory.js';
import type { UpdateMetrics } from '../learner/update-metrics.js';
import { packageVersion } from '../package-files.js';
import type { NamedTensor, Policy, PolicySpec } from '../policy/policy.js';
import { savePolicy } from '../policy/policy-file.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { openExecutor } from '../runs/open-executor.js';
import { type RunDirectory, readLatestCheckpoint } from '../runs/run-directory.js';
import { compareOrigin, dataRecord, decisiveSettings, type RunOrigin } from '../runs/run-origin.js';
import { iterationTasks } from '../runs/sample-tasks.js';
import { type IterationMetrics, iterationMetrics } from './iteration-metrics.js';
import { checkMetrics, NO_METRICS, nextMetricsDigest } from './metrics-digest.js';

export interface MetaTrainOptions {
	/** Where everything is written; holds the config. */
	readonly run: RunDirectory;
	readonly dataset: Dataset;
	/** Stops the run: a checkpoint of the last finished iteration is written, then the promise rejects with `CANCELLED`. */
	readonly signal?: AbortSignal;
	/** Called once, with the updates done before. */
	readonly onStart?: (iteration: number) => void;
	/** Called with a sentence about what a resumption cannot make sure of. */
	readonly onWarning?: (message: string) => void;
	/** Called after every iteration. */
	readonly onIteration?: (metrics: IterationMetrics) => void;
	/** Runs the rollouts; default: what the config says. Not disposed of. */
	readonly executor?: RolloutExecutor;
}

const OPTION_NAMES = keysOf<MetaTrainOptions>({
	run: true,
	dataset: true,
	signal: true,
	onStart: true,
	onIteration: true,
	onWarning: true,
	executor: true,
});

export interface MetaTrainResult {
	/** Updates done in all, those before a resumption included. */
	readonly iterations: number;
	readonly policyPath: string;
	/** The policy before the first update. */
	readonly initialPolicyPath: string;
	readonly checkpointPath: string | undefined;
}

/** The policy a config describes. */
export function policySpec(config: Config): PolicySpec {
	const { action, granularity, multiplier, secondControl } = config.environment;
	const spaces: AgentSpaces = AGENT_SPACES[config.controller];
	return {
		network: config.policy.network,
		observation: spaces.observation,
		observationSize: spaces.observationSize,
		action,
		actions: actorOutputs(spaces, action, secondControl) as number,
		...(config.controller === 'adaptive-lr' ? { multiplier } : {}),
		hiddenUnits: config.policy.hiddenUnits,
		granularity,
		...(secondControl === 'none' ? {} : { secondControl }),
	};
}

/**
 * Meta-training: sample tasks, roll them out under the policy, update the policy, again. Continues from the newest checkpoint of the
 * run directory where there is one, to the same bits as an uninterrupted run: an iteration depends on the config, its number and the
 * learner's state alone, and nothing of one iteration overlaps the next. A checkpoint says what settings and data it goes on from, and what
 * the metrics before it were.
 * @throws GannoError `BAD_FILE` where it goes on from other settings, data or metrics, naming what differs; `CANCELLED`; `FILE_SYSTEM`, `WORKER_FAILED`, `DIVERGED`: the last checkpoint stands
 */
export async function metaTrain(options: MetaTrainOptions): Promise<MetaTrainResult> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSignal(options.signal);
	checkFunction(options.onStart, 'onStart');
	checkFunction(options.onIteration, 'onIteration');
	checkFunction(options.onWarning, 'onWarning');
	const { run, dataset, signal } = options;
	const { config } = run;
	const { backend, sharedExplorationNoise: _, ...ppo } = config.learner;
	const learner = await createLearner({
		spec: policySpec(config),
		seed: config.seed,
		iterations: Math.max(config.iterations, 1),
		ppo,
		backend,
	});
	const executor = options.executor ?? openExecutor(config, dataset);
	try {
		const initialPolicyPath = run.file('initialPolicy');
		const origin = { settings: decisive(config), data: dataRecord(dataset) };
		const restored = restore(learner, options, origin);
		let checkpointPath = restored.path;
		let metricsDigest = restored.metricsDigest;
		if (learner.iteration === 0) savePolicy(initialPolicyPath, learner.policy(trainingRecord(config, dataset)));
		run.truncateMetrics(learner.iteration);

		options.onStart?.(learner.iteration);
		using events = openEventFile(run.path, learner.iteration === 0 ? {} : { resumedAt: learner.iteration });
		let finished = finishedWork(learner, config, dataset);
		let written = learner.iteration;
		const save = (): void => {
			checkpointPath = writeCheckpoint(run, finished, origin, metricsDigest);
			written = finished.state.record.iteration;
		};
		try {
			while (learner.iteration < config.iterations) {
				const metrics = await runIteration(learner, executor, options);
				finished = finishedWork(learner, config, dataset);
				run.appendMetrics(metrics);
				metricsDigest = nextMetricsDigest(metricsDigest, metrics);
				for (const [key, value] of Object.entries(metrics)) {
					if (key !== 'iteration') events.scalar(`train/${key}`, value, metrics.iteration);
				}
				options.onIteration?.(metrics);
				if (learner.iteration % config.checkpoint.every === 0) save();
				if (signal?.aborted === true) throw new GannoError('CANCELLED', 'The run was cancelled.');
			}
		} catch (error) {
			// The iteration under way is lost; what was learned before it is kept.
			const cancelled = error instanceof GannoError && error.code === 'CANCELLED';
			const { iteration } = finished.state.record;
			if (cancelled && (iteration > written || checkpointPath === undefined)) save();
			throw error;
		}
		if (learner.iteration > written || checkpointPath === undefined) save();
		return { iterations: learner.iteration, policyPath: run.file('policy'), initialPolicyPath, checkpointPath };
	} finally {
		learner.dispose();
		if (options.executor === undefined) await executor[Symbol.asyncDispose]();
	}
}

async function runIteration(
	learner: Learner,
	executor: RolloutExecutor,
	{ run: { config }, dataset, signal }: MetaTrainOptions,
): Promise<IterationMetrics> {
	const started = performance.now();
	const { iteration } = learner;
	const tasks = iterationTasks(config, dataset, iteration);
	const trajectories: Trajectory[] = [];
	const rollouts = executor.collect(tasks, learner.snapshot(), {
		...(signal === undefined ? {} : { signal }),
		explorationSeed: config.seed,
		sharedExplorationNoise: config.learner.sharedExplorationNoise,
	});
	for await (const trajectory of rollouts) trajectories.push(trajectory);
	const rolledOut = performance.now();
	const update = await updateUnlessCancelled(learner, trajectories, signal);
	const milliseconds = { rollout: rolledOut - started, learner: performance.now() - rolledOut };
	return iterationMetrics(iteration, trajectories, update, milliseconds, config.environment.reward);
}

/** What a policy file says about its origin; without what changes no bit of it, so that equal policies are equal files. */
function trainingRecord(config: Config, dataset: Dataset) {
	const { workers: _, device: __, dataDirectory: ___, ...settings } = config;
	return { ganno: packageVersion(), dataset: dataset.name, seed: config.seed, config: settings };
}

/** What there is to keep after an iteration; copies, so that it can be written while the next update is under way. */
interface FinishedWork {
	readonly state: LearnerState;
	readonly policy: Policy;
}

function finishedWork(learner: Learner, config: Config, dataset: Dataset): FinishedWork {
	return { state: learner.state(), policy: learner.policy(trainingRecord(config, dataset)) };
}

function writeCheckpoint(
	run: RunDirectory,
	{ state: { tensors, record }, policy }: FinishedWork,
	origin: RunOrigin,
	metricsDigest: string,
): string {
	const path = run.writeCheckpoint(record.iteration, tensors, {
		format: 'ganno-checkpoint',
		version: String(VERSION),
		learner: JSON.stringify(record),
		origin: JSON.stringify(origin),
		metrics: metricsDigest,
	});
	savePolicy(run.file('policy'), policy);
	return path;
}

/** An update cannot be stopped half-way. A cancelled run waits this long for it, then goes without it. */
const UPDATE_PATIENCE_MILLISECONDS = 1000;

async function updateUnlessCancelled(
	learner: Learner,
	trajectories: readonly Trajectory[],
	signal: AbortSignal | undefined,
): Promise<UpdateMetrics> {
	const update = learner.update(trajectories);
	if (signal === undefined) return await update;
	update.catch(() => {}); // it may fail after it was left behind
	let timer: NodeJS.Timeout | undefined;
	let onAbort = (): void => {};
	const impatience = new Promise<never>((_, reject) => {
		onAbort = () => {
			timer = setTimeout(
				() => reject(new GannoError('CANCELLED', 'The run was cancelled.')),
				UPDATE_PATIENCE_MILLISECONDS,
			);
		};
		if (signal.aborted) onAbort();
		else signal.addEventListener('abort', onAbort);
	});
	try {
		return await Promise.race([update, impatience]);
	} finally {
		clearTimeout(timer);
		signal.removeEventListener('abort', onAbort);
	}
}

/** Beside what may differ: what only says how often something is kept, and what a policy is held against. */
const INDECISIVE: readonly (keyof Config)[] = [...RESUMABLE_SETTINGS, 'checkpoint', 'evaluation'];

function decisive(config: Config): Record<string, unknown> {
	return decisiveSettings(config, INDECISIVE);
}

interface Restored {
	/** Of the checkpoint; undefined where there was none. */
	readonly path: string | undefined;
	/** Of the metrics before it. */
	readonly metricsDigest: string;
}

function restore(learner: Learner, { run, onWarning }: MetaTrainOptions, own: RunOrigin): Restored {
	const checkpoint = readLatestCheckpoint(run.path);
	if (checkpoint === undefined) return { path: undefined, metricsDigest: NO_METRICS };
	const { path, metadata, tensors } = checkpoint;
	if (metadata.origin === undefined) {
		onWarning?.(
			`${path} is of a version of ganno that did not keep what it goes on from: settings, data and metrics are taken as they are. The next checkpoint keeps it.`,
		);
	} else {
		const rest = Object.fromEntries(INDECISIVE.map((key) => [key, run.config[key]]));
		const version = metadata.version === undefined ? 1 : checkVersion(path, 'ganno-checkpoint', metadata.version);
		compareOrigin(path, migrateOrigin(parseOrigin(path, metadata.origin), version), own, (settings) =>
			decisive(resolveConfig([{ source: path, values: { ...rest, ...settings } }])),
		);
	}
	try {
		const record = JSON.parse(metadata.learner ?? '') as LearnerStateRecord;
		learner.restore({ tensors: tensors as readonly NamedTensor[], record });
	} catch (error) {
		throw new GannoError(
			'BAD_FILE',
			`${path} does not fit this run: ${(error as Error).message}. Delete it to continue from the checkpoint before.`,
			{ cause: error },
		);
	}
	const { iteration } = learner;
	const metrics = run.metricsBefore(iteration);
	if (metrics !== undefined) {
		return { path, metricsDigest: checkMetrics(run.file('metrics'), metrics, iteration, metadata.metrics) };
	}
	if (iteration > 0) onWarning?.(`${run.file('metrics')} is missing: the metrics begin at iteration ${iteration}.`);
	return { path, metricsDigest: NO_METRICS };
}

function parseOrigin(path: string, text: string): Readonly<Record<string, unknown>> {
	try {
		return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
	} catch (error) {
		throw new GannoError(
			'BAD_FILE',
			`${path}: its metadata 'origin' is not JSON. Delete it to continue from the checkpoint before.`,
			{
				cause: error,
			},
		);
	}
}
