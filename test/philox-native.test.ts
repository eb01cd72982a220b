import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../src/native.js';
import { PhiloxGenerator, STREAMS, type StreamName } from '../src/philox.js';

describe('Philox in the addon', () => {
	it('gives the same words as TypeScript for any seed, stream and sub-sequence', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 0, max: 2 ** 32 - 1 }),
				fc.constantFrom(...(Object.keys(STREAMS) as StreamName[])),
				fc.integer({ min: 0, max: 2 ** 40 }),
				fc.integer({ min: 1, max: 13 }),
				(seed, stream, sub, length) => {
					const words = new Uint32Array(length);
					native().randomBlocks(seed, STREAMS[stream], 0, sub, words);
					const generator = new PhiloxGenerator(seed, stream, sub);
					expect([...words]).toEqual(Array.from({ length }, () => generator.nextUint32()));
				},
			),
			{ numRuns: 200 },
		);
	});

	it('reaches any block of a stream without the blocks before it', () => {
		const all = new Uint32Array(40);
		native().randomBlocks(5, STREAMS.task, 0, 3, all);
		const late = new Uint32Array(8);
		native().randomBlocks(5, STREAMS.task, 7, 3, late);
		expect([...late]).toEqual([...all.subarray(28, 36)]);
	});
});
