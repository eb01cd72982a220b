import { checkCapacity, checkFloat32Array, checkInteger, checkObject } from '../arguments.js';
import { actorTensorShapes, checkPolicySpec, policyStateSize, tensorSize, totalSize } from './actor.js';
import { normalizeRow } from './normalizer.js';
import type { PolicyInference, PolicySnapshot } from './policy.js';
import { deterministicSigmoid, deterministicTanh } from './transcendental.js';

/**
 * The actor in plain TypeScript: what workers and deployments run. Every output is one ascending float64 chain (bias first) that
 * reads its own row alone, rounded to float32 once per layer: a row's result depends neither on its neighbours nor on their
 * number, and is the same on every machine (JavaScript never fuses a multiplication with an addition).
 */

const ROW_BLOCK = 2;
const COLUMN_BLOCK = 4;

/**
 * `y[row] = x[row] · W + b`, W `[inputs × outputs]` at `kernel` of `parameters`, b at `bias` (or 0 where negative). Two rows by four
 * columns at a time: eight independent chains hide the latency of an addition, and no chain changes with the blocking.
 */
function dense(
	parameters: Float32Array,
	kernel: number,
	bias: number,
	inputs: number,
	outputs: number,
	x: Float32Array,
	rows: number,
	y: Float32Array,
): void {
	const lastRow = rows - (rows % ROW_BLOCK);
	const lastColumn = outputs - (outputs % COLUMN_BLOCK);
	for (let row = 0; row < lastRow; row += ROW_BLOCK) {
		const x0 = row * inputs;
		const x1 = x0 + inputs;
		const y0 = row * outputs;
		const y1 = y0 + outputs;
		for (let column = 0; column < lastColumn; column += COLUMN_BLOCK) {
			let a0 = bias < 0 ? 0 : (parameters[bias + column] as number);
			let a1 = bias < 0 ? 0 : (parameters[bias + column + 1] as number);
			let a2 = bias < 0 ? 0 : (parameters[bias + column + 2] as number);
			let a3 = bias < 0 ? 0 : (parameters[bias + column + 3] as number);
			let b0 = a0;
			let b1 = a1;
			let b2 = a2;
			let b3 = a3;
			let w = kernel + column;
			for (let k = 0; k < inputs; k++) {
				const p = x[x0 + k] as number;
				const q = x[x1 + k] as number;
				const w0 = parameters[w] as number;
				const w1 = parameters[w + 1] as number;
				const w2 = parameters[w + 2] as number;
				const w3 = parameters[w + 3] as number;
				a0 += p * w0;
				a1 += p * w1;
				a2 += p * w2;
				a3 += p * w3;
				b0 += q * w0;
				b1 += q * w1;
				b2 += q * w2;
				b3 += q * w3;
				w += outputs;
			}
			y[y0 + column] = a0;
			y[y0 + column + 1] = a1;
			y[y0 + column + 2] = a2;
			y[y0 + column + 3] = a3;
			y[y1 + column] = b0;
			y[y1 + column + 1] = b1;
			y[y1 + column + 2] = b2;
			y[y1 + column + 3] = b3;
		}
	}
	for (let row = 0; row < rows; row++) {
		// What the blocks left: the last columns of every row, and all columns of an odd last row.
		const from = row < lastRow ? lastColumn : 0;
		for (let column = from; column < outputs; column++) {
			let sum = bias < 0 ? 0 : (parameters[bias + column] as number);
			let w = kernel + column;
			const x0 = row * inputs;
			for (let k = 0; k < inputs; k++) {
				sum += (x[x0 + k] as number) * (parameters[w] as number);
				w += outputs;
			}
			y[row * outputs + column] = sum;
		}
	}
}

function tanhInPlace(values: Float32Array, count: number): void {
	for (let i = 0; i < count; i++) values[i] = deterministicTanh(values[i] as number);
}

function reluInPlace(values: Float32Array, count: number): void {
	for (let i = 0; i < count; i++) if (!((values[i] as number) > 0)) values[i] = 0;
}

/**
 * The inference function of a policy. It reads the snapshot's arrays at every call, so a learner may rewrite them in place between
 * calls. Nothing is allocated unless a call has more rows than any before it.
 * @throws GannoError `INVALID_ARGUMENT` where the snapshot's arrays do not fit its spec.
 */
export function createPolicyInference(snapshot: PolicySnapshot): PolicyInference {
	checkObject(snapshot, 'snapshot');
	const spec = checkPolicySpec(snapshot.spec, 'snapshot.spec');
	const { parameters, normalizerMean, normalizerStandardDeviation } = snapshot;
	const shapes = actorTensorShapes(spec);
	checkFloat32Array(parameters, 'snapshot.parameters', totalSize(shapes));
	checkFloat32Array(normalizerMean, 'snapshot.normalizerMean', spec.observationSize);
	checkFloat32Array(normalizerStandardDeviation, 'snapshot.normalizerStandardDeviation', spec.observationSize);

	const offsets: number[] = [];
	let offset = 0;
	for (const { shape } of shapes) {
		offsets.push(offset);
		offset += tensorSize(shape);
	}
	const at = (index: number): number => offsets[index] as number;

	const inputs = spec.observationSize;
	const h = spec.hiddenUnits;
	const stateSize = policyStateSize(spec);
	let capacity = 0;
	let normalized = new Float32Array(0);
	let first = new Float32Array(0);
	let second = new Float32Array(0);
	let inputGates = new Float32Array(0);
	let recurrentGates = new Float32Array(0);

	function reserve(rows: number): void {
		if (rows <= capacity) return;
		capacity = rows;
		normalized = new Float32Array(rows * inputs);
		first = new Float32Array(rows * h);
		second = new Float32Array(rows * h);
		if (stateSize > 0) {
			inputGates = new Float32Array(rows * 3 * h);
			recurrentGates = new Float32Array(rows * 3 * h);
		}
	}

	function feedForward(rows: number, logits: Float32Array): void {
		dense(parameters, at(0), at(1), inputs, h, normalized, rows, first);
		tanhInPlace(first, rows * h);
		dense(parameters, at(2), at(3), h, h, first, rows, second);
		tanhInPlace(second, rows * h);
		dense(parameters, at(4), at(5), h, spec.actions, second, rows, logits);
	}

	function recurrent(rows: number, state: Float32Array, logits: Float32Array): void {
		dense(parameters, at(0), at(1), inputs, h, normalized, rows, first);
		reluInPlace(first, rows * h);
		dense(parameters, at(2), at(3), h, 3 * h, first, rows, inputGates);
		dense(parameters, at(4), -1, h, 3 * h, state, rows, recurrentGates);
		const candidateBias = at(5);
		for (let row = 0; row < rows; row++) {
			const gates = row * 3 * h;
			for (let unit = 0; unit < h; unit++) {
				const r = gates + unit;
				const z = r + h;
				const c = z + h;
				const reset = deterministicSigmoid((inputGates[r] as number) + (recurrentGates[r] as number));
				const update = deterministicSigmoid((inputGates[z] as number) + (recurrentGates[z] as number));
				const recurrentCandidate = (recurrentGates[c] as number) + (parameters[candidateBias + unit] as number);
				const candidate = deterministicTanh((inputGates[c] as number) + reset * recurrentCandidate);
				const previous = state[row * h + unit] as number;
				state[row * h + unit] = (1 - update) * candidate + update * previous;
			}
		}
		dense(parameters, at(6), at(7), h, h, state, rows, first);
		reluInPlace(first, rows * h);
		dense(parameters, at(8), at(9), h, spec.actions, first, rows, logits);
	}

	return {
		spec,
		stateSize,
		forward(observations, rows, state, logits) {
			checkInteger(rows, 'rows', 0);
			checkCapacity(observations, 'observations', rows * inputs, 'rows × observationSize');
			checkCapacity(state, 'state', rows * stateSize, 'rows × stateSize');
			checkCapacity(logits, 'logits', rows * spec.actions, 'rows × actions');
			reserve(rows);
			for (let row = 0; row < rows; row++) {
				normalizeRow(observations, row * inputs, normalized, row * inputs, normalizerMean, normalizerStandardDeviation);
			}
			if (stateSize > 0) recurrent(rows, state, logits);
			else feedForward(rows, logits);
		},
	};
}
