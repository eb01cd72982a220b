import { checkInteger, checkKeys, checkNumber, invalidArgument, keysOf } from '../arguments.js';
import { PhiloxGenerator } from '../philox.js';
import { assembleDataset, sharedBytes } from './assemble.js';
import type { Dataset } from './dataset.js';

/** Default number of classes. */
export const SYNTHETIC_CLASSES = 4;

export interface SyntheticOptions {
	/** Height, width, channels (default 8 × 8 × 1). */
	readonly shape?: readonly [height: number, width: number, channels: number];
	/** Default 4; 2 to 256. */
	readonly classes?: number;
	/** Images in all (default 640): 3/5 training, 1/5 validation, 1/5 test; at least 5 per class. */
	readonly size?: number;
	/** Everything random about it (default 0). */
	readonly seed?: number;
	/**
	 * Standard deviation of the pixel noise, in grey levels (default 60, against 50 for the prototypes). More makes classes harder
	 * to tell apart.
	 */
	readonly noise?: number;
}

const OPTION_NAMES = keysOf<SyntheticOptions>({ shape: true, classes: true, size: true, seed: true, noise: true });

/**
 * A small data set that networks can learn, made from nothing: each class has a random prototype image, smooth over
 * neighbouring pixels so that convolutions find something, and its images are the prototype plus Gaussian noise. The same
 * options give the same bytes on every machine. For tests and examples; no figure measured on it says anything about real
 * images.
 */
export function syntheticDataset(options: SyntheticOptions = {}): Dataset {
	checkKeys(options, 'options', OPTION_NAMES);
	const shape = options.shape ?? [8, 8, 1];
	if (!Array.isArray(shape) || shape.length !== 3) throw invalidArgument('[height, width, channels]', 'shape', shape);
	const [height, width, channels] = shape as readonly [number, number, number];
	checkInteger(height, 'shape[0]', 1, 1024);
	checkInteger(width, 'shape[1]', 1, 1024);
	checkInteger(channels, 'shape[2]', 1, 64);
	const classes = checkInteger(options.classes ?? SYNTHETIC_CLASSES, 'classes', 2, 256);
	const count = checkInteger(options.size ?? 640, 'size', 5 * classes, 10_000_000);
	const seed = checkInteger(options.seed ?? 0, 'seed', 0, 0xffffffff);
	const noise = checkNumber(options.noise ?? 60, 'noise', 0, 1000);

	const prototypes = Array.from({ length: classes }, (_, label) =>
		prototype(height, width, channels, new PhiloxGenerator(seed, 'task', label)),
	);
	const pixels = height * width * channels;
	const images = sharedBytes(count * pixels);
	const labels = sharedBytes(count);
	// Above any class, so that images and prototypes never share a sub-sequence.
	const generator = new PhiloxGenerator(seed, 'task', 1 << 20);
	for (let i = 0; i < count; i++) {
		const label = i % classes;
		labels[i] = label;
		const centre = prototypes[label] as Float64Array;
		for (let k = 0; k < pixels; k++) {
			const value = Math.round((centre[k] as number) + noise * approximateNormal(generator));
			images[i * pixels + k] = Math.min(Math.max(value, 0), 255);
		}
	}
	const test = Math.floor(count / 5);
	return assembleDataset(
		{ images, labels, shape: [height, width, channels], classes, trainCount: count - test },
		{ name: 'synthetic', validationSize: Math.floor(count / 5), seed },
	);
}

/** A smooth random image around grey: noise averaged over 3 × 3 neighbours (wrapping round), then scaled to 50 grey levels. */
function prototype(height: number, width: number, channels: number, generator: PhiloxGenerator): Float64Array {
	const noise = Float64Array.from({ length: height * width * channels }, () => approximateNormal(generator));
	const image = new Float64Array(noise.length);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			for (let channel = 0; channel < channels; channel++) {
				let sum = 0;
				for (const dy of [0, 1, height - 1]) {
					for (const dx of [0, 1, width - 1]) {
						const neighbour = ((y + dy) % height) * width + ((x + dx) % width);
						sum += noise[neighbour * channels + channel] as number;
					}
				}
				// The sum of nine has a standard deviation of 3.
				image[(y * width + x) * channels + channel] = 127.5 + (50 * sum) / 3;
			}
		}
	}
	return image;
}

/** Sum of twelve uniforms less six: only additions, hence the same bits on every machine, which Math.log and Math.cos are not. */
function approximateNormal(generator: PhiloxGenerator): number {
	let sum = -6;
	for (let i = 0; i < 12; i++) sum += generator.nextFloat();
	return sum;
}
