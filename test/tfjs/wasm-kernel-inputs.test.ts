import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../src/tfjs/wasm-kernels/register-wasm-kernels.js';
import { type Backend, useBackend } from '../support/tfjs-models.js';

/** Kernels of ours on tfjs's wasm back end, over many inputs, against those of its cpu back end. */

interface Values {
	readonly shape: readonly number[];
	readonly values: Float32Array | Int32Array;
}

/** One kernel of one back end, whichever is tfjs's current one. @returns its first result, or all of them one after the other */
function run(name: Backend, kernel: string, inputs: Readonly<Record<string, Values>>, attrs: object): number[] {
	const backend = tf.findBackend(name) as tf.KernelBackend;
	const before = backend.numDataIds();
	const infos: Record<string, tf.TensorInfo> = {};
	for (const [key, { shape, values }] of Object.entries(inputs)) {
		const dtype = values instanceof Int32Array ? 'int32' : 'float32';
		infos[key] = { shape: [...shape], dtype, dataId: backend.write(values, [...shape], dtype) };
	}
	const { kernelFunc } = tf.getKernel(kernel, name);
	const outputs = [kernelFunc({ inputs: infos, attrs: attrs as tf.NamedAttrMap, backend })].flat();
	const results = outputs.flatMap(({ dataId }) => [...(backend.readSync(dataId) as Float32Array)]);
	for (const { dataId } of [...Object.values(infos), ...outputs]) backend.disposeData(dataId);
	expect(backend.numDataIds(), 'nothing is left behind').toBe(before);
	return results;
}

function size(shape: readonly number[]): number {
	return shape.reduce((a, b) => a * b, 1);
}

/** Masks, infinities, NaN, ties, denormals, magnitudes that float32 cannot add. */
const SPECIAL = [
	-1e9,
	-1e6,
	Number.NEGATIVE_INFINITY,
	Number.POSITIVE_INFINITY,
	Number.NaN,
	0,
	-0,
	1,
	-1,
	-1e-42,
	3e38,
	-3e38,
];

function tensor(shape: readonly number[], element: fc.Arbitrary<number>): fc.Arbitrary<Values> {
	const length = size(shape);
	return fc
		.array(element, { minLength: length, maxLength: length })
		.map((values) => ({ shape, values: Float32Array.from(values) }));
}

const ordinary = fc.double({ min: -1, max: 1, noNaN: true });
const anything = fc.oneof(ordinary, ordinary, fc.constantFrom(...SPECIAL));
/** All of one sign, all masked, or mixed: what a window holds decides, not the batch. */
const pixels = fc.constantFrom(
	anything,
	ordinary,
	fc.oneof(ordinary, fc.constant(-1e9)),
	fc.oneof(ordinary, fc.constant(Number.NEGATIVE_INFINITY)),
	fc.double({ min: -2, max: -1, noNaN: true }),
	fc.constantFrom(...SPECIAL),
	fc.constantFrom(-1, -2),
);

type Padding = 'same' | 'valid' | number | [[0, 0], [number, number], [number, number], [0, 0]];

interface Windows {
	readonly shape: [number, number, number, number];
	readonly filterSize: [number, number];
	readonly strides: [number, number];
	readonly pad: Padding;
}

const edge = fc.integer({ min: 1, max: 7 });
const side = fc.integer({ min: 1, max: 4 });
const margin = fc.integer({ min: 0, max: 3 });

/** Images of any shape under windows of any, as far as they fit; tfjs takes a number as padding for square windows and strides alone. */
const windows: fc.Arbitrary<Windows> = fc
	.record({
		shape: fc.tuple(fc.integer({ min: 1, max: 2 }), edge, edge, fc.integer({ min: 1, max: 5 })),
		filterSize: fc.tuple(side, side),
		strides: fc.tuple(side, side),
		pad: fc.oneof(
			fc.constantFrom<Padding>('same', 'valid', 0, 1, 2),
			fc.tuple(margin, margin, margin, margin).map(
				([top, bottom, left, right]): Padding => [
					[0, 0],
					[top, bottom],
					[left, right],
					[0, 0],
				],
			),
		),
	})
	.map((one) =>
		typeof one.pad === 'number'
			? {
					...one,
					filterSize: [one.filterSize[0], one.filterSize[0]] as [number, number],
					strides: [one.strides[0], one.strides[0]] as [number, number],
				}
			: one,
	)
	.filter((one) => size(pooled(one)) > 0 && pooled(one).every((extent) => extent > 0));

function pooled({ shape, filterSize, strides, pad }: Windows): number[] {
	return tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad as 'same').outShape;
}

const FULL = process.env.GANNO_TEST_FULL !== undefined;
const SETTINGS = { numRuns: FULL ? 5000 : 300 };
const ROUNDING = { relative: 2e-6 };

function expectClose(actual: readonly number[], expected: readonly number[]): void {
	expect(actual).toHaveLength(expected.length);
	const scale = Math.max(...expected.map(Math.abs), 1e-30);
	const wrong = expected.findIndex(
		(value, i) => !(Math.abs((actual[i] as number) - value) <= ROUNDING.relative * scale),
	);
	expect(wrong, `${expected[wrong]} on cpu, ${actual[wrong]} on wasm`).toBe(-1);
}

beforeAll(async () => {
	await useBackend('cpu');
	await useBackend('wasm');
	registerWasmTrainingKernels();
});

describe('max pooling on wasm', () => {
	it('has the cpu back end’s gradient to the bit, for every value, window, stride and padding', () => {
		fc.assert(
			fc.property(
				fc
					.tuple(windows, pixels)
					.chain(([one, element]) =>
						fc.tuple(fc.constant(one), tensor(one.shape, element), tensor(pooled(one), anything)),
					),
				([{ filterSize, strides, pad }, input, dy]) => {
					const inputs = { dy, input, output: dy };
					const attributes = { filterSize, strides, pad };
					expect(run('wasm', 'MaxPoolGrad', inputs, attributes)).toEqual(run('cpu', 'MaxPoolGrad', inputs, attributes));
				},
			),
			SETTINGS,
		);
	});

	it('keeps the gradient of a window beside a masked one', () => {
		// The sum of a batch's gradient is what came in: one window of −1e9 took it from all others.
		const shape = [1, 2, 4, 1];
		for (const mask of [-1e9, -1e30, Number.NEGATIVE_INFINITY]) {
			const input = { shape, values: Float32Array.of(0.1, 0.9, mask, mask, 0.4, 0.3, mask, mask) };
			const dy = { shape: [1, 1, 2, 1], values: Float32Array.of(1, 0) };
			const attributes = { filterSize: 2, strides: 2, pad: 'valid' };
			const gradient = run('wasm', 'MaxPoolGrad', { dy, input, output: dy }, attributes);
			expect(gradient).toEqual([0, 1, 0, 0, 0, 0, 0, 0]);
		}
	});

	it('finds maxima and their places as the cpu back end does', () => {
		fc.assert(
			fc.property(
				fc
					.tuple(windows, pixels, fc.boolean())
					.chain(([one, element, batch]) => fc.tuple(fc.constant(one), tensor(one.shape, element), fc.constant(batch))),
				([{ filterSize, strides, pad }, x, includeBatchInIndex]) => {
					const attributes = { filterSize, strides, pad, includeBatchInIndex };
					const actual = run('wasm', 'MaxPoolWithArgmax', { x }, attributes);
					expect(actual).toEqual(run('cpu', 'MaxPoolWithArgmax', { x }, attributes));
				},
			),
			SETTINGS,
		);
	});

	const volumes = fc
		.record({
			shape: fc.tuple(fc.integer({ min: 1, max: 2 }), edge, edge, edge, fc.integer({ min: 1, max: 3 })),
			depth: side,
			square: side,
			strides: fc.tuple(side, side, side),
			pad: fc.constantFrom<'same' | 'valid'>('same', 'valid'),
		})
		.map(({ shape, depth, square, strides, pad }) => {
			// tfjs's cpu back end mistakes the places of windows that are not as high as they are wide.
			const filterSize: [number, number, number] = [depth, square, square];
			const { outShape } = tf.backend_util.computePool3DInfo(shape, filterSize, strides, 1, pad);
			return { shape, outShape, attributes: { filterSize, strides, pad, dataFormat: 'NDHWC' } };
		})
		.filter(({ outShape }) => outShape.every((extent) => extent > 0));

	it('in three dimensions does as the cpu back end does, forwards and backwards', () => {
		fc.assert(
			fc.property(
				fc
					.tuple(volumes, pixels)
					.chain(([one, element]) =>
						fc.tuple(fc.constant(one), tensor(one.shape, element), tensor(one.outShape, anything)),
					),
				([{ attributes }, x, dy]) => {
					expect(run('wasm', 'MaxPool3D', { x }, attributes)).toEqual(run('cpu', 'MaxPool3D', { x }, attributes));
					const inputs = { dy, input: x, output: dy };
					const gradient = run('wasm', 'MaxPool3DGrad', inputs, attributes);
					expect(gradient).toEqual(run('cpu', 'MaxPool3DGrad', inputs, attributes));
				},
			),
			SETTINGS,
		);
	});

	it('in three dimensions finds the maxima of windows of any shape', () => {
		const shape = [1, 3, 4, 5, 1] as [number, number, number, number, number];
		const values = Float32Array.from({ length: size(shape) }, (_, i) => -((i * 37) % 61) - 1); // each once, none positive
		const attributes = { filterSize: [2, 3, 2], strides: [1, 1, 3], pad: 'same' as const };
		const { outShape } = tf.backend_util.computePool3DInfo(shape, [2, 3, 2], [1, 1, 3], 1, 'same');
		const maxima = run('cpu', 'MaxPool3D', { x: { shape, values } }, { ...attributes, dataFormat: 'NDHWC' });
		const dy = { shape: outShape, values: Float32Array.from(maxima, (_, i) => i + 1) };
		const expected = Array.from(values, () => 0);
		for (const [i, maximum] of maxima.entries()) expected[values.indexOf(maximum)]! += i + 1;
		const actual = run('wasm', 'MaxPool3DGrad', { dy, input: { shape, values }, output: dy }, attributes);
		expect(actual).toEqual(expected);
	});
});

describe('convolutions on wasm', () => {
	const depthwise = fc
		.tuple(windows, fc.integer({ min: 1, max: 3 }))
		.map(([{ shape, filterSize, strides, pad }, multiplier]) => {
			const filterShape = [...filterSize, shape[3], multiplier] as [number, number, number, number];
			const { outShape } = tf.backend_util.computeConv2DInfo(
				shape,
				filterShape,
				strides,
				1,
				pad as 'same',
				undefined,
				true,
			);
			return { shape, filterShape, outShape, attributes: { strides, pad, dilations: [1, 1] } };
		});

	it('that are depthwise have the cpu back end’s gradients', () => {
		fc.assert(
			fc.property(
				depthwise.chain((one) =>
					fc.tuple(
						fc.constant(one),
						tensor(one.shape, ordinary),
						tensor(one.filterShape, ordinary),
						tensor(one.outShape, ordinary),
					),
				),
				([{ attributes, shape, filterShape }, x, filter, dy]) => {
					for (const [kernel, inputs, more] of [
						['DepthwiseConv2dNativeBackpropInput', { dy, filter }, { inputShape: shape }],
						['DepthwiseConv2dNativeBackpropFilter', { x, dy }, { filterShape }],
					] as const) {
						const all = { ...attributes, ...more };
						expectClose(run('wasm', kernel, inputs, all), run('cpu', kernel, inputs, all));
					}
				},
			),
			SETTINGS,
		);
	});

	it('in three dimensions have the cpu back end’s gradients', () => {
		const convolutions = fc
			.record({
				shape: fc.tuple(fc.integer({ min: 1, max: 2 }), edge, edge, edge, fc.integer({ min: 1, max: 3 })),
				filter: fc.tuple(side, side, side, fc.integer({ min: 1, max: 3 })),
				strides: fc.tuple(side, side, side),
				pad: fc.constantFrom<'same' | 'valid'>('same', 'valid'),
			})
			.map(({ shape, filter: [depth, height, width, filters], strides, pad }) => {
				const filterShape = [depth, height, width, shape[4], filters] as [number, number, number, number, number];
				const { outShape } = tf.backend_util.computeConv3DInfo(shape, filterShape, strides, 1, pad);
				return { shape, filterShape, outShape, attributes: { strides, pad } };
			})
			.filter(({ outShape }) => outShape.every((extent) => extent > 0));
		fc.assert(
			fc.property(
				convolutions.chain((one) =>
					fc.tuple(
						fc.constant(one),
						tensor(one.shape, ordinary),
						tensor(one.filterShape, ordinary),
						tensor(one.outShape, ordinary),
					),
				),
				([{ attributes, shape, filterShape }, x, filter, dy]) => {
					for (const [kernel, inputs, more] of [
						['Conv3DBackpropInputV2', { dy, filter }, { inputShape: shape }],
						['Conv3DBackpropFilterV2', { x, dy }, { filterShape }],
					] as const) {
						const all = { ...attributes, ...more };
						expectClose(run('wasm', kernel, inputs, all), run('cpu', kernel, inputs, all));
					}
				},
			),
			{ numRuns: FULL ? 2000 : 100 },
		);
	});

	it.each(['Conv2D', 'FusedConv2D', 'DepthwiseConv2dNative', 'FusedDepthwiseConv2D'])(
		'are right where a filter is narrower than its stride: %s',
		(kernel) => {
			fc.assert(
				fc.property(
					depthwise
						.filter(({ attributes }) => typeof attributes.pad === 'string')
						.chain((one) => fc.tuple(fc.constant(one), tensor(one.shape, ordinary), tensor(one.filterShape, ordinary))),
					([{ attributes }, x, filter]) => {
						const all = { ...attributes, dataFormat: 'NHWC', activation: 'linear' };
						expectClose(run('wasm', kernel, { x, filter }, all), run('cpu', kernel, { x, filter }, all));
					},
				),
				SETTINGS,
			);
		},
	);
});

describe('sums of segments on wasm', () => {
	it('are those of the rows with their number; numbers outside count nowhere', () => {
		const cases = fc
			.record({
				rows: fc.integer({ min: 0, max: 9 }),
				rest: fc.constantFrom<number[]>([], [1], [4], [2, 3]),
				numSegments: fc.integer({ min: 1, max: 6 }),
			})
			.chain(({ rows, rest, numSegments }) =>
				fc.tuple(
					tensor([rows, ...rest], anything),
					fc
						.array(fc.integer({ min: -2, max: 8 }), { minLength: rows, maxLength: rows })
						.map((ids) => ({ shape: [rows], values: Int32Array.from(ids) })),
					fc.constant(numSegments),
				),
			);
		fc.assert(
			fc.property(cases, ([x, segmentIds, numSegments]) => {
				const width = size(x.shape.slice(1));
				const expected = new Float64Array(numSegments * width);
				for (const [row, segment] of segmentIds.values.entries()) {
					if (segment < 0 || segment >= numSegments) continue;
					for (let i = 0; i < width; i++) expected[segment * width + i]! += x.values[row * width + i]!;
				}
				const actual = run('wasm', 'UnsortedSegmentSum', { x, segmentIds }, { numSegments });
				expect(actual).toEqual([...Float32Array.from(expected)]);
			}),
			SETTINGS,
		);
	});
});

describe('the wasm back end', () => {
	it('has every kernel that gradients ask for, and lacks only those for complex numbers, text and ragged rows', () => {
		const names = (backend: Backend): string[] => tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName);
		const wasm = new Set(names('wasm'));
		const missing = names('cpu').filter((name) => !wasm.has(name));
		expect(missing.filter((name) => /Grad|Backprop|SegmentSum/.test(name))).toEqual([]);
		expect(missing.sort()).toEqual([
			'Complex',
			'ComplexAbs',
			'Draw',
			'Einsum',
			'FFT',
			'IFFT',
			'Imag',
			'RaggedGather',
			'RaggedRange',
			'RaggedTensorToTensor',
			'Real',
			'StaticRegexReplace',
		]);
	});
});
