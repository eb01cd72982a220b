import { expect, it } from 'vitest';
import { counted } from '../src/counted.js';

it('counts one thing in the singular, and any other number in the plural', () => {
	expect([0, 1, 2, 1n, 2n].map((n) => counted(n, 'iteration'))).toEqual([
		'0 iterations',
		'1 iteration',
		'2 iterations',
		'1 iteration',
		'2 iterations',
	]);
	expect(counted(1, 'class', 'classes')).toBe('1 class');
	expect(counted(3, 'class', 'classes')).toBe('3 classes');
});
