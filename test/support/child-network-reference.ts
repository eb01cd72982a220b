import { inferShapes, type Operation, poolStride } from '../../src/networks/shapes.js';
import type { NetworkSpec, PoolLayerSpec } from '../../src/networks/spec.js';
import { BatchNormReference, type RunningStatistics } from './batch-norm-reference.js';

/** A network in plain float64 loops: the oracle of the native engine, itself checked by finite differences. */

interface Stage extends Operation {
	/** Where its parameters begin; a batch norm's: where its scale does. */
	readonly offset: number;
	/** A bias, and no batch norm after it. */
	readonly hasBias: boolean;
}

export interface ReferenceResult {
	readonly loss: number;
	/** In the order of `NetworkPopulation.parameters`. */
	readonly gradient: Float64Array;
	/** `[images × classes]` */
	readonly logits: Float64Array;
}

function stagesOf(spec: NetworkSpec): Stage[] {
	const { operations } = inferShapes(spec);
	let offset = 0;
	return operations.map((operation, i) => {
		const { layer, from, to } = operation;
		const hasBias = operations[i + 1]?.layer.type !== 'batch-norm';
		const stage = { ...operation, offset, hasBias };
		if (layer.type === 'dense') offset += from[0] * from[1] * from[2] * layer.units;
		if (layer.type === 'conv') offset += layer.kernelSize ** 2 * from[2] * layer.filters;
		if ((layer.type === 'dense' || layer.type === 'conv') && hasBias) offset += to[2];
		if (layer.type === 'batch-norm') offset += 2 * to[2];
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

function activate(layer: Operation['layer'], values: Float64Array): void {
	const activation = 'activation' in layer ? layer.activation : 'linear';
	if (activation === 'linear' || activation === undefined) return;
	for (let i = 0; i < values.length; i++) {
		const value = values[i]!;
		values[i] = activation === 'relu' ? Math.max(value, 0) : Math.tanh(value);
	}
}

function activationGradient(layer: Operation['layer'], output: Float64Array, gradient: Float64Array): void {
	const activation = 'activation' in layer ? layer.activation : 'linear';
	if (activation === 'linear' || activation === undefined) return;
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

type Choices = Map<Stage, Int32Array>;

/** One image through one stage that treats images alone. */
function forward(stage: Stage, parameters: Float64Array, input: Float64Array, choices: Choices) {
	const { layer, from, to, offset } = stage;
	const output = new Float64Array(to[0] * to[1] * to[2]);
	const channels = from[2];
	switch (layer.type) {
		case 'dense': {
			const bias = offset + input.length * layer.units;
			for (let o = 0; o < layer.units; o++) {
				let sum = stage.hasBias ? parameters[bias + o]! : 0;
				for (let i = 0; i < input.length; i++) sum += input[i]! * parameters[offset + i * layer.units + o]!;
				output[o] = sum;
			}
			break;
		}
		case 'conv': {
			const { filters, kernelSize, stride = 1, padding = 'same' } = layer;
			const bias = offset + kernelSize ** 2 * channels * filters;
			if (stage.hasBias) for (let i = 0; i < output.length; i++) output[i] = parameters[bias + (i % filters)]!;
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
	return output;
}

function backward(
	stage: Stage,
	parameters: Float64Array,
	input: Float64Array,
	outputGradient: Float64Array,
	gradient: Float64Array,
	choices: Choices,
): Float64Array {
	const { layer, from, offset } = stage;
	const inputGradient = new Float64Array(input.length);
	const channels = from[2];
	switch (layer.type) {
		case 'dense': {
			const bias = offset + input.length * layer.units;
			for (let o = 0; o < layer.units; o++) {
				const g = outputGradient[o]!;
				if (stage.hasBias) gradient[bias + o]! += g;
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
			if (stage.hasBias)
				for (let i = 0; i < outputGradient.length; i++) gradient[bias + (i % filters)]! += outputGradient[i]!;
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
			for (let i = 0; i < outputGradient.length; i++) inputGradient[choice[i]!]! += outputGradient[i]!;
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

/**
 * Mean softmax cross-entropy of some images (already normalised) and its gradient.
 * @param running updated like PyTorch's when batch norms use the batch's own statistics, `training`; else they use these
 */
export function childNetworkReference(
	spec: NetworkSpec,
	parameters: Float64Array,
	images: readonly Float64Array[],
	labels: readonly number[],
	factors: DropoutFactors = () => 1,
	running?: RunningStatistics,
	training = true,
): ReferenceResult {
	const stages = stagesOf(spec);
	const classes = (stages.at(-1) as Stage).to[2];
	const gradient = new Float64Array(parameters.length);
	const choices: Choices[] = images.map(() => new Map());
	const norms = new Map<Stage, BatchNormReference>();
	const outputs: Float64Array[][] = [];
	const outputOf = (i: number): readonly Float64Array[] => (i < 0 ? images : outputs[i]!);
	for (const [i, stage] of stages.entries()) {
		const inputs = outputOf(stage.input);
		let output: Float64Array[];
		if (stage.layer.type === 'batch-norm') {
			const norm = new BatchNormReference(stage.layer, stage.to[2], parameters, stage.offset);
			output = norm.forward(inputs, running, training);
			norms.set(stage, norm);
		} else if (stage.layer.type === 'add') {
			const addends = outputOf(stage.addend);
			output = inputs.map((values, n) => values.map((value, e) => value + addends[n]![e]!));
		} else {
			output = inputs.map((values, n) => forward(stage, parameters, values, choices[n]!));
		}
		for (const [n, values] of output.entries()) {
			if (stage.layer.type === 'dropout') for (let e = 0; e < values.length; e++) values[e]! *= factors(n, i, e);
			activate(stage.layer, values);
		}
		outputs.push(output);
	}

	const logits = new Float64Array(images.length * classes);
	let loss = 0;
	const gradients = outputs.map((output) => output.map((values) => new Float64Array(values.length)));
	for (const [n, z] of (outputs.at(-1) as Float64Array[]).entries()) {
		logits.set(z, n * classes);
		const top = Math.max(...z);
		const sum = z.reduce((total, value) => total + Math.exp(value - top), 0);
		loss += (Math.log(sum) + top - z[labels[n]!]!) / images.length;
		const own = (gradients.at(-1) as Float64Array[])[n]!;
		for (let c = 0; c < classes; c++) {
			own[c] = (Math.exp(z[c]! - top) / sum - (c === labels[n] ? 1 : 0)) / images.length;
		}
	}
	const pass = (to: number, n: number, values: Float64Array): void => {
		if (to >= 0) for (let e = 0; e < values.length; e++) gradients[to]![n]![e]! += values[e]!;
	};
	for (let i = stages.length - 1; i >= 0; i--) {
		const stage = stages[i]!;
		const inputs = outputOf(stage.input);
		const flowing = gradients[i]!;
		for (const [n, values] of flowing.entries()) {
			activationGradient(stage.layer, outputs[i]![n]!, values);
			if (stage.layer.type === 'dropout') for (let e = 0; e < values.length; e++) values[e]! *= factors(n, i, e);
		}
		if (stage.layer.type === 'batch-norm') {
			const before = norms.get(stage)!.backward(flowing, gradient);
			for (const [n, values] of before.entries()) pass(stage.input, n, values);
			continue;
		}
		for (const [n, values] of flowing.entries()) {
			if (stage.layer.type === 'add') {
				pass(stage.input, n, values);
				pass(stage.addend, n, values);
			} else {
				pass(stage.input, n, backward(stage, parameters, inputs[n]!, values, gradient, choices[n]!));
			}
		}
	}
	return { loss, gradient, logits };
}
