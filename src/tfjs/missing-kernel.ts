import { GannoError, isError } from '../errors.js';

/** The message of tfjs-core's engine. */
const NOT_REGISTERED = /Kernel '(\w+)' not registered for backend '(\w+)'/;

/** Layers whose gradients need the kernels that `registerWasmTrainingKernels` adds. */
const ADDED: ReadonlyMap<string, string> = new Map([
	['Conv2DBackpropFilter', 'convolutions'],
	['DepthwiseConv2dNativeBackpropFilter', 'depthwise and separable convolutions'],
	['DepthwiseConv2dNativeBackpropInput', 'depthwise and separable convolutions'],
	['UnsortedSegmentSum', 'embeddings'],
]);

/**
 * Runs a function of a model; where tfjs's back end lacks a kernel, the error says what to do.
 * @throws GannoError `MISSING_DEPENDENCY`; anything else as it was
 */
export function explainMissingKernel<Result>(run: () => Result): Result {
	try {
		return run();
	} catch (error) {
		const [, kernel, backend] = NOT_REGISTERED.exec(isError(error) ? error.message : '') ?? [];
		if (kernel === undefined) throw error;
		const layers = backend === 'wasm' ? ADDED.get(kernel) : undefined;
		const other = "Take another back end: await tf.setBackend('cpu'), or the package @tensorflow/tfjs-node";
		throw new GannoError(
			'MISSING_DEPENDENCY',
			layers === undefined
				? `tfjs's back end '${backend}' has no kernel '${kernel}', which this model or its loss needs in training. ${other}`
				: `tfjs's back end '${backend}' has no kernel '${kernel}', which training ${layers} needs. ` +
						"Call registerWasmTrainingKernels() of 'ganno/tfjs', which adds it, or choose the back end with useBestBackend()",
			{ cause: error },
		);
	}
}
