import type * as tf from '@tensorflow/tfjs';
import type { HeapBackend } from '../host-memory.js';

/** A kernel of tfjs's WebAssembly back end that is written here. */
export type WasmKernel = Pick<tf.KernelConfig, 'kernelName' | 'kernelFunc'>;

interface WasmBackend extends HeapBackend {
	makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
}

/** Shape and type of a result. */
export interface OutputSpec {
	readonly shape: readonly number[];
	readonly dtype: 'float32' | 'int32';
}

/** A tensor as it lies on the heap. */
export type HeapArray = Float32Array | Int32Array;

/** Inputs and outputs by name, outputs full of zeros, and what is to be done with them. */
export interface HeapProgram<Input extends string, Attributes> {
	readonly kernelName: string;
	readonly outputs: (inputs: Readonly<Record<Input, tf.TensorInfo>>, attributes: Attributes) => readonly OutputSpec[];
	readonly run: (
		arrays: Readonly<Record<Input, HeapArray>>,
		outputs: readonly HeapArray[],
		inputs: Readonly<Record<Input, tf.TensorInfo>>,
		attributes: Attributes,
	) => void;
}

/** A kernel that works on the back end's own memory: nothing is copied in or out. */
export function heapKernel<Input extends string, Attributes>(program: HeapProgram<Input, Attributes>): WasmKernel {
	return {
		kernelName: program.kernelName,
		kernelFunc: ({ inputs, attrs, backend }) => {
			const heap = backend as WasmBackend;
			const given = inputs as Readonly<Record<Input, tf.TensorInfo>>;
			const attributes = attrs as Attributes;
			// Outputs first: they may make the heap grow, and views of the older, smaller one are empty.
			const made = program.outputs(given, attributes).map(({ shape, dtype }) => heap.makeOutput(shape, dtype));
			const outputs = made.map((info) => heap.typedArrayFromHeap(info).fill(0));
			const arrays = Object.fromEntries(
				Object.entries<tf.TensorInfo>(given).map(([name, info]) => [name, heap.typedArrayFromHeap(info)]),
			) as Record<Input, HeapArray>;
			program.run(arrays, outputs, given, attributes);
			return made.length === 1 ? (made[0] as tf.TensorInfo) : made;
		},
	};
}
