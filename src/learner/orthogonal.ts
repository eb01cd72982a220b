import { PhiloxGenerator } from '../philox.js';
import { type TensorShape, tensorSize } from '../policy/actor.js';
import { deterministicLog } from '../policy/transcendental.js';

/**
 * Orthogonal initialisation (Saxe, McClelland & Ganguli 2014) with the gains of PPO's published details (Huang et al., "The 37
 * Implementation Details of PPO", detail 2): √2 for hidden layers, 0.01 for the policy's last layer, so that the first policy is
 * nearly uniform, and 1 for the value's. Gates of a GRU: 1 for input and recurrent kernels, each gate's block by itself. Biases 0.
 */
export const HIDDEN_GAIN = Math.SQRT2;
export const POLICY_OUTPUT_GAIN = 0.01;
export const VALUE_OUTPUT_GAIN = 1;
export const RECURRENT_GAIN = 1;

/** Standard normal numbers by Marsaglia's polar method: only √ and ln, whose bits are the same everywhere. */
function normalSource(generator: PhiloxGenerator): () => number {
	let spare: number | undefined;
	return () => {
		if (spare !== undefined) {
			const value = spare;
			spare = undefined;
			return value;
		}
		for (;;) {
			const u = generator.uniform(-1, 1);
			const v = generator.uniform(-1, 1);
			const s = u * u + v * v;
			if (s > 0 && s < 1) {
				const factor = Math.sqrt((-2 * deterministicLog(s)) / s);
				spare = v * factor;
				return u * factor;
			}
		}
	};
}

/**
 * A `[rows × columns]` matrix, row-major, whose shorter side's vectors are orthonormal, times `gain`: modified Gram–Schmidt, twice,
 * on a matrix of normal numbers, which is its QR factor with a positive diagonal and so uniform over orthogonal matrices.
 */
export function orthogonalMatrix(
	rows: number,
	columns: number,
	gain: number,
	generator: PhiloxGenerator,
): Float64Array {
	const normal = normalSource(generator);
	const vectors = Math.min(rows, columns);
	const length = Math.max(rows, columns);
	const basis: Float64Array[] = [];
	while (basis.length < vectors) {
		const vector = Float64Array.from({ length }, normal);
		for (let pass = 0; pass < 2; pass++) {
			for (const other of basis) {
				let dot = 0;
				for (let i = 0; i < length; i++) dot += (vector[i] as number) * (other[i] as number);
				for (let i = 0; i < length; i++) vector[i]! -= dot * (other[i] as number);
			}
		}
		let squares = 0;
		for (const x of vector) squares += x * x;
		const scale = 1 / Math.sqrt(squares);
		basis.push(vector.map((x) => x * scale));
	}
	const matrix = new Float64Array(rows * columns);
	for (let row = 0; row < rows; row++) {
		for (let column = 0; column < columns; column++) {
			const x = rows <= columns ? basis[row]![column] : basis[column]![row];
			matrix[row * columns + column] = gain * (x as number);
		}
	}
	return matrix;
}

/** Fills a network's flat parameters (`networkTensorShapes` order). Reproducible: stream 'policy' of `seed`, sub-sequence `sub`. */
export function initializeNetwork(
	shapes: readonly TensorShape[],
	outputGain: number,
	seed: number,
	sub: number,
	flat: Float32Array,
): void {
	const generator = new PhiloxGenerator(seed, 'policy', sub);
	let offset = 0;
	for (const { name, shape } of shapes) {
		const size = tensorSize(shape);
		const [rows, columns] = shape;
		if (rows === undefined || columns === undefined) {
			flat.fill(0, offset, offset + size);
		} else {
			const gates = name.includes('/gru/') ? 3 : 1;
			const gain = gates === 3 ? RECURRENT_GAIN : name.includes('/output/') ? outputGain : HIDDEN_GAIN;
			const width = columns / gates;
			for (let gate = 0; gate < gates; gate++) {
				const matrix = orthogonalMatrix(rows, width, gain, generator);
				for (let row = 0; row < rows; row++) {
					flat.set(matrix.subarray(row * width, (row + 1) * width), offset + row * columns + gate * width);
				}
			}
		}
		offset += size;
	}
}
