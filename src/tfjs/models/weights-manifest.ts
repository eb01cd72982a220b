import type * as tf from '@tensorflow/tfjs';

/** The list of weights in a `model.json`. */

const BYTES: Readonly<Record<string, number>> = {
	float32: 4,
	int32: 4,
	complex64: 8,
	bool: 1,
	uint8: 1,
	uint16: 2,
	float16: 2,
};

const isSize = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** @throws Error saying what is wrong with the list */
export function checkWeightsManifest(manifest: unknown): tf.io.WeightsManifestConfig {
	if (!Array.isArray(manifest)) throw new Error('its weightsManifest is not an array');
	for (const group of manifest as readonly (Partial<tf.io.WeightsManifestConfig[number]> | null)[]) {
		if (!Array.isArray(group?.paths) || !group.paths.every((path) => typeof path === 'string')) {
			throw new Error('its weightsManifest names no files (paths)');
		}
		if (!Array.isArray(group.weights)) throw new Error('its weightsManifest lists no weights');
		for (const weight of group.weights as readonly (Partial<tf.io.WeightsManifestEntry> | null)[]) {
			const { name, shape, dtype } = weight ?? {};
			const isValid =
				typeof name === 'string' && typeof dtype === 'string' && Array.isArray(shape) && shape.every(isSize);
			if (!isValid)
				throw new Error(`its weightsManifest has no name, dtype and shape of the weight ${name ?? ''}`.trimEnd());
		}
	}
	return manifest as tf.io.WeightsManifestConfig;
}

/** Bytes of these weights; undefined where they cannot be known (strings). */
export function weightBytes(weights: readonly tf.io.WeightsManifestEntry[]): number | undefined {
	let total = 0;
	for (const { shape, dtype, quantization } of weights) {
		const bytes = BYTES[quantization?.dtype ?? dtype];
		if (bytes === undefined) return undefined;
		total += shape.reduce((product, size) => product * size, bytes);
	}
	return total;
}
