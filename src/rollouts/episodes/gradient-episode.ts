import type { PopulationOutput } from '../../environment/populations/population-interface.js';
import { DivergenceDetector } from '../../environment/rewards/divergence.js';
import { GannoError } from '../../errors.js';
import { type BatchOrder, trainingBatch } from '../../networks/batch-order.js';
import { DIVERGED_LOSS, type NetworkPopulation } from '../../networks/population.js';
import { allFinite } from '../../networks/population-arguments.js';
import { POPULATION_STATISTICS } from '../../optimizer/statistics.js';
import type { GradientMethod, LayerSegment } from '../../schedules/gradient-methods/gradient-method.js';
import {
	type GradientMethodSpec,
	openGradientMethod,
} from '../../schedules/gradient-methods/gradient-method-registry.js';
import type { TrainingTask } from '../../tasks/task.js';
import { initialLearningRates } from '../../tasks/task.js';
import type { EpisodeJob } from '../job.js';
import type { EpisodeBuffer } from './episode-buffer.js';
import { EpisodeRecorder } from './episode-recorder.js';

/** What a method needs of a population, beside its being one of the task. */
export type GradientPopulation = Pick<
	NetworkPopulation,
	'layers' | 'parameterCount' | 'parameters' | 'setParameters' | 'lossAndGradient' | 'train' | 'probe' | 'evaluate'
> & {
	/** Above 0 where batch norms keep running statistics. */
	readonly runningStatisticsCount?: number;
};

/**
 * Steps at learning rate 0 before a network is judged, with which batch norms take up the statistics of its solution: lossAndGradient leaves
 * theirs alone. Before a test, as many as the authors of Schedule-Free advise.
 */
const RECALIBRATION_STEPS = { validation: 10, test: 50 } as const;

/** One network under a method. */
interface Learner {
	readonly network: number;
	readonly seed: number;
	readonly method: GradientMethod;
	readonly layers: readonly LayerSegment[];
	running: boolean;
}

/**
 * One episode of a task under a method that sees every step's gradient: the networks, slices and batches are those that any controller
 * would meet, so results are paired. Dropout is off. Yields after every decision interval.
 */
export function* runGradientEpisode(
	population: GradientPopulation,
	order: BatchOrder,
	method: GradientMethodSpec,
	job: EpisodeJob,
	buffer: EpisodeBuffer,
): Generator<void, void> {
	const { task } = job;
	const networks = task.networks.length;
	const decisions = task.horizon / task.interval;
	const evaluator = new SolutionEvaluator(population, networks);
	const recorder = new EpisodeRecorder(buffer, job.testPoints, (out) => evaluator.test(learners, out));
	const learners = openLearners(population, method, task);
	const detector = new DivergenceDetector(networks, { brokenLoss: DIVERGED_LOSS });
	const trainingLoss = new Float32Array(networks);
	const gradient = new Float32Array(population.parameterCount);

	evaluator.validate(learners);
	detector.reset(evaluator.validationLoss, buffer.diverged);
	recorder.begin(evaluator);
	for (let decision = 0; decision < decisions && learners.some(({ running }) => running); decision++) {
		for (const learner of learners) {
			if (!learner.running) continue;
			const { network, layers } = learner;
			const interval = trainInterval(population, order, learner, task, decision, gradient);
			trainingLoss[network] = interval.loss;
			for (const [l, { multiplier }] of layers.entries()) {
				const at = (network * decisions + decision) * layers.length + l;
				buffer.history.learningRates[at] = interval.learningRate * multiplier;
			}
		}
		evaluator.validate(learners);
		detector.update(evaluator.validationLoss, trainingLoss, buffer.diverged);
		for (const learner of learners) learner.running &&= buffer.diverged[learner.network] === 0;
		recorder.decided(evaluator);
		yield;
	}
	recorder.end(evaluator);
	recorder.stop();
}

function openLearners(population: GradientPopulation, method: GradientMethodSpec, task: TrainingTask): Learner[] {
	const count = population.layers.length;
	const rates = new Float32Array(task.networks.length * count);
	initialLearningRates(task, count, rates); // checks the multipliers
	return task.networks.map(({ seed, learningRate, layerMultipliers }, network) => {
		let begin = 0;
		const layers = population.layers.map(({ size }, l) => {
			begin += size;
			return { begin: begin - size, end: begin, multiplier: layerMultipliers?.[l] ?? 1 };
		});
		const start = { parameters: population.parameters(network), optimizer: task.optimizer, learningRate, layers };
		return { network, seed, method: openGradientMethod(method, start), layers, running: true };
	});
}

/** An interval of one network. @returns means over its steps; a loss that is not finite ends it */
function trainInterval(
	population: GradientPopulation,
	order: BatchOrder,
	{ network, seed, method }: Learner,
	{ interval }: TrainingTask,
	decision: number,
	gradient: Float32Array,
): { readonly loss: number; readonly learningRate: number } {
	let loss = 0;
	let learningRate = 0;
	for (let k = 0; k < interval; k++) {
		try {
			const batch = trainingBatch(order, seed, decision * interval + k);
			loss += population.lossAndGradient(network, batch, gradient) / interval;
		} catch (error) {
			if (error instanceof GannoError && error.code === 'DIVERGED') return { loss: Number.NaN, learningRate };
			throw error;
		}
		const finite = method.step(gradient);
		learningRate += Math.abs(method.learningRate) / interval;
		if (!finite) return { loss: Number.NaN, learningRate };
		population.setParameters(network, method.point);
	}
	return { loss, learningRate };
}

/** Validation and test figures of the methods' solutions; the population itself stands at their points again afterwards. */
class SolutionEvaluator {
	readonly validationLoss: Float32Array;
	readonly validationAccuracy: Float32Array;
	readonly #population: GradientPopulation;
	readonly #rates: Float32Array;
	readonly #out: Required<PopulationOutput>;

	constructor(population: GradientPopulation, networks: number) {
		const rates = networks * population.layers.length;
		this.#population = population;
		this.#rates = new Float32Array(rates);
		this.validationLoss = new Float32Array(networks);
		this.validationAccuracy = new Float32Array(networks);
		this.#out = {
			statistics: new Float32Array(rates * POPULATION_STATISTICS.length),
			trainingLoss: new Float32Array(networks),
			validation: new Float32Array(networks * 3),
		};
	}

	validate(learners: readonly Learner[]): void {
		this.#atSolutions(learners, () => {
			this.#recalibrate(RECALIBRATION_STEPS.validation);
			this.#population.probe(1, this.#rates, this.#out);
		});
		for (const { network, running, method } of learners) {
			if (!running) continue;
			const finite = allFinite(method.solution);
			this.validationLoss[network] = finite ? (this.#out.validation[network * 3] as number) : DIVERGED_LOSS;
			this.validationAccuracy[network] = finite ? (this.#out.validation[network * 3 + 1] as number) : 0;
		}
	}

	/** @param out `[networks × 2]` loss and accuracy on the test split; of a network whose solution is not finite 1e6 and 0 */
	test(learners: readonly Learner[], out: Float32Array): void {
		this.#atSolutions(learners, () => {
			this.#recalibrate(RECALIBRATION_STEPS.test);
			this.#population.evaluate('test', out);
		});
		for (const { network, method } of learners) {
			if (allFinite(method.solution)) continue;
			out[network * 2] = DIVERGED_LOSS;
			out[network * 2 + 1] = 0;
		}
	}

	#recalibrate(steps: number): void {
		if ((this.#population.runningStatisticsCount ?? 0) === 0) return;
		const trainingLoss = new Float32Array(this.validationLoss.length * steps);
		this.#population.train(steps, this.#rates, { statistics: this.#out.statistics, trainingLoss });
	}

	#atSolutions(learners: readonly Learner[], measure: () => void): void {
		this.#place(learners, ({ solution }) => solution);
		measure();
		this.#place(learners, ({ point }) => point);
	}

	#place(learners: readonly Learner[], which: (method: GradientMethod) => Float32Array): void {
		for (const { network, method } of learners) {
			const parameters = which(method);
			if (allFinite(parameters)) this.#population.setParameters(network, parameters);
		}
	}
}
