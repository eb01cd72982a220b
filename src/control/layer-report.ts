import { checkOneOf, invalidArgument } from '../arguments.js';
import { STATISTICS } from '../optimizer/statistics.js';

/** Per-layer statistics and learning rates of one step, for logs, event files and tables. */

/** One step of a training. Its arrays are read at once. */
export interface LayerReport {
	/** Optimiser steps done. */
	readonly step: number;
	readonly layerNames: readonly string[];
	/** `[layers × 14]` */
	readonly statistics: Float32Array;
	/** `[layers]` */
	readonly learningRates: Float32Array;
	/** Of the mini-batch, where it is known. */
	readonly loss?: number | undefined;
}

/** Figures of a layer that can be reported. */
export const LAYER_FIGURES = ['learningRate', ...STATISTICS] as const;

export type LayerFigure = (typeof LAYER_FIGURES)[number];

/** Figures reported by default. */
export const DEFAULT_LAYER_FIGURES: readonly LayerFigure[] = [
	'learningRate',
	'gradientNorm',
	'parameterNorm',
	'updateRatio',
	'gradientMomentCosine',
	'nonFiniteCount',
];

/** @throws GannoError `INVALID_ARGUMENT` for an unknown figure */
export function checkFigures(figures: unknown = DEFAULT_LAYER_FIGURES): readonly LayerFigure[] {
	if (!Array.isArray(figures) || figures.length === 0) throw invalidArgument('a non-empty array', 'figures', figures);
	return figures.map((figure, i) => checkOneOf(figure, `figures[${i}]`, LAYER_FIGURES));
}

/** A figure of one layer of a report. */
export function layerFigure(report: LayerReport, layer: number, figure: LayerFigure): number {
	return figure === 'learningRate'
		? (report.learningRates[layer] as number)
		: (report.statistics[layer * STATISTICS.length + STATISTICS.indexOf(figure)] as number);
}

/**
 * A report as the logs of callbacks take it.
 * @param figures default {@link DEFAULT_LAYER_FIGURES}
 * @returns `<figure>/<layer>` → number
 */
export function layerLogs(report: LayerReport, figures?: readonly LayerFigure[]): Record<string, number> {
	return Object.fromEntries(
		checkFigures(figures).flatMap((figure) =>
			report.layerNames.map((name, layer) => [`${figure}/${name}`, layerFigure(report, layer, figure)]),
		),
	);
}
