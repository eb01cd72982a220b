import { workerData } from 'node:worker_threads';
import { serializeError } from '../errors.js';
import { withLoadedMethod } from './controller-module.js';
import type { Job, WorkerSetup } from './job.js';
import { JobRunner } from './job-runner.js';
import type { WorkerReply } from './worker-pool.js';

/** A worker thread of the pool. It keeps its environments, and their populations, from one job to the next. */

let runner: JobRunner | undefined;

/** One that takes a dead worker's place takes the next device: no harm, the bits are the same on all of them. */
function openRunner({ devices, started, resources, ...setup }: WorkerSetup): JobRunner {
	const device = devices[Atomics.add(started, 0, 1) % devices.length];
	return new JobRunner({ ...setup, resources: { ...resources, device } });
}

/** Runs one job to its end; never rejects, so that a rejection seen by the pool can only be the thread's death. */
export async function runJob(job: Job): Promise<WorkerReply> {
	try {
		runner ??= openRunner(workerData as WorkerSetup);
		const steps = runner.steps(await withLoadedMethod(job));
		while (steps.next().done !== true);
		return { ok: true };
	} catch (error) {
		return { ok: false, error: serializeError(error) };
	}
}
