import { describe, expect, it } from 'vitest';
import { PhiloxGenerator, philox4x32 } from '../src/philox.js';

describe('Philox4x32-10', () => {
	// Known answers of Random123's kat_vectors.
	it.each([
		[
			[0, 0],
			[0, 0, 0, 0],
			[0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
		],
		[
			[0xffffffff, 0xffffffff],
			[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
			[0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
		],
		[
			[0xa4093822, 0x299f31d0],
			[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
			[0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
		],
	] as const)('gives the published block for key %j', (key, counter, expected) => {
		const block = new Uint32Array(4);
		philox4x32(key, counter, block);
		expect([...block]).toEqual(expected);
	});

	it('draws integers below a bound without leaving any out', () => {
		const generator = new PhiloxGenerator(7, 'task');
		const counts = Array.from({ length: 5 }, () => 0);
		for (let i = 0; i < 5000; i++) counts[generator.nextInteger(5)]!++;
		for (const count of counts) expect(count).toBeGreaterThan(850);
	});
});
