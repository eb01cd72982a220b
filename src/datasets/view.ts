import { checkInteger, checkNumber, checkObject, invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import { sharedBytes } from './assemble.js';
import type { Dataset } from './dataset.js';

/** Some of a data set's images, or other labels for them: what a network is pre-trained on, and what it meets afterwards. Plain data. */
export interface DatasetView {
	/** Only images of these classes, in every split; classes keep their numbers (default: all). */
	readonly classes?: readonly number[];
	/** From and to, as shares of the training split in its order: [0, 0.5] and [0.5, 1] have no image in common (default [0, 1]). */
	readonly trainShare?: readonly [from: number, to: number];
	/** Labels become (label + offset) mod classes, in every split (default 0). */
	readonly labelOffset?: number;
}

/** @throws GannoError `INVALID_ARGUMENT` naming what is wrong; whether it leaves images of a data set is for {@link viewDataset} to see */
export function checkDatasetView(view: DatasetView, name: string): DatasetView {
	checkObject(view, name);
	const { classes, trainShare, labelOffset } = view;
	if (classes !== undefined) {
		if (!Array.isArray(classes) || classes.length === 0) {
			throw invalidArgument('an array of at least one class', `${name}.classes`, classes);
		}
		for (const [i, label] of classes.entries()) checkInteger(label, `${name}.classes[${i}]`, 0, 255);
	}
	if (trainShare !== undefined) {
		if (!Array.isArray(trainShare) || trainShare.length !== 2) {
			throw invalidArgument('[from, to]', `${name}.trainShare`, trainShare);
		}
		const from = checkNumber(trainShare[0], `${name}.trainShare[0]`, 0, 1);
		checkNumber(trainShare[1], `${name}.trainShare[1]`, from, 1);
	}
	if (labelOffset !== undefined) checkInteger(labelOffset, `${name}.labelOffset`, 0, 255);
	return view;
}

/**
 * The data set a view leaves: images, mean and standard deviation are the data set's own, so pixels are seen alike; of what is
 * large only the labels are copied, and they where there is an offset.
 * @throws GannoError `INVALID_ARGUMENT` when a split is left without an image
 */
export function viewDataset(dataset: Dataset, view: DatasetView): Dataset {
	checkDatasetView(view, 'view');
	const { classes, trainShare = [0, 1], labelOffset = 0 } = view;
	const kept = classes === undefined ? undefined : new Set(classes);
	const select = (name: string, indices: Uint32Array): Uint32Array => {
		const chosen =
			kept === undefined
				? indices
				: sharedIndices(indices.filter((index) => kept.has(dataset.labels[index] as number)));
		if (chosen.length === 0) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The view leaves no ${name} image of ${dataset.name}, which has ${dataset.classes} classes; widen its classes or trainShare`,
			);
		}
		return chosen;
	};
	const { train, validation, test } = dataset.splits;
	const share = train.subarray(...(trainShare.map((part) => Math.round(part * train.length)) as [number, number]));
	let { labels } = dataset;
	if (labelOffset % dataset.classes !== 0) {
		labels = sharedBytes(labels.length);
		for (let i = 0; i < labels.length; i++) labels[i] = ((dataset.labels[i] as number) + labelOffset) % dataset.classes;
	}
	return {
		...dataset,
		name: `${dataset.name} (view ${JSON.stringify(view)})`,
		labels,
		splits: {
			train: select('training', share),
			validation: select('validation', validation),
			test: select('test', test),
		},
	};
}

/** Populations want all of a data set in shared memory: a plain buffer could be detached under them. */
function sharedIndices(indices: Uint32Array): Uint32Array {
	const shared = new Uint32Array(new SharedArrayBuffer(indices.byteLength));
	shared.set(indices);
	return shared;
}
