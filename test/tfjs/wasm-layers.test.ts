import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../src/tfjs/wasm-kernels/register-wasm-kernels.js';
import { type Backend, useBackend } from '../support/tfjs-models.js';

/**
 * Every layer of tfjs on wasm against tfjs's cpu back end: what it gives, and its gradients by its weights and by its inputs. Shapes are those
 * at which tfjs itself is right: its cpu back end mistakes resized batches of more than one image (upSampling2d), and windows of max
 * pooling in three dimensions that are not square; gradients of bilinear resizing fail everywhere for images that are not.
 */

const { layers } = tf;

interface LayerCase {
	readonly make: () => tf.layers.Layer;
	/** Of each input. */
	readonly inputs: readonly (readonly number[])[];
	/** Inputs are numbers of words, which have no gradient. */
	readonly integers?: true;
	/** Draws random numbers that no seed sets: what it gives is not comparable. */
	readonly random?: true;
	/** tfjs has no gradient of it, on any back end. */
	readonly forwardOnly?: true;
}

const IMAGES = [[2, 8, 7, 3]];
const SQUARE = [[2, 6, 6, 3]];
const VOLUMES = [[2, 4, 5, 4, 2]];
const SEQUENCES = [[2, 5, 3]];
const ROWS = [[4, 6]];

const same = { padding: 'same' } as const;

/** By the name of the function of `tf.layers`. */
const CASES: Readonly<Record<string, readonly LayerCase[]>> = {
	activation: [
		'elu',
		'hardSigmoid',
		'linear',
		'relu',
		'relu6',
		'selu',
		'sigmoid',
		'softmax',
		'softplus',
		'softsign',
		'tanh',
		'swish',
		'mish',
		'gelu',
		'gelu_new',
	].map((activation) => ({
		make: () => layers.activation({ activation: activation as 'relu' }),
		inputs: ROWS,
	})),
	add: [{ make: () => layers.add(), inputs: [...ROWS, ...ROWS] }],
	alphaDropout: [{ make: () => layers.alphaDropout({ rate: 0.3 }), inputs: ROWS, random: true }],
	average: [{ make: () => layers.average(), inputs: [...ROWS, ...ROWS] }],
	averagePooling1d: [
		{ make: () => layers.averagePooling1d({ poolSize: 2 }), inputs: SEQUENCES },
		{ make: () => layers.averagePooling1d({ poolSize: 3, strides: 2, ...same }), inputs: SEQUENCES },
	],
	averagePooling2d: [
		{ make: () => layers.averagePooling2d({ poolSize: 2 }), inputs: IMAGES },
		{ make: () => layers.averagePooling2d({ poolSize: [3, 2], strides: [1, 2], ...same }), inputs: IMAGES },
	],
	averagePooling3d: [
		{ make: () => layers.averagePooling3d({ poolSize: 2 }), inputs: VOLUMES },
		{ make: () => layers.averagePooling3d({ poolSize: [1, 3, 2], strides: [1, 2, 1], ...same }), inputs: VOLUMES },
	],
	batchNormalization: [
		{ make: () => layers.batchNormalization(), inputs: ROWS },
		{ make: () => layers.batchNormalization(), inputs: IMAGES },
	],
	bidirectional: [
		{
			make: () => layers.bidirectional({ layer: layers.lstm({ units: 3 }), mergeMode: 'concat' }),
			inputs: SEQUENCES,
		},
		{
			make: () => layers.bidirectional({ layer: layers.gru({ units: 2, returnSequences: true }), mergeMode: 'ave' }),
			inputs: SEQUENCES,
		},
	],
	categoryEncoding: [
		{
			make: () => layers.categoryEncoding({ numTokens: 10, outputMode: 'multiHot' }),
			inputs: [[3, 4]],
			forwardOnly: true,
			integers: true,
		},
	],
	centerCrop: [{ make: () => layers.centerCrop({ height: 4, width: 3 }), inputs: IMAGES, forwardOnly: true }],
	concatenate: [{ make: () => layers.concatenate({ axis: -1 }), inputs: [...ROWS, [4, 2]] }],
	conv1d: [
		{ make: () => layers.conv1d({ filters: 4, kernelSize: 3, strides: 2 }), inputs: SEQUENCES },
		{ make: () => layers.conv1d({ filters: 4, kernelSize: 1, strides: 3, ...same }), inputs: SEQUENCES },
	],
	conv2d: [
		{ make: () => layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu' }), inputs: IMAGES },
		{ make: () => layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, ...same }), inputs: IMAGES },
		{ make: () => layers.conv2d({ filters: 4, kernelSize: [1, 5], strides: [2, 1], ...same }), inputs: IMAGES },
		{ make: () => layers.conv2d({ filters: 4, kernelSize: [2, 1], strides: 3, ...same }), inputs: IMAGES },
	],
	conv2dTranspose: [
		{ make: () => layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, ...same }), inputs: IMAGES },
		{ make: () => layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: 3, ...same }), inputs: IMAGES },
		{ make: () => layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: 2 }), inputs: IMAGES },
	],
	conv3d: [
		{ make: () => layers.conv3d({ filters: 3, kernelSize: 2 }), inputs: VOLUMES },
		{ make: () => layers.conv3d({ filters: 3, kernelSize: [3, 2, 1], strides: [1, 2, 2], ...same }), inputs: VOLUMES },
	],
	conv3dTranspose: [
		{
			make: () => layers.conv3dTranspose({ filters: 3, kernelSize: 2, strides: 2 }),
			inputs: [[1, 2, 3, 2, 2]],
			forwardOnly: true,
		},
		{
			make: () => layers.conv3dTranspose({ filters: 3, kernelSize: 3, strides: 2, ...same }),
			inputs: [[2, 2, 3, 2, 2]],
			forwardOnly: true,
		},
	],
	convLstm2d: [{ make: () => layers.convLstm2d({ filters: 2, kernelSize: 3, ...same }), inputs: [[2, 3, 5, 4, 2]] }],
	cropping2D: [{ make: () => layers.cropping2D({ cropping: [1, 2] }), inputs: IMAGES }],
	dense: [{ make: () => layers.dense({ units: 3, activation: 'tanh' }), inputs: ROWS }],
	depthwiseConv2d: [
		{ make: () => layers.depthwiseConv2d({ kernelSize: 3 }), inputs: IMAGES },
		{
			make: () => layers.depthwiseConv2d({ kernelSize: [3, 2], depthMultiplier: 2, strides: 2, ...same }),
			inputs: IMAGES,
		},
		{ make: () => layers.depthwiseConv2d({ kernelSize: 1, depthMultiplier: 3, strides: 2, ...same }), inputs: IMAGES },
	],
	dot: [{ make: () => layers.dot({ axes: -1 }), inputs: [...ROWS, ...ROWS] }],
	dropout: [{ make: () => layers.dropout({ rate: 0.5, seed: 3 }), inputs: ROWS }],
	elu: [{ make: () => layers.elu(), inputs: ROWS }],
	embedding: [
		{ make: () => layers.embedding({ inputDim: 10, outputDim: 4 }), inputs: [[3, 5]], integers: true },
		{ make: () => layers.embedding({ inputDim: 10, outputDim: 4, maskZero: true }), inputs: [[4]], integers: true },
	],
	flatten: [{ make: () => layers.flatten(), inputs: IMAGES }],
	gaussianDropout: [{ make: () => layers.gaussianDropout({ rate: 0.3 }), inputs: ROWS, random: true }],
	gaussianNoise: [{ make: () => layers.gaussianNoise({ stddev: 0.3 }), inputs: ROWS, random: true }],
	globalAveragePooling1d: [{ make: () => layers.globalAveragePooling1d(), inputs: SEQUENCES }],
	globalAveragePooling2d: [{ make: () => layers.globalAveragePooling2d({}), inputs: IMAGES }],
	globalMaxPooling1d: [{ make: () => layers.globalMaxPooling1d(), inputs: SEQUENCES }],
	globalMaxPooling2d: [{ make: () => layers.globalMaxPooling2d({}), inputs: IMAGES }],
	gru: [{ make: () => layers.gru({ units: 3 }), inputs: SEQUENCES }],
	layerNormalization: [{ make: () => layers.layerNormalization(), inputs: ROWS }],
	leakyReLU: [{ make: () => layers.leakyReLU({ alpha: 0.1 }), inputs: ROWS }],
	lstm: [
		{ make: () => layers.lstm({ units: 3 }), inputs: SEQUENCES },
		{ make: () => layers.lstm({ units: 3, recurrentActivation: 'relu', goBackwards: true }), inputs: SEQUENCES },
	],
	masking: [{ make: () => layers.masking({ maskValue: 0 }), inputs: SEQUENCES, forwardOnly: true }],
	maxPooling1d: [
		{ make: () => layers.maxPooling1d({ poolSize: 2 }), inputs: SEQUENCES },
		{ make: () => layers.maxPooling1d({ poolSize: 3, strides: 1, ...same }), inputs: SEQUENCES },
	],
	maxPooling2d: [
		{ make: () => layers.maxPooling2d({ poolSize: 2 }), inputs: IMAGES },
		{ make: () => layers.maxPooling2d({ poolSize: [3, 2], strides: [1, 2], ...same }), inputs: IMAGES },
	],
	maxPooling3d: [
		{ make: () => layers.maxPooling3d({ poolSize: 2 }), inputs: VOLUMES },
		{ make: () => layers.maxPooling3d({ poolSize: [2, 3, 3], strides: [1, 2, 1], ...same }), inputs: VOLUMES },
	],
	maximum: [{ make: () => layers.maximum(), inputs: [...ROWS, ...ROWS] }],
	minimum: [{ make: () => layers.minimum(), inputs: [...ROWS, ...ROWS] }],
	multiply: [{ make: () => layers.multiply(), inputs: [...ROWS, ...ROWS] }],
	permute: [{ make: () => layers.permute({ dims: [2, 1] }), inputs: SEQUENCES }],
	prelu: [{ make: () => layers.prelu(), inputs: ROWS }],
	randomWidth: [{ make: () => layers.randomWidth({ factor: 0.3 }), inputs: SQUARE, random: true, forwardOnly: true }],
	reLU: [{ make: () => layers.reLU({ maxValue: 1 }), inputs: ROWS }],
	repeatVector: [{ make: () => layers.repeatVector({ n: 3 }), inputs: ROWS }],
	rescaling: [{ make: () => layers.rescaling({ scale: 0.5, offset: 1 }), inputs: IMAGES }],
	reshape: [{ make: () => layers.reshape({ targetShape: [3, 2] }), inputs: ROWS }],
	resizing: [{ make: () => layers.resizing({ height: 5, width: 9 }), inputs: SQUARE }],
	rnn: [
		{ make: () => layers.rnn({ cell: layers.simpleRNNCell({ units: 3 }) as never }), inputs: SEQUENCES },
		{ make: () => layers.rnn({ cell: layers.gruCell({ units: 3 }) as never }), inputs: SEQUENCES },
		{
			make: () =>
				layers.rnn({
					cell: layers.stackedRNNCells({
						cells: [layers.lstmCell({ units: 3 }), layers.lstmCell({ units: 2 })] as never,
					}) as never,
				}),
			inputs: SEQUENCES,
		},
	],
	separableConv2d: [
		{ make: () => layers.separableConv2d({ filters: 4, kernelSize: 3 }), inputs: IMAGES },
		{
			make: () => layers.separableConv2d({ filters: 4, kernelSize: [1, 3], strides: 2, depthMultiplier: 2, ...same }),
			inputs: IMAGES,
		},
	],
	simpleRNN: [{ make: () => layers.simpleRNN({ units: 3, returnSequences: true }), inputs: SEQUENCES }],
	softmax: [{ make: () => layers.softmax(), inputs: ROWS }],
	spatialDropout1d: [{ make: () => layers.spatialDropout1d({ rate: 0.3, seed: 4 }), inputs: SEQUENCES }],
	thresholdedReLU: [{ make: () => layers.thresholdedReLU({ theta: 0.3 }), inputs: ROWS, forwardOnly: true }],
	timeDistributed: [{ make: () => layers.timeDistributed({ layer: layers.dense({ units: 2 }) }), inputs: SEQUENCES }],
	upSampling2d: [{ make: () => layers.upSampling2d({ size: [2, 3] }), inputs: [[1, 4, 3, 2]] }],
	zeroPadding2d: [{ make: () => layers.zeroPadding2d({ padding: [1, 2] }), inputs: IMAGES }],
};

/** What `tf.layers` holds beside: classes, cells (which stand in `rnn`, and in layers of their own), inputs, other names of the same. */
const OTHERS = [
	'Layer',
	'RNN',
	'RNNCell',
	'input',
	'inputLayer',
	'convLstm2dCell',
	'gruCell',
	'lstmCell',
	'simpleRNNCell',
	'stackedRNNCells',
	'avgPool1d',
	'avgPool2d',
	'avgPool3d',
	'avgPooling1d',
	'avgPooling2d',
	'avgPooling3d',
	'globalMaxPool1d',
	'globalMaxPool2d',
	'maxPool1d',
	'maxPool2d',
];

function numbers(shape: readonly number[], seed: number, integers = false): Float32Array {
	const size = shape.reduce((a, b) => a * b, 1);
	if (integers) return Float32Array.from({ length: size }, (_, i) => (i * 7 + 1) % 10);
	return tf.tidy(() => Float32Array.from(tf.randomNormal([size], 0, 1, 'float32', seed).dataSync()));
}

/** Output, then gradients by weights, then by inputs. */
async function evaluated(backend: Backend, one: LayerCase): Promise<number[][]> {
	await useBackend(backend);
	const layer = one.make();
	const xs = one.inputs.map((shape, i) => tf.variable(tf.tensor(numbers(shape, i + 1, one.integers), [...shape])));
	const call = () => layer.apply(xs.length === 1 ? (xs[0] as tf.Tensor) : xs, { training: true }) as tf.Tensor;
	tf.dispose(call()); // builds the layer
	const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
	for (const [i, weight] of weights.entries()) {
		weight.assign(tf.tensor(numbers(weight.shape as number[], 50 + i), weight.shape as number[]).mul(0.5));
	}
	const output = call();
	const dy = tf.tensor(numbers(output.shape, 99), output.shape);
	const by = one.forwardOnly === true ? [] : one.integers === true ? weights : [...weights, ...xs];
	const gradients = by.length === 0 ? {} : tf.variableGrads(() => call().mul(dy).sum() as tf.Scalar, by).grads;
	return [output, ...by.map(({ name }) => gradients[name] as tf.Tensor)].map((tensor) => [...tensor.dataSync()]);
}

function expectAgreement(actual: number[][], expected: number[][]): void {
	expect(actual).toHaveLength(expected.length);
	for (const [part, values] of expected.entries()) {
		const scale = Math.max(...values.map(Math.abs), 1);
		expect(actual[part]).toHaveLength(values.length);
		const wrong = values.findIndex((value, i) => !(Math.abs((actual[part]?.[i] as number) - value) < 1e-5 * scale));
		expect(wrong, `part ${part}: ${values[wrong]} on cpu, ${actual[part]?.[wrong]} on wasm`).toBe(-1);
	}
}

describe('a layer of tfjs, on wasm', () => {
	beforeAll(async () => {
		await useBackend('wasm');
		registerWasmTrainingKernels();
	});

	it('is in the list here, whatever its kind', () => {
		const makers = Object.keys(layers).filter((name) => !OTHERS.includes(name));
		expect(Object.keys(CASES).sort()).toEqual(makers.sort());
	});

	const all = Object.entries(CASES).flatMap(([name, cases]) => cases.map((one, i) => [name, i + 1, one] as const));
	it.each(all)('trains as on cpu: %s (%i)', async (_name, _i, one) => {
		const expected = await evaluated('cpu', one);
		const actual = await evaluated('wasm', one);
		if (one.random !== true) expectAgreement(actual, expected);
	});

	it.each([
		'meanSquaredError',
		'meanAbsoluteError',
		'meanAbsolutePercentageError',
		'meanSquaredLogarithmicError',
		'squaredHinge',
		'hinge',
		'categoricalHinge',
		'logcosh',
		'categoricalCrossentropy',
		'sparseCategoricalCrossentropy',
		'binaryCrossentropy',
		'kullbackLeiblerDivergence',
		'poisson',
		'cosineProximity',
	])('trains as on cpu, towards the loss %s', async (loss) => {
		const trained = async (backend: Backend): Promise<number[][]> => {
			await useBackend(backend);
			const layer = layers.dense({ units: 3, activation: 'softmax', inputShape: [6] });
			const model = tf.sequential({ layers: [layer] });
			model.setWeights([tf.tensor(numbers([6, 3], 1), [6, 3]), tf.tensor(numbers([3], 2), [3])]);
			model.compile({ optimizer: tf.train.sgd(0.1), loss });
			const classes = tf.tensor1d([0, 2, 1, 1]);
			const ys = loss.startsWith('sparse') ? classes.reshape([4, 1]) : tf.oneHot(classes.toInt(), 3).toFloat();
			await model.trainOnBatch(tf.tensor(numbers([4, 6], 3), [4, 6]), ys);
			return model.getWeights().map((weight) => [...weight.dataSync()]);
		};
		expectAgreement(await trained('wasm'), await trained('cpu'));
	});
});
