import { checkKeys, checkPath, keysOf } from '../arguments.js';
import { openEventFile } from '../files/event-file.js';
import { checkFigures, type LayerFigure, type LayerReport, layerFigure } from './layer-report.js';

/** Writes reports for TensorBoard, one curve per figure and layer. */
export interface LayerEventFile extends Disposable {
	readonly path: string;
	/** @throws GannoError `FILE_SYSTEM`, `DISPOSED` after `close` */
	write(report: LayerReport): void;
	close(): void;
}

export interface LayerEventFileOptions {
	/** Default DEFAULT_LAYER_FIGURES. */
	readonly figures?: readonly LayerFigure[];
	/** The step that a resumed training continues from. */
	readonly resumedAt?: number;
}

const OPTION_NAMES = keysOf<LayerEventFileOptions>({ figures: true, resumedAt: true });

/**
 * Opens an event file in a directory, which is made if need be; `tensorboard --logdir DIRECTORY` shows it.
 * @throws GannoError `INVALID_ARGUMENT`, `FILE_SYSTEM`
 */
export function openLayerEventFile(directory: string, options: LayerEventFileOptions = {}): LayerEventFile {
	checkKeys(options, 'options', OPTION_NAMES);
	checkPath(directory, 'directory');
	const figures = checkFigures(options.figures);
	const file = openEventFile(directory, options.resumedAt === undefined ? {} : { resumedAt: options.resumedAt });
	return {
		path: file.path,
		write(report) {
			const now = Date.now() / 1000;
			if (report.loss !== undefined) file.scalar('loss', report.loss, report.step, now);
			for (const figure of figures) {
				for (const [layer, name] of report.layerNames.entries()) {
					file.scalar(`${figure}/${name}`, layerFigure(report, layer, figure), report.step, now);
				}
			}
		},
		close() {
			file.close();
		},
		[Symbol.dispose]() {
			file.close();
		},
	};
}
