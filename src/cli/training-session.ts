import type { Dataset } from '../datasets/dataset.js';
import { GannoError } from '../errors.js';
import type { Config } from '../experiments/config.js';
import { type MetaTrainResult, metaTrain } from '../experiments/meta-train.js';
import { openDataset } from '../experiments/open-dataset.js';
import { openExecutor, workerCount } from '../experiments/open-executor.js';
import type { RunDirectory } from '../experiments/run-directory.js';
import { needsBaseline, tuneBaseline, withoutBaseline } from '../experiments/tune-baseline.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { Interrupt } from './interrupt.js';
import { formatCount, Progress } from './progress.js';

/** What a command works with once it is under way. */
export interface Session {
	readonly config: Config;
	readonly dataset: Dataset;
	readonly executor: RolloutExecutor;
	readonly signal: AbortSignal;
	readonly progress: Progress;
}

/** Opens data set and workers, lends them to `work`, and closes everything; Ctrl-C aborts the session's signal. */
export async function withSession<T>(config: Config, work: (session: Session) => Promise<T>): Promise<T> {
	using progress = new Progress();
	using interrupt = new Interrupt();
	const { signal } = interrupt;
	const dataset = await openDataset(config, {
		signal,
		onProgress: ({ file, received, total }) =>
			progress.update(`downloading ${file}`, Math.round(received / 1024), Math.round(total / 1024), ['KiB']),
	});
	await using executor = openExecutor(config, dataset);
	return await work({ config, dataset, executor, signal, progress });
}

/** The config as the run directory keeps it: with the baseline's learning rates, where it asks for tuned ones. */
export async function withTunedBaseline(config: Config): Promise<Config> {
	if (!needsBaseline(config)) return config;
	return await withSession(withoutBaseline(config), async ({ dataset, executor, signal, progress }) => {
		progress.stage("Tuning the cosine that the reward 'baseline' compares with");
		let trials = 0;
		const tuned = await tuneBaseline({
			config,
			dataset,
			executor,
			signal,
			onTrial: ({ optimizer, learningRate, logLoss }) => {
				trials++;
				progress.update('trial', trials, trials, [
					`${optimizer} at ${learningRate.toPrecision(3)}: ln V ${logLoss.toFixed(3)}`,
				]);
			},
		});
		progress.finish(`Baseline: ${JSON.stringify(tuned.environment.baselineLearningRate)}`);
		return tuned;
	});
}

/** Meta-trains with progress; an interruption says how to go on. */
export async function trainWithProgress(run: RunDirectory, session: Session): Promise<MetaTrainResult> {
	const { config, dataset, executor, signal, progress } = session;
	const threads = workerCount(config);
	progress.stage(
		`Meta-training on ${dataset.name}, ${config.iterations} iterations, ${threads === 0 ? 'no worker threads' : `${threads} worker thread${threads === 1 ? '' : 's'}`}, in ${run.path}`,
	);
	try {
		const result = await metaTrain({
			run,
			dataset,
			executor,
			signal,
			onStart: (iteration) => progress.resumeAt(iteration),
			onWarning: (message) => progress.finish(message),
			onIteration: (metrics) => {
				progress.update('iteration', metrics.iteration + 1, config.iterations, [
					`${formatCount(metrics.networkStepsPerSecond)} steps/s`,
					`return ${metrics.return.toFixed(2)} ± ${metrics.returnStandardError.toFixed(2)}`,
				]);
			},
		});
		progress.finish(`Meta-training done: ${result.iterations} iterations`);
		return result;
	} catch (error) {
		if (error instanceof GannoError && error.code === 'CANCELLED') {
			progress.finish(`Interrupted; the checkpoint is written. Go on with: ganno train --resume ${run.path}`);
		}
		throw error;
	}
}
