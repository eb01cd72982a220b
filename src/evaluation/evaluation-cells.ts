import type { Dataset } from '../datasets/dataset.js';
import { measuredAccuracy } from '../environment/final-scores.js';
import type { ControllerSpec } from '../rollouts/controller-spec.js';
import { networkOutcome } from '../rollouts/episodes/outcomes.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import type { TrainingTask } from '../tasks/task.js';

/** Results of one cell of an evaluation, network by network. */
export interface CellResult {
	readonly testAccuracy: number[];
	readonly validationAccuracy: number[];
	diverged: number;
}

/** A task for all contenders, and by network which of the initial learning rates it starts at. */
export interface GroundTask {
	readonly task: TrainingTask;
	readonly columns: readonly number[];
}

/** What contenders are compared on: the same networks for each of them. */
export interface Ground {
	/** The tasks from several initial learning rates. */
	tasks(purpose: 'evaluation' | 'tuning', learningRates: readonly number[]): readonly GroundTask[];
}

/** An episode to run, and by network the cell that its result belongs to. */
interface Trial {
	readonly task: TrainingTask;
	readonly controller: ControllerSpec;
	readonly cells: readonly CellResult[];
}

/** Episodes that may run side by side. */
export class Trials {
	readonly #trials: Trial[] = [];

	get length(): number {
		return this.#trials.length;
	}

	/**
	 * Enters a controller into all tasks of a ground.
	 * @returns its cells, one a learning rate, which `run` fills
	 */
	enter(tasks: readonly GroundTask[], learningRates: readonly number[], controller: ControllerSpec): CellResult[] {
		const cells = learningRates.map((): CellResult => ({ testAccuracy: [], validationAccuracy: [], diverged: 0 }));
		for (const { task, columns } of tasks) {
			this.#trials.push({ task, controller, cells: columns.map((column) => cells[column] as CellResult) });
		}
		return cells;
	}

	/** Runs what was entered; `onDone` is told how many episodes are done. */
	async run(
		executor: RolloutExecutor,
		{ classes }: Pick<Dataset, 'classes'>,
		signal: AbortSignal | undefined,
		onDone: (done: number) => void,
	): Promise<void> {
		const episodes = this.#trials.map(({ task, controller }) => ({ task, method: controller }));
		let done = 0;
		for await (const { outcomes, diverged } of executor.evaluate(episodes, signal === undefined ? {} : { signal })) {
			for (const [n, cell] of (this.#trials[done] as Trial).cells.entries()) {
				const outcome = networkOutcome(outcomes, n);
				cell.validationAccuracy.push(measuredAccuracy(outcome.validationLoss, outcome.validationAccuracy, classes));
				cell.testAccuracy.push(measuredAccuracy(outcome.testLoss, outcome.testAccuracy, classes));
				cell.diverged += diverged[n] as number;
			}
			onDone(++done);
		}
	}
}
