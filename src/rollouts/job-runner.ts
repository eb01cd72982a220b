import { viewDataset } from '../datasets/view.js';
import type { AgentSpaceOptions, ObservationVersion } from '../environment/agent-spaces.js';
import { InitialStates } from '../environment/populations/initial-states.js';
import { populationFactory } from '../environment/populations/open-population.js';
import type { PopulationFactory } from '../environment/populations/population-interface.js';
import { TrainingEnvironment } from '../environment/training-environment.js';
import { GannoError } from '../errors.js';
import { isCancelled } from '../networks/population-resources.js';
import { createPolicyInference } from '../policy/inference.js';
import { type BaseScheduleName, baseSchedule } from '../schedules/base-schedule.js';
import type { GradientMethodSpec } from '../schedules/gradient-methods/gradient-method-registry.js';
import type { TrainingTask } from '../tasks/task.js';
import { openController } from './controller-spec.js';
import { runControllerEpisode } from './episodes/controller-episode.js';
import { type EpisodeBuffer, openEpisodeBuffer } from './episodes/episode-buffer.js';
import { type GradientPopulation, runGradientEpisode } from './episodes/gradient-episode.js';
import type { EpisodeJob, Job, WorkerSetup } from './job.js';
import { runRollout } from './rollout.js';
import { openTrajectoryBuffer } from './trajectory-buffer.js';

/**
 * Environments kept open per worker. Each holds its population's memory; a run whose tasks have more shapes than this reopens
 * populations now and then, which costs milliseconds.
 */
const KEPT_ENVIRONMENTS = 4;

export interface JobRunnerSetup extends Omit<WorkerSetup, 'devices' | 'started'> {
	/** Opens populations of another kind (tests). */
	readonly population?: PopulationFactory | undefined;
}

/** Runs jobs one after another, on the thread it lives on; keeps environments between them by task shape. */
export class JobRunner implements Disposable {
	readonly #setup: JobRunnerSetup;
	/** By task shape; the one used last is the last. */
	readonly #environments = new Map<string, TrainingEnvironment>();
	/** Of gradient methods, which have no environment. */
	#initialStates: InitialStates | undefined;

	constructor(setup: JobRunnerSetup) {
		this.#setup = setup;
	}

	/**
	 * A job to be run to its end; yields between decisions, where a thread with an event loop to serve may turn it.
	 * @throws GannoError `CANCELLED` when the shared flag is set
	 */
	*steps(job: Job): Generator<void, void> {
		this.#checkCancelled();
		const steps = this.#open(job);
		for (;;) {
			this.#checkCancelled();
			if (steps.next().done === true) return;
			yield;
		}
	}

	[Symbol.dispose](): void {
		for (const environment of this.#environments.values()) environment.dispose();
		this.#environments.clear();
	}

	#open(job: Job): Generator<void, void> {
		const { baseSchedule: name, ...settings } = this.#setup.environment;
		const { granularity = 'layer' } = settings;
		if (job.kind === 'rollout') {
			const buffer = openTrajectoryBuffer(job.shape, job.memory);
			const environment = this.#environment(job.task, job.kind, settings, factors(name, job.task));
			return runRollout(environment, createPolicyInference(job.policy), job, buffer);
		}
		const { method, task } = job;
		const buffer = openEpisodeBuffer(job.shape, job.memory);
		if (method.type === 'gradient-method') return this.#gradientSteps(job, method.method, buffer);
		if (method.type === 'module') {
			throw new GannoError('INTERNAL', 'A schedule came to its job without being loaded. Report this.');
		}
		if (method.type !== 'policy') {
			// What a schedule of one's own sees does not depend on the policy that it is compared with.
			const seen = method.type === 'schedule' ? granularity : 'layer';
			const environment = this.#environment(task, job.kind, { granularity: seen });
			return runControllerEpisode(environment, openController(method), job, buffer);
		}
		const { observation, granularity: own } = method.policy.spec;
		const seen = { observation: observation as ObservationVersion, granularity: own };
		const environment = this.#environment(task, job.kind, seen);
		const base = factors(method.baseSchedule ?? name, task);
		return runControllerEpisode(environment, openController(method), job, buffer, base);
	}

	*#gradientSteps(job: EpisodeJob, method: GradientMethodSpec, buffer: EpisodeBuffer): Generator<void, void> {
		const { task } = job;
		const { dataset, population: factory, resources } = this.#setup;
		const open = populationFactory({ dataset, population: factory, ...resources });
		this.#initialStates ??= new InitialStates(open);
		const seeds = Uint32Array.from(task.networks, ({ seed }) => seed);
		const population = open(task, seeds);
		try {
			if (!('lossAndGradient' in population)) {
				throw new GannoError('INVALID_ARGUMENT', 'Gradient methods need a NetworkPopulation, which gives gradients.');
			}
			this.#initialStates.apply(population, task, seeds);
			const { train } = (task.data === undefined ? dataset : viewDataset(dataset, task.data)).splits;
			const order = { train, sliceSize: task.sliceSize ?? train.length, batchSize: task.batchSize };
			yield* runGradientEpisode(population as unknown as GradientPopulation, order, method, job, buffer);
		} finally {
			population.dispose();
		}
	}

	#checkCancelled(): void {
		if (isCancelled(this.#setup.resources)) throw new GannoError('CANCELLED', 'The rollout was cancelled.');
	}

	#environment(
		task: TrainingTask,
		kind: Job['kind'],
		agents: AgentSpaceOptions,
		base?: Float32Array,
	): TrainingEnvironment {
		const { spec, optimizer, batchSize, horizon, interval, sliceSize, validationSize, data, networks } = task;
		const key = JSON.stringify([
			spec,
			optimizer,
			batchSize,
			horizon,
			interval,
			sliceSize,
			validationSize,
			data,
			networks.length,
			kind,
			agents,
		]);
		let environment = this.#environments.get(key);
		if (environment === undefined) {
			for (const [oldest, unused] of this.#environments) {
				if (this.#environments.size < KEPT_ENVIRONMENTS) break;
				unused.dispose();
				this.#environments.delete(oldest);
			}
			const { environment: settings, dataset, population, resources } = this.#setup;
			environment = new TrainingEnvironment({
				...agents,
				...(settings.reward === undefined
					? {}
					: { reward: settings.reward, baselineLearningRate: settings.baselineLearningRate }),
				...(base === undefined ? {} : { baseSchedule: base }),
				task,
				dataset,
				population,
				...resources,
			});
		} else {
			this.#environments.delete(key);
		}
		this.#environments.set(key, environment);
		return environment;
	}
}

/** Of a base schedule, step by step; undefined: 1 throughout. */
function factors(name: BaseScheduleName = 'constant', { horizon }: TrainingTask): Float32Array | undefined {
	return name === 'constant' ? undefined : baseSchedule(name, horizon);
}
