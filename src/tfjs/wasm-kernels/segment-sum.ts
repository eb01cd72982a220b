import { type HeapArray, heapKernel } from './heap-kernel.js';

/**
 * out[s] = Σ x[i] over those i with segmentIds[i] = s: the gradient of `gather`, so of an embedding. Ids outside the segments count nowhere.
 * Segments that many rows share are summed in float64 (the token that pads sentences is in most of them).
 */
export const unsortedSegmentSum = heapKernel<'x' | 'segmentIds', { readonly numSegments: number }>({
	kernelName: 'UnsortedSegmentSum',
	outputs: ({ x }, { numSegments }) => [
		{ shape: [numSegments, ...x.shape.slice(1)], dtype: x.dtype === 'int32' ? 'int32' : 'float32' },
	],
	run: ({ x, segmentIds }, [out], inputs, { numSegments }) => {
		const rows = inputs.x.shape[0] as number;
		const width = rows === 0 ? 0 : x.length / rows;
		const ids = rows === 0 ? 0 : segmentIds.length / rows; // more than one: ids of rank above 1, for parts of a row
		const part = width / ids;
		const sums = new Float64Array((out as HeapArray).length);
		for (let row = 0; row < rows; row++) {
			for (let p = 0; p < ids; p++) {
				const segment = segmentIds[row * ids + p] as number;
				if (!(segment >= 0 && segment < numSegments)) continue;
				const from = row * width + p * part;
				const to = segment * width + p * part;
				for (let i = 0; i < part; i++) sums[to + i] = (sums[to + i] as number) + (x[from + i] as number);
			}
		}
		(out as HeapArray).set(sums);
	},
});
