import { invalidArgument } from '../arguments.js';
import { counted } from '../counted.js';
import type { TrainingEnvironment } from '../environment/training-environment.js';
import { chooseActions } from '../policy/choose-actions.js';
import type { PolicyInference } from '../policy/policy.js';
import { writeFinalOutcomes, writeInitialOutcomes } from './episodes/outcomes.js';
import type { RolloutJob } from './job.js';
import type { TrajectoryBuffer } from './trajectory-buffer.js';

/**
 * One rollout: a whole episode of a task under a learned policy, written into a buffer. It depends on the job alone, so whichever
 * worker runs it writes the same bits. Yields after every decision.
 */
export function* runRollout(
	environment: TrainingEnvironment,
	inference: PolicyInference,
	job: RolloutJob,
	buffer: TrajectoryBuffer,
): Generator<void, void> {
	const started = performance.now();
	const { task, greedy, explorationSeed, sharedExplorationNoise } = job;
	const { networks, agents, observationSize } = buffer.shape;
	const rows = networks * agents;
	const actionCount = inference.spec.actions;
	const state = new Float32Array(rows * inference.stateSize);
	const logits = new Float32Array(rows * actionCount);
	const networkSeeds = Uint32Array.from(task.networks, ({ seed }) => seed);

	let { observations, infos } = environment.reset(task);
	if (environment.agents !== agents || observations.length !== rows * observationSize) {
		throw invalidArgument(
			`a policy whose agents and observation fit the environment (${counted(agents, 'agent')} a network, ${counted(observationSize, 'feature')})`,
			'the buffer',
			`${counted(environment.agents, 'agent')} a network, ${counted(observations.length / networks / environment.agents, 'feature')}`,
		);
	}
	writeInitialOutcomes(buffer.outcomes, infos);
	let done = infos.active.every((running) => running === 0);
	if (done) clearAfter(buffer, 0);
	for (let decision = 0; !done; decision++) {
		const at = decision * rows;
		const actions = buffer.actions.subarray(at, at + rows);
		// Reading from the buffer: the environment overwrites its own observations at the next step.
		const seen = buffer.observations.subarray(at * observationSize, (at + rows) * observationSize);
		seen.set(observations);
		buffer.active.set(infos.active, decision * networks);
		inference.forward(seen, rows, state, logits);
		chooseActions(
			logits,
			{
				networks,
				agents,
				actions: actionCount,
				greedy,
				networkSeeds,
				explorationSeed,
				decision,
				sharedExplorationNoise,
			},
			actions,
			buffer.logProbabilities.subarray(at, at + rows),
		);
		const step = environment.step(actions);
		buffer.rewards.set(step.rewards, at);
		({ observations, infos, done } = step);
		if (done) clearAfter(buffer, decision + 1);
		yield;
	}
	writeFinalOutcomes(buffer.outcomes, infos);
	buffer.diverged.set(infos.diverged);
	buffer.milliseconds[0] = performance.now() - started;
	buffer.milliseconds[1] = environment.nativeMilliseconds;
}

/** Every network ended early: what is left of the buffer still holds an older trajectory. */
function clearAfter(buffer: TrajectoryBuffer, decision: number): void {
	const { networks, agents, observationSize } = buffer.shape;
	const from = decision * networks * agents;
	buffer.observations.fill(0, from * observationSize);
	buffer.actions.fill(0, from);
	buffer.logProbabilities.fill(0, from);
	buffer.rewards.fill(0, from);
	buffer.active.fill(0, decision * networks);
}
