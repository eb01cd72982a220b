import * as tf from '@tensorflow/tfjs';

/** Copies float32 tensors to Float32Arrays and back, on every back end, by the cheapest safe way. */

/** What tfjs's WebAssembly back end offers besides the common interface. */
export interface HeapBackend {
	typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}

function heapBackend(): HeapBackend | undefined {
	const backend: unknown = tf.getBackend() === 'wasm' ? tf.backend() : undefined;
	return typeof (backend as Partial<HeapBackend> | undefined)?.typedArrayFromHeap === 'function'
		? (backend as HeapBackend)
		: undefined;
}

/**
 * Copies tensors into arrays. On wasm straight from the heap: a view is fetched for every tensor, because views of an older, smaller
 * heap are empty. On cpu `dataSync` is the storage itself, elsewhere a copy.
 */
export function readTensors(tensors: readonly tf.Tensor[], arrays: readonly Float32Array[]): void {
	const heap = heapBackend();
	for (const [i, tensor] of tensors.entries()) {
		const values = heap === undefined ? tensor.dataSync<'float32'>() : heap.typedArrayFromHeap(tensor);
		(arrays[i] as Float32Array).set(values);
	}
}

/**
 * Sets a variable's values by assigning a new tensor, as every tfjs optimiser does. Writing into the old one's memory would also
 * change whatever shares it (clones, `dataSync` of the cpu back end), and on wasm would have no effect: XNNPACK multiplies with
 * packed copies of the weights that it keeps per tensor.
 */
export function assignValues(variable: tf.Variable, values: Float32Array): void {
	// wasm copies the values into its heap; other back ends keep the array itself.
	const tensor = tf.tensor(heapBackend() === undefined ? values.slice() : values, variable.shape, 'float32');
	variable.assign(tensor);
	tensor.dispose();
}
