import { GannoError } from '../errors.js';
import { PhiloxGenerator } from '../philox.js';
import type { ActorCritic } from './actor-critic.js';
import { type Adam, globalNorm } from './adam.js';
import {
	explainedVariance,
	generalizedAdvantages,
	normalizeAdvantages,
	subtractLeaveOneOutMean,
} from './advantages.js';
import { activeRows, type Batch, gatherRows, gatherSequences, type MiniBatch } from './batch.js';
import { type PpoLoss, type PpoTargets, ppoLoss } from './ppo-loss.js';
import { linearSchedule, type PpoSettings } from './ppo-settings.js';
import type { UpdateMetrics } from './update-metrics.js';

export interface PpoState {
	readonly networks: ActorCritic;
	readonly recurrent: boolean;
	readonly parameters: Float32Array;
	readonly adam: Adam;
	readonly settings: PpoSettings;
	readonly seed: number;
	/** This iteration, from 0, of `iterations`. */
	readonly iteration: number;
	readonly iterations: number;
}

/** Sub-sequences of stream 'policy': 0 and 1 initialise the networks, epoch e of iteration i shuffles with this. */
function shuffleSequence(iteration: number, epoch: number): number {
	return (iteration + 1) * 1024 + epoch;
}

/**
 * One PPO update on one batch: `parameters` and `adam` change in place. Same inputs, same bits (back end wasm).
 *
 * Details that matter, by their number in Huang et al. 2022, "The 37 Implementation Details of Proximal Policy Optimization":
 * orthogonal initialisation (2), Adam's ε 1e-5 (3), learning-rate annealing (4), GAE (5), mini-batches (6), normalised advantages (7),
 * clipped surrogate (8), value loss clipped or not (9), entropy bonus (10), global gradient clip (11), debug variables (12),
 * separate networks for policy and value (13).
 */
export async function ppoUpdate(state: PpoState, batch: Batch): Promise<UpdateMetrics> {
	const started = performance.now();
	const { networks, parameters, adam, settings, iteration, iterations } = state;

	// 4, 10: linear annealing of Adam's step size and of the entropy bonus.
	const learningRate = linearSchedule(settings.learningRate, settings.finalLearningRate, iteration, iterations);
	const entropyCoefficient = linearSchedule(
		settings.entropyCoefficient,
		settings.finalEntropyCoefficient,
		iteration,
		iterations,
	);

	// 5: values of the whole batch under the critic that is about to change, then GAE.
	const values = criticValues(state, batch);
	const { advantages, returns } = generalizedAdvantages(
		batch.sequences,
		batch.rewards,
		values,
		batch.active,
		settings.discount,
		settings.lambda,
	);
	const explained = explainedVariance(returns, values, batch.active);
	if (settings.leaveOneOut) subtractLeaveOneOutMean(advantages, batch.decisions, batch.active);
	// 7: here over the whole batch, so that a mini-batch's mean keeps its meaning.
	if (settings.normalizeAdvantages) {
		normalizeAdvantages(advantages, batch.active, batch.progress, settings.advantagePhases);
	}

	const targets: PpoTargets = {
		actions: batch.actions,
		logProbabilities: batch.logProbabilities,
		advantages,
		returns,
		values,
	};
	const gradients = new Float32Array(networks.size);
	const sums = { policyLoss: 0, valueLoss: 0, entropy: 0, approximateKl: 0, clipFraction: 0, gradientNorm: 0 };
	let steps = 0;
	let epochs = 0;
	const rows = activeRows(batch);
	for (let epoch = 0; epoch < settings.epochs && rows.length > 0; epoch++) {
		let epochKl = 0;
		let epochSteps = 0;
		// 6: every epoch visits every row (recurrent: every sequence) once, in a new order.
		for (const miniBatch of miniBatches(state, batch, rows, epoch)) {
			const loss: PpoLoss = networks.differentiate(
				miniBatch,
				parameters,
				// 8, 9, 10
				(logits, newValues) => ppoLoss(logits, newValues, miniBatch, targets, { ...settings, entropyCoefficient }),
				gradients,
			);
			// 11: one norm over actor and critic.
			const norm = globalNorm(gradients);
			if (!Number.isFinite(norm)) {
				throw new GannoError(
					'DIVERGED',
					`The learner's gradient is not finite in iteration ${iteration}. ` +
						'Start from the last checkpoint with a smaller ppo.learningRate, or with fewer ppo.epochs.',
				);
			}
			adam.step(parameters, gradients, learningRate, Math.min(1, settings.maximumGradientNorm / (norm + 1e-6)));
			sums.policyLoss += loss.policyLoss;
			sums.valueLoss += loss.valueLoss;
			sums.entropy += loss.entropy;
			sums.approximateKl += loss.approximateKl;
			sums.clipFraction += loss.clipFraction;
			sums.gradientNorm += norm;
			epochKl += loss.approximateKl;
			epochSteps++;
		}
		steps += epochSteps;
		epochs++;
		// Early stop, after whole epochs so that every row has counted equally often.
		if (settings.targetKl > 0 && epochKl / epochSteps > settings.targetKl) break;
		await new Promise<void>((resume) => setImmediate(resume)); // lets signals and progress through
	}
	const mean = (sum: number): number => (steps > 0 ? sum / steps : 0);

	// 12
	return {
		policyLoss: mean(sums.policyLoss),
		valueLoss: mean(sums.valueLoss),
		entropy: mean(sums.entropy),
		approximateKl: mean(sums.approximateKl),
		clipFraction: mean(sums.clipFraction),
		explainedVariance: explained,
		gradientNorm: mean(sums.gradientNorm),
		learningRate,
		entropyCoefficient,
		epochs,
		rows: rows.length,
		meanReturn: meanReturn(batch),
		milliseconds: performance.now() - started,
	};
}

/** The critic's value of every row that lies in a sequence; 0 elsewhere. */
function criticValues({ networks, parameters, recurrent }: PpoState, batch: Batch): Float32Array {
	const values = new Float32Array(batch.rows);
	if (batch.sequences.length === 0) return values;
	const all = recurrent ? gatherSequences(batch, [...batch.sequences.keys()]) : gatherRows(batch, activeRows(batch));
	const computed = networks.values(all, parameters);
	all.rows.forEach((row, i) => {
		if (row >= 0) values[row] = computed[i] as number;
	});
	return values;
}

/** An epoch's mini-batches: rows (feed-forward) or whole sequences (recurrent) in a random order, cut into equal parts. */
function* miniBatches(state: PpoState, batch: Batch, rows: Int32Array, epoch: number): Generator<MiniBatch> {
	const count = state.recurrent ? batch.sequences.length : rows.length;
	const order = Int32Array.from({ length: count }, (_, i) => (state.recurrent ? i : (rows[i] as number)));
	new PhiloxGenerator(state.seed, 'policy', shuffleSequence(state.iteration, epoch)).shuffle(order);
	const parts = Math.min(state.settings.miniBatches, count);
	for (let part = 0; part < parts; part++) {
		const chosen = order.subarray(Math.floor((part * count) / parts), Math.floor(((part + 1) * count) / parts));
		yield state.recurrent ? gatherSequences(batch, chosen) : gatherRows(batch, chosen);
	}
}

function meanReturn(batch: Batch): number {
	let sum = 0;
	for (let row = 0; row < batch.rows; row++) if (batch.active[row] === 1) sum += batch.rewards[row] as number;
	return batch.sequences.length > 0 ? sum / batch.sequences.length : 0;
}
