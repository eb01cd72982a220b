import type * as tf from '@tensorflow/tfjs';
import {
	checkBoolean,
	checkFunction,
	checkInteger,
	checkKeys,
	checkPath,
	invalidArgument,
	keysOf,
} from '../arguments.js';
import { type LayerEventFile, openLayerEventFile } from '../control/layer-event-file.js';
import { checkFigures, type LayerFigure, type LayerReport, layerLogs } from '../control/layer-report.js';
import { LayerTable, type TableStream } from '../control/layer-table.js';
import { checkInstance } from '../copies.js';
import { LayerwiseTfOptimizer } from './layerwise-tf-optimizer.js';

export interface LayerCallbackOptions {
	/** Adds `<figure>/<layer>` to the logs that callbacks after this one get in `onBatchEnd`; default true. */
	readonly logs?: boolean;
	/** Writes a TensorBoard event file into this directory. */
	readonly tensorBoard?: string;
	/** Shows a live table on stderr, or on a stream. */
	readonly table?: boolean | TableStream;
	/** What to report of a layer; default the learning rate and five statistics. */
	readonly figures?: readonly LayerFigure[];
	/** Optimiser steps between two entries of the event file, or tables where there is no terminal; default 10. */
	readonly every?: number;
	/** Called at every step with the report itself. */
	readonly onReport?: (report: LayerReport) => void;
}

const OPTION_NAMES = keysOf<LayerCallbackOptions>({
	logs: true,
	tensorBoard: true,
	table: true,
	figures: true,
	every: true,
	onReport: true,
});

function isStream(value: unknown): value is TableStream {
	return typeof (value as Partial<TableStream> | null)?.write === 'function';
}

/**
 * A callback for `model.fit` that reports every layer's statistics and learning rate, at every step: not for the probing batches with which a
 * training under a policy begins.
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs';
 * import { LayerwiseTfOptimizer, layerCallback } from 'ganno/tfjs';
 *
 * const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [8] })] });
 * const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 1e-3 });
 * model.compile({ optimizer, loss: 'meanSquaredError' });
 * const xs = tf.randomNormal([64, 8]);
 * await model.fit(xs, xs.sum(1, true), {
 *   verbose: 0,
 *   callbacks: [layerCallback(optimizer, { tensorBoard: 'runs/mine', table: true })],
 * });
 * ```
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function layerCallback(
	optimizer: LayerwiseTfOptimizer,
	options: LayerCallbackOptions = {},
): Required<Pick<tf.CustomCallbackArgs, 'onTrainBegin' | 'onBatchEnd' | 'onTrainEnd'>> {
	checkInstance(optimizer, LayerwiseTfOptimizer, 'optimizer'); // instanceof is tfjs's here, and takes any optimizer
	checkKeys(options, 'options', OPTION_NAMES);
	const { logs: addLogs = true, tensorBoard, table: wantsTable = false, onReport } = options;
	const figures = checkFigures(options.figures);
	const every = checkInteger(options.every ?? 10, 'every', 1);
	checkBoolean(addLogs, 'logs');
	if (tensorBoard !== undefined) checkPath(tensorBoard, 'tensorBoard');
	if (typeof wantsTable !== 'boolean' && !isStream(wantsTable)) {
		throw invalidArgument('true, false or a stream', 'table', wantsTable);
	}
	checkFunction(onReport, 'onReport');
	let file: LayerEventFile | undefined;
	let table: LayerTable | undefined;
	let reported = 0;
	return {
		onTrainBegin() {
			reported = optimizer.iterations;
			if (tensorBoard !== undefined) file = openLayerEventFile(tensorBoard, { figures });
			if (wantsTable !== false) {
				table = new LayerTable({ figures, every, ...(wantsTable === true ? {} : { stream: wantsTable }) });
			}
		},
		onBatchEnd(_batch, logs) {
			const { iterations: step, layerNames, statistics, learningRates } = optimizer;
			if (step === reported) return; // a probing batch, with which no step was taken
			reported = step;
			const loss = logs?.loss;
			const report = { step, layerNames, statistics, learningRates, loss: typeof loss === 'number' ? loss : undefined };
			if (addLogs && logs !== undefined) Object.assign(logs, layerLogs(report, figures));
			if (step % every === 0) file?.write(report);
			table?.write(report);
			onReport?.(report);
		},
		onTrainEnd() {
			file?.close();
			table?.close();
			file = undefined;
			table = undefined;
		},
	};
}
