import { type LabelledImages, sharedBytes } from './assemble.js';

/**
 * Halves height and width: each pixel becomes the mean of 2 × 2, rounded half up. Four times fewer multiplications for the first
 * layer, for experiments that need many networks more than they need accuracy.
 */
export function downsampleByTwo(source: LabelledImages): LabelledImages {
	const [height, width, channels] = source.shape;
	const shape = [height >> 1, width >> 1, channels] as const;
	const count = source.labels.length;
	const images = sharedBytes(count * shape[0] * shape[1] * channels);
	const { images: from } = source;
	const row = width * channels;
	let to = 0;
	for (let i = 0; i < count; i++) {
		for (let y = 0; y < shape[0]; y++) {
			for (let x = 0; x < shape[1]; x++) {
				let at = ((i * height + 2 * y) * width + 2 * x) * channels;
				for (let channel = 0; channel < channels; channel++, at++) {
					const sum =
						(from[at] as number) +
						(from[at + channels] as number) +
						(from[at + row] as number) +
						(from[at + row + channels] as number);
					images[to++] = (sum + 2) >> 2;
				}
			}
		}
	}
	return { ...source, images, shape };
}
