import { checkInteger, checkKeys, checkNumber, invalidArgument, keysOf } from '../arguments.js';
import { counted } from '../counted.js';
import { GannoError } from '../errors.js';
import { PhiloxGenerator } from '../philox.js';
import { sharedBytes } from './assemble.js';
import type { Dataset } from './dataset.js';

/** A subset of a data set's images, or other labels for them: for pre-training and for the episode after it. Plain data. */
export interface DatasetView {
	/** Only images of these classes, in every split; classes keep their numbers (default: all). */
	readonly classes?: readonly number[];
	/** From and to, as shares of the training split in its order: [0, 0.5] and [0.5, 1] have no image in common (default [0, 1]). */
	readonly trainShare?: readonly [from: number, to: number];
	/** Labels become (label + offset) mod classes, in every split (default 0). */
	readonly labelOffset?: number;
	/** Symmetric label noise: a label becomes another class, any with the same chances, with probability `share`; in every split (default none). */
	readonly labelNoise?: LabelNoise;
}

export interface LabelNoise {
	/** From 0 to 1; (classes − 1) / classes leaves nothing to learn. */
	readonly share: number;
	/** uint32: which labels, and what they become. */
	readonly seed: number;
}

const VIEW_KEYS = keysOf<DatasetView>({ classes: true, trainShare: true, labelOffset: true, labelNoise: true });
const NOISE_KEYS = keysOf<LabelNoise>({ share: true, seed: true });

/** @throws GannoError `INVALID_ARGUMENT` naming what is wrong; {@link viewDataset} checks whether images are left */
export function checkDatasetView(view: DatasetView, name: string): DatasetView {
	checkKeys(view, name, VIEW_KEYS);
	const { classes, trainShare, labelOffset, labelNoise } = view;
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
	if (labelNoise !== undefined) {
		checkKeys(labelNoise, `${name}.labelNoise`, NOISE_KEYS);
		checkNumber(labelNoise.share, `${name}.labelNoise.share`, 0, 1);
		checkInteger(labelNoise.seed, `${name}.labelNoise.seed`, 0, 0xffffffff);
	}
	return view;
}

/**
 * The data set a view leaves: images, mean and standard deviation are the data set's own, so pixels are seen alike; of what is
 * large only the labels are copied, and they where they change.
 * @throws GannoError `INVALID_ARGUMENT` when a split is left without an image
 */
export function viewDataset(dataset: Dataset, view: DatasetView): Dataset {
	checkDatasetView(view, 'view');
	const { classes, trainShare = [0, 1], labelOffset = 0, labelNoise } = view;
	const kept = classes === undefined ? undefined : new Set(classes);
	const select = (name: string, indices: Uint32Array): Uint32Array => {
		const chosen =
			kept === undefined
				? indices
				: sharedIndices(indices.filter((index) => kept.has(dataset.labels[index] as number)));
		if (chosen.length === 0) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The view leaves no ${name} image of ${dataset.name}, which has ${counted(dataset.classes, 'class', 'classes')}; widen its classes or trainShare`,
			);
		}
		return chosen;
	};
	const { train, validation, test } = dataset.splits;
	const share = train.subarray(...(trainShare.map((part) => Math.round(part * train.length)) as [number, number]));
	return {
		...dataset,
		name: `${dataset.name} (view ${JSON.stringify(view)})`,
		labels: noisyLabels(shiftedLabels(dataset.labels, dataset.classes, labelOffset), dataset.classes, labelNoise),
		splits: {
			train: select('training', share),
			validation: select('validation', validation),
			test: select('test', test),
		},
	};
}

function shiftedLabels(labels: Uint8Array, classes: number, offset: number): Uint8Array {
	if (offset % classes === 0) return labels;
	const shifted = sharedBytes(labels.length);
	for (let i = 0; i < labels.length; i++) shifted[i] = ((labels[i] as number) + offset) % classes;
	return shifted;
}

function noisyLabels(labels: Uint8Array, classes: number, noise: LabelNoise | undefined): Uint8Array {
	if (noise === undefined || noise.share === 0) return labels;
	const generator = new PhiloxGenerator(noise.seed, 'environment');
	const noisy = sharedBytes(labels.length);
	for (let i = 0; i < labels.length; i++) {
		// Two draws an image, whatever they say: a larger share keeps the changes of a smaller one.
		const changes = generator.nextFloat() < noise.share;
		const shift = 1 + Math.floor(generator.nextFloat() * (classes - 1));
		noisy[i] = ((labels[i] as number) + (changes ? shift : 0)) % classes;
	}
	return noisy;
}

/** Populations want all of a data set in shared memory: a plain buffer could be detached under them. */
function sharedIndices(indices: Uint32Array): Uint32Array {
	const shared = new Uint32Array(new SharedArrayBuffer(indices.byteLength));
	shared.set(indices);
	return shared;
}
