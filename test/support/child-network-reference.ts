import { inferShapes, poolStride, type Shape } from '../../src/networks/shapes.js';
import type { LayerSpec, NetworkSpec, PoolLayerSpec } from '../../src/networks/spec.js';

/** A network in plain float64 loops: the oracle of the native engine, itself checked by finite differences. */

interface Stage {
	readonly layer: LayerSpec;
	readonly from: Shape;
	readonly to: Shape;
	/** Where its parameters begin. */
	readonly offset: number;
}

export interface ReferenceResult {
	readonly loss: number;
	/** In the order of `NetworkPopulation.parameters`. */
	readonly gradient: Float64Array;
	/** `[images × classes]` */
	readonly logits: Float64Array;
}

function stagesOf(spec: NetworkSpec): Stage[] {
	const { outputs } = inferShapes(spec);
	let offset = 0;
	let from: Shape = spec.input;
	return spec.layers.map((layer, i) => {
		const to = outputs[i] as Shape;
		const stage = { layer, from, to, offset };
		if (layer.type === 'dense') offset += from[0] * from[1] * from[2] * layer.units + layer.units;
		if (layer.type === 'conv') offset += layer.kernelSize ** 2 * from[2] * layer.filters + layer.filters;
		from = to;
		return stage;
	});
}

/** TensorFlow's padding before the first row or column. */
function padBefore(input: number, output: number, size: number, stride: number, padding: string): number {
	return padding === 'same' ? Math.floor(Math.max((output - 1) * stride + size - input, 0) / 2) : 0;
}

/** Calls `visit(output pixel, input pixel, tap)` for every input pixel inside every window. */
function eachTap(
	stage: Stage,
	size: number,
	stride: number,
	padding: string,
	visit: (output: number, input: number, tap: number) => void,
): void {
	const [height, width] = stage.from;
	const top = padBefore(height, stage.to[0], size, stride, padding);
	const left = padBefore(width, stage.to[1], size, stride, padding);
	for (let y = 0; y < stage.to[0]; y++) {
		for (let x = 0; x < stage.to[1]; x++) {
			for (let ky = 0; ky < size; ky++) {
				for (let kx = 0; kx < size; kx++) {
					const row = y * stride + ky - top;
					const column = x * stride + kx - left;
					if (row < 0 || row >= height || column < 0 || column >= width) continue;
					visit(y * stage.to[1] + x, row * width + column, ky * size + kx);
				}
			}
		}
	}
}

function activate(layer: LayerSpec, values: Float64Array): void {
	const activation = layer.type === 'dense' || layer.type === 'conv' ? (layer.activation ?? 'linear') : 'linear';
	if (activation === 'linear') return;
	for (let i = 0; i < values.length; i++) {
		const value = values[i]!;
		values[i] = activation === 'relu' ? Math.max(value, 0) : Math.tanh(value);
	}
}

function activationGradient(layer: LayerSpec, output: Float64Array, gradient: Float64Array): void {
	const activation = layer.type === 'dense' || layer.type === 'conv' ? (layer.activation ?? 'linear') : 'linear';
	if (activation === 'linear') return;
	for (let i = 0; i < gradient.length; i++) {
		const value = output[i]!;
		gradient[i]! *= activation === 'relu' ? (value > 0 ? 1 : 0) : 1 - value * value;
	}
}

function windowSizes(stage: Stage, layer: PoolLayerSpec): Int32Array {
	const counts = new Int32Array(stage.to[0] * stage.to[1]);
	eachTap(stage, layer.size, poolStride(layer), layer.padding ?? 'valid', (output) => counts[output]!++);
	return counts;
}

function forward(stage: Stage, parameters: Float64Array, input: Float64Array, choices: Map<Stage, Int32Array>) {
	const { layer, from, to, offset } = stage;
	const output = new Float64Array(to[0] * to[1] * to[2]);
	const channels = from[2];
	switch (layer.type) {
		case 'dense': {
			const bias = offset + input.length * layer.units;
			for (let o = 0; o < layer.units; o++) {
				let sum = parameters[bias + o]!;
				for (let i = 0; i < input.length; i++) sum += input[i]! * parameters[offset + i * layer.units + o]!;
				output[o] = sum;
			}
			break;
		}
		case 'conv': {
			const { filters, kernelSize, stride = 1, padding = 'same' } = layer;
			const bias = offset + kernelSize ** 2 * channels * filters;
			for (let i = 0; i < output.length; i++) output[i] = parameters[bias + (i % filters)]!;
			eachTap(stage, kernelSize, stride, padding, (at, source, tap) => {
				for (let c = 0; c < channels; c++) {
					const value = input[source * channels + c]!;
					const row = offset + (tap * channels + c) * filters;
					for (let f = 0; f < filters; f++) output[at * filters + f]! += value * parameters[row + f]!;
				}
			});
			break;
		}
		case 'max-pool': {
			const choice = new Int32Array(output.length).fill(-1);
			eachTap(stage, layer.size, poolStride(layer), layer.padding ?? 'valid', (at, source) => {
				for (let c = 0; c < channels; c++) {
					const value = input[source * channels + c]!;
					const i = at * channels + c;
					if (choice[i] !== -1 && !(value > output[i]!)) continue;
					output[i] = value;
					choice[i] = source * channels + c;
				}
			});
			choices.set(stage, choice);
			break;
		}
		case 'average-pool': {
			const counts = windowSizes(stage, layer);
			eachTap(stage, layer.size, poolStride(layer), layer.padding ?? 'valid', (at, source) => {
				for (let c = 0; c < channels; c++) output[at * channels + c]! += input[source * channels + c]! / counts[at]!;
			});
			break;
		}
		case 'global-average-pool':
			for (let i = 0; i < input.length; i++) output[i % channels]! += input[i]! / (from[0] * from[1]);
			break;
		case 'dropout':
			output.set(input);
			break;
	}
	activate(layer, output);
	return output;
}

function backward(
	stage: Stage,
	parameters: Float64Array,
	input: Float64Array,
	output: Float64Array,
	outputGradient: Float64Array,
	gradient: Float64Array,
	choices: Map<Stage, Int32Array>,
): Float64Array {
	const { layer, from, offset } = stage;
	const inputGradient = new Float64Array(input.length);
	const channels = from[2];
	activationGradient(layer, output, outputGradient);
	switch (layer.type) {
		case 'dense': {
			const bias = offset + input.length * layer.units;
			for (let o = 0; o < layer.units; o++) {
				const g = outputGradient[o]!;
				gradient[bias + o]! += g;
				for (let i = 0; i < input.length; i++) {
					gradient[offset + i * layer.units + o]! += input[i]! * g;
					inputGradient[i]! += parameters[offset + i * layer.units + o]! * g;
				}
			}
			break;
		}
		case 'conv': {
			const { filters, kernelSize, stride = 1, padding = 'same' } = layer;
			const bias = offset + kernelSize ** 2 * channels * filters;
			for (let i = 0; i < output.length; i++) gradient[bias + (i % filters)]! += outputGradient[i]!;
			eachTap(stage, kernelSize, stride, padding, (at, source, tap) => {
				for (let c = 0; c < channels; c++) {
					const row = offset + (tap * channels + c) * filters;
					for (let f = 0; f < filters; f++) {
						const g = outputGradient[at * filters + f]!;
						gradient[row + f]! += input[source * channels + c]! * g;
						inputGradient[source * channels + c]! += parameters[row + f]! * g;
					}
				}
			});
			break;
		}
		case 'max-pool': {
			const choice = choices.get(stage)!;
			for (let i = 0; i < output.length; i++) inputGradient[choice[i]!]! += outputGradient[i]!;
			break;
		}
		case 'average-pool': {
			const counts = windowSizes(stage, layer);
			eachTap(stage, layer.size, poolStride(layer), layer.padding ?? 'valid', (at, source) => {
				for (let c = 0; c < channels; c++) {
					inputGradient[source * channels + c]! += outputGradient[at * channels + c]! / counts[at]!;
				}
			});
			break;
		}
		case 'global-average-pool':
			for (let i = 0; i < input.length; i++) {
				inputGradient[i] = outputGradient[i % channels]! / (from[0] * from[1]);
			}
			break;
		case 'dropout':
			inputGradient.set(outputGradient);
			break;
	}
	return inputGradient;
}

/** What dropout multiplies an element by: image of the batch, layer of the specification, element. */
export type DropoutFactors = (image: number, layer: number, element: number) => number;

/** Mean softmax cross-entropy of some images (already normalised) and its gradient. */
export function childNetworkReference(
	spec: NetworkSpec,
	parameters: Float64Array,
	images: readonly Float64Array[],
	labels: readonly number[],
	factors: DropoutFactors = () => 1,
): ReferenceResult {
	const stages = stagesOf(spec);
	const classes = (stages.at(-1) as Stage).to[2];
	const gradient = new Float64Array(parameters.length);
	const logits = new Float64Array(images.length * classes);
	let loss = 0;
	for (const [n, image] of images.entries()) {
		const choices = new Map<Stage, Int32Array>();
		const values = [image];
		for (const [i, stage] of stages.entries()) {
			const output = forward(stage, parameters, values.at(-1)!, choices);
			if (stage.layer.type === 'dropout') for (let e = 0; e < output.length; e++) output[e]! *= factors(n, i, e);
			values.push(output);
		}
		const z = values.at(-1)!;
		logits.set(z, n * classes);
		const top = Math.max(...z);
		const sum = z.reduce((total, value) => total + Math.exp(value - top), 0);
		loss += (Math.log(sum) + top - z[labels[n]!]!) / images.length;
		let flowing: Float64Array = z.map(
			(value, c) => (Math.exp(value - top) / sum - (c === labels[n] ? 1 : 0)) / images.length,
		);
		for (let i = stages.length - 1; i >= 0; i--) {
			if (stages[i]!.layer.type === 'dropout') for (let e = 0; e < flowing.length; e++) flowing[e]! *= factors(n, i, e);
			flowing = backward(stages[i]!, parameters, values[i]!, values[i + 1]!, flowing, gradient, choices);
		}
	}
	return { loss, gradient, logits };
}
