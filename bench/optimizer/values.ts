/**
 * Starting parameters and gradients that every contender, whatever its language, makes for itself: multiples of 2^-24 from a
 * multiplicative sequence, exact in float32. bench/contenders/pytorch-optimizer.py has the same lines.
 */
export interface LayerValues {
	readonly parameters: Float32Array<ArrayBuffer>;
	readonly gradients: Float32Array<ArrayBuffer>;
}

function fill(array: Float32Array, first: number, stride: number, at: (i: number) => number): void {
	for (let i = 0; i < array.length; i++) {
		array[i] = 2 ** -5 * ((Math.imul(first + at(i), stride) >>> 8) / 2 ** 24 - 0.375);
	}
}

/** Element `i` of what is made is element `at(i)` of layer `layer`. */
export function makeValues(layer: number, length: number, at: (i: number) => number = (i) => i): LayerValues {
	const parameters = new Float32Array(length);
	const gradients = new Float32Array(length);
	fill(parameters, layer + 1, 2654435761, at); // Knuth's multiplier, and one of xxHash's
	fill(gradients, layer + 1, 2246822519, at);
	return { parameters, gradients };
}

/** Elements of a layer by which contenders are compared: eight over its whole length, fewer of a smaller one. */
export function samplePositions(size: number): number[] {
	const count = Math.min(size, 8);
	return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.floor((i * (size - 1)) / (count - 1))));
}
