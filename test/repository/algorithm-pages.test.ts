import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/native.js';
import { LAYERWISE_ALGORITHMS } from '../../src/optimizer/algorithms.js';
import { RULES, usesMomentum } from '../../src/optimizer/rules.js';

/** The pages on the algorithms say what the code does. */

const folder = join(packageRoot, 'docs', 'algorithms');

it('every algorithm has a page, and no other', () => {
	expect(readdirSync(folder).sort()).toEqual(LAYERWISE_ALGORITHMS.map((name) => `${name}.md`).sort());
});

describe.each(LAYERWISE_ALGORITHMS)('the page of %s', (algorithm) => {
	const page = readFileSync(join(folder, `${algorithm}.md`), 'utf8').replace(/\s+/g, ' ');

	it('lists its hyperparameters with their defaults', () => {
		const listed = [...page.matchAll(/\| `(\w+)` \| ([\d.e-]+) \|/g)].map(([, name, value]) => [name, Number(value)]);
		expect(Object.fromEntries(listed)).toEqual(RULES[algorithm].hyperparameters);
	});

	it('has a formula, its state, its controls and a source', () => {
		expect(page).toMatch(/```text .*p ← .* ```/);
		expect(page).toContain(
			`**State**: ${['none', 'v, one array', 'm and v, two arrays'][RULES[algorithm].moments]}`.replace(
				'v, one',
				algorithm === 'lion' ? 'm, one' : 'v, one',
			),
		);
		expect(page.includes('`momenta` (μ)')).toBe(usesMomentum(algorithm));
		expect(page).toMatch(/(19|20)\d\d, _[^_]+_|Nesterov 1983/);
	});
});
