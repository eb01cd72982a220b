import type { Config } from '../config/config.js';
import { counted } from '../counted.js';
import type { Dataset } from '../datasets/dataset.js';
import { GannoError } from '../errors.js';
import { type MetaTrainResult, metaTrain } from '../meta-training/meta-train.js';
import { needsBaseline, tuneBaseline, withoutBaseline } from '../meta-training/tune-baseline.js';
import { ganno } from '../own-command.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { openDataset } from '../runs/open-dataset.js';
import { openExecutor, workerCount } from '../runs/open-executor.js';
import type { RunDirectory } from '../runs/run-directory.js';
import type { Foreground } from './foreground.js';
import { formatCount } from './progress.js';

/** What a command works with once it is under way. */
export interface Session extends Foreground {
	readonly config: Config;
	readonly dataset: Dataset;
	readonly executor: RolloutExecutor;
}

/**
 * Opens data set and workers, lends them to `work`, and closes everything.
 * @param again how to go on after an interruption before the work
 */
export async function withSession<T>(
	config: Config,
	{ progress, signal }: Foreground,
	again: string,
	work: (session: Session) => Promise<T>,
): Promise<T> {
	let dataset: Dataset;
	try {
		dataset = await openDataset(config, {
			signal,
			onProgress: ({ file, received, total }) =>
				progress.update(`downloading ${file}`, Math.round(received / 1024), Math.round(total / 1024), ['KiB']),
		});
	} catch (error) {
		if (isCancelled(error)) progress.finish(`Interrupted. ${again}`);
		throw error;
	}
	await using executor = openExecutor(config, dataset);
	return await work({ config, dataset, executor, signal, progress });
}

/**
 * Meta-trains with progress, after tuning the baseline's learning rates where the config asks for it; an interruption says how to go on.
 * @param then what follows with the same data set and workers
 */
export async function trainRun(
	run: RunDirectory,
	foreground: Foreground,
	then?: (session: Session, result: MetaTrainResult) => Promise<void>,
): Promise<MetaTrainResult> {
	const again = `Go on with: ${ganno`train --resume ${run.path}`}`;
	if (needsBaseline(run.config)) run.settle(await withTunedBaseline(run.config, foreground, again));
	return await withSession(run.config, foreground, again, async (session) => {
		const result = await trainWithProgress(run, session, again);
		await then?.(session, result);
		return result;
	});
}

/** The config as the run directory keeps it: with the baseline's learning rates. */
async function withTunedBaseline(config: Config, foreground: Foreground, again: string): Promise<Config> {
	return await withSession(withoutBaseline(config), foreground, again, async (session) => {
		const { dataset, executor, signal, progress } = session;
		progress.stage("Tuning the cosine that the reward 'baseline' compares with");
		let trials = 0;
		try {
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
		} catch (error) {
			if (isCancelled(error)) progress.finish(`Interrupted; the tuning begins anew. ${again}`);
			throw error;
		}
	});
}

async function trainWithProgress(run: RunDirectory, session: Session, again: string): Promise<MetaTrainResult> {
	const { config, dataset, executor, signal, progress } = session;
	const threads = workerCount(config);
	progress.stage(
		`Meta-training on ${dataset.name}, ${counted(config.iterations, 'iteration')}, ${threads === 0 ? 'no worker threads' : counted(threads, 'worker thread')}, in ${run.path}`,
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
		progress.finish(`Meta-training done: ${counted(result.iterations, 'iteration')}`);
		return result;
	} catch (error) {
		if (isCancelled(error)) progress.finish(`Interrupted; the checkpoint is written. ${again}`);
		throw error;
	}
}

function isCancelled(error: unknown): boolean {
	return error instanceof GannoError && error.code === 'CANCELLED';
}
