import type { PopulationOutput } from '../environment/populations/population-interface.js';
import { DivergenceDetector } from '../environment/rewards/divergence.js';
import { GannoError } from '../errors.js';
import { type BatchOrder, trainingBatch } from '../networks/batch-order.js';
import { DIVERGED_LOSS, type NetworkPopulation } from '../networks/population.js';
import { allFinite } from '../networks/population-arguments.js';
import { POPULATION_STATISTICS } from '../optimizer/statistics.js';
import {
	type GradientMethod,
	type GradientMethodSpec,
	type LayerSegment,
	openGradientMethod,
} from '../schedules/gradient-methods/gradient-method.js';
import type { TrainingTask } from '../tasks/task.js';
import { initialLearningRates } from '../tasks/task.js';
import { type EpisodeSlab, holdCourse, isTestPoint, noteTest, writeCourse } from './episode-slab.js';
import type { EpisodeJob } from './job.js';
import { writeFinalOutcomes, writeInitialOutcomes, writeTestOutcomes } from './outcomes.js';

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
	readonly replica: number;
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
	slab: EpisodeSlab,
): Generator<void, void> {
	const started = performance.now();
	const { task } = job;
	const networks = task.networks.length;
	const decisions = task.horizon / task.interval;
	const learners = openLearners(population, method, task);
	const judge = new Judge(population, networks);
	const detector = new DivergenceDetector(networks, { brokenLoss: DIVERGED_LOSS });
	const trainingLoss = new Float32Array(networks);
	const gradient = new Float32Array(population.parameterCount);
	slab.returns.fill(0);
	slab.course.learningRates.fill(0);
	slab.course.bestTestAccuracy.fill(Number.NaN);

	judge.judge(learners);
	detector.reset(judge.validationLoss, slab.diverged);
	writeInitialOutcomes(slab.outcomes, judge);
	writeCourse(slab, 0, judge.validationLoss, judge.validationAccuracy);
	const tests = new Float32Array(networks * 2);
	let decision = 0;
	while (decision < decisions && learners.some(({ running }) => running)) {
		for (const learner of learners) {
			if (!learner.running) continue;
			const { replica, layers } = learner;
			const interval = trainInterval(population, order, learner, task, decision, gradient);
			trainingLoss[replica] = interval.loss;
			for (const [l, { multiplier }] of layers.entries()) {
				const at = (replica * decisions + decision) * layers.length + l;
				slab.course.learningRates[at] = interval.learningRate * multiplier;
			}
		}
		decision++;
		judge.judge(learners);
		detector.update(judge.validationLoss, trainingLoss, slab.diverged);
		for (const learner of learners) learner.running &&= slab.diverged[learner.replica] === 0;
		writeCourse(slab, decision, judge.validationLoss, judge.validationAccuracy);
		if (job.testPoints > 1 && decision < decisions && isTestPoint(decision, decisions, job.testPoints)) {
			judge.evaluate(learners, tests);
			noteTest(slab, tests);
		}
		yield;
	}
	holdCourse(slab, decision);
	writeFinalOutcomes(slab.outcomes, judge);
	if (job.testPoints > 0) {
		judge.evaluate(learners, tests);
		writeTestOutcomes(slab.outcomes, tests);
		noteTest(slab, tests);
	}
	slab.milliseconds[0] = performance.now() - started;
	slab.milliseconds[1] = slab.milliseconds[0] as number; // native calls and TypeScript alternate at every step
}

function openLearners(population: GradientPopulation, method: GradientMethodSpec, task: TrainingTask): Learner[] {
	const count = population.layers.length;
	const rates = new Float32Array(task.networks.length * count);
	initialLearningRates(task, count, rates); // checks the multipliers
	return task.networks.map(({ seed, learningRate, layerMultipliers }, replica) => {
		let begin = 0;
		const layers = population.layers.map(({ size }, l) => {
			begin += size;
			return { begin: begin - size, end: begin, multiplier: layerMultipliers?.[l] ?? 1 };
		});
		const start = { parameters: population.parameters(replica), optimizer: task.optimizer, learningRate, layers };
		return { replica, seed, method: openGradientMethod(method, start), layers, running: true };
	});
}

/** An interval of one network. @returns means over its steps; a loss that is not finite ends it */
function trainInterval(
	population: GradientPopulation,
	order: BatchOrder,
	{ replica, seed, method }: Learner,
	{ interval }: TrainingTask,
	decision: number,
	gradient: Float32Array,
): { readonly loss: number; readonly learningRate: number } {
	let loss = 0;
	let learningRate = 0;
	for (let k = 0; k < interval; k++) {
		try {
			const batch = trainingBatch(order, seed, decision * interval + k);
			loss += population.lossAndGradient(replica, batch, gradient) / interval;
		} catch (error) {
			if (error instanceof GannoError && error.code === 'DIVERGED') return { loss: Number.NaN, learningRate };
			throw error;
		}
		const finite = method.step(gradient);
		learningRate += Math.abs(method.learningRate) / interval;
		if (!finite) return { loss: Number.NaN, learningRate };
		population.setParameters(replica, method.point);
	}
	return { loss, learningRate };
}

/** Validation and test figures of the methods' solutions; the population itself stands at their points again afterwards. */
class Judge {
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

	judge(learners: readonly Learner[]): void {
		this.#atSolutions(learners, () => {
			this.#recalibrate(RECALIBRATION_STEPS.validation);
			this.#population.probe(1, this.#rates, this.#out);
		});
		for (const { replica, running, method } of learners) {
			if (!running) continue;
			const finite = allFinite(method.solution);
			this.validationLoss[replica] = finite ? (this.#out.validation[replica * 3] as number) : DIVERGED_LOSS;
			this.validationAccuracy[replica] = finite ? (this.#out.validation[replica * 3 + 1] as number) : 0;
		}
	}

	/** @param out `[networks × 2]` loss and accuracy on the test split; of a network whose solution is not finite 1e6 and 0 */
	evaluate(learners: readonly Learner[], out: Float32Array): void {
		this.#atSolutions(learners, () => {
			this.#recalibrate(RECALIBRATION_STEPS.test);
			this.#population.evaluate('test', out);
		});
		for (const { replica, method } of learners) {
			if (allFinite(method.solution)) continue;
			out[replica * 2] = DIVERGED_LOSS;
			out[replica * 2 + 1] = 0;
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
		for (const { replica, method } of learners) {
			const parameters = which(method);
			if (allFinite(parameters)) this.#population.setParameters(replica, parameters);
		}
	}
}
