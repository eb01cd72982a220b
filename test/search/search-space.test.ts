import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PhiloxGenerator } from '../../src/philox.js';
import {
	type Architecture,
	architecturePath,
	formatArchitecture,
	parseArchitecture,
} from '../../src/search/architecture.js';
import { countArchitectures, countStates } from '../../src/search/count.js';
import { resolveSearchConfig, searchConfigReference, spaceOf } from '../../src/search/search-config.js';
import { SEARCH_PRESETS } from '../../src/search/search-presets.js';
import {
	actionsOf,
	bucketOf,
	checkSpace,
	nextState,
	PAPER_LIMITS,
	type SearchLayer,
	type SearchSpace,
	startState,
	stateKey,
} from '../../src/search/space.js';

const PAPER: SearchSpace = { ...PAPER_LIMITS, imageSize: 32 };

/** Every architecture of a space, one by one, by what `actionsOf` offers; and the keys of the states on the way. */
function enumerate(space: SearchSpace): { architectures: string[]; states: Set<string> } {
	const architectures: string[] = [];
	const states = new Set<string>();
	const visit = (state: ReturnType<typeof startState>, layers: SearchLayer[]): void => {
		states.add(stateKey(space, state));
		for (const action of actionsOf(space, state)) {
			if (action.type === 'softmax') architectures.push(formatArchitecture([...layers, action]));
			else visit(nextState(state, action), [...layers, action]);
		}
	};
	visit(startState(space), []);
	return { architectures, states };
}

const anySpace = fc.record({
	imageSize: fc.integer({ min: 1, max: 40 }),
	maximumDepth: fc.integer({ min: 0, max: 4 }),
	filters: fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
	kernelSizes: fc.uniqueArray(fc.constantFrom(1, 3, 5), { maxLength: 3 }),
	strides: fc.constantFrom([1], [1, 2], [2]),
	pools: fc.uniqueArray(fc.constantFrom([5, 3], [3, 2], [2, 2], [2, 1]), { maxLength: 3 }),
	initialPooling: fc.boolean(),
	consecutivePooling: fc.boolean(),
	denseUnits: fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
	maximumDense: fc.integer({ min: 0, max: 3 }),
	denseMaximumSize: fc.constantFrom(1, 4, 8),
	globalAveragePooling: fc.boolean(),
	sizeBuckets: fc.constantFrom([8, 4, 1], [1], [1, 6, 16]),
	fit: fc.constantFrom('strict' as const, 'inclusive' as const),
}) as fc.Arbitrary<SearchSpace>;

describe('a search space', () => {
	it.each([
		[0, 32, 1n, 1],
		// The softmax alone; 12 convolutions, then the softmax; pooling to one pixel, then the softmax.
		[1, 32, 14n, 14],
		// 8 convolutions fit 7 pixels, whose bucket is 4; 3 dense layers.
		[1, 7, 13n, 13],
		// After each of the 12: the 14 of before, and two pools of 3×3 and 2×2 and one of 5×5.
		[2, 32, 1n + 1n + 12n * (14n + 3n), 14 + 12 + 3 + 1],
	])('of depth %i over %i pixels has the architectures counted by hand', (maximumDepth, imageSize, count, states) => {
		const space = { ...PAPER, maximumDepth, imageSize };
		expect(countArchitectures(space)).toBe(count);
		expect(countStates(space)).toBe(states);
	});

	it('is counted alike by dynamic programming and by enumeration', () => {
		fc.assert(
			fc.property(anySpace, (space) => {
				checkSpace(space);
				const { architectures, states } = enumerate(space);
				expect(new Set(architectures).size).toBe(architectures.length);
				expect(countArchitectures(space)).toBe(BigInt(architectures.length));
				expect(countStates(space)).toBe(states.size);
			}),
			{ numRuns: 60 },
		);
	});

	it('of the paper is counted exactly at any depth: every depth adds to it, and the inclusive rule has more', () => {
		const counts = [11, 12, 17, 18].map((maximumDepth) => countArchitectures({ ...PAPER, maximumDepth }));
		for (const [i, count] of counts.slice(1).entries()) expect(count > counts[i]!).toBe(true);
		expect(counts[3]! > 2n ** 53n).toBe(true);
		expect(countArchitectures({ ...PAPER, fit: 'inclusive' }) > counts[3]!).toBe(true);
		expect(countArchitectures({ ...PAPER, maximumDepth: 120 }) > 10n ** 100n).toBe(true);
	});

	it('bounds windows by the bucket, not by the size', () => {
		const kernels = (size: number, fit: 'strict' | 'inclusive') =>
			new Set(
				actionsOf({ ...PAPER, fit, imageSize: size }, startState({ ...PAPER, imageSize: size })).flatMap((action) =>
					action.type === 'conv' ? [action.kernelSize] : [],
				),
			);
		expect([...kernels(8, 'strict')]).toEqual([1, 3, 5]);
		expect([...kernels(7, 'strict')]).toEqual([1, 3]); // 5 < 7, but the bucket is 4
		expect([...kernels(3, 'strict')]).toEqual([]);
		expect([...kernels(3, 'inclusive')]).toEqual([1]);
		expect([32, 8, 7, 4, 3, 1].map((size) => bucketOf(PAPER, size))).toEqual([8, 8, 4, 4, 1, 1]);
	});

	it('makes transitions of the authors’ rules only', () => {
		const choicesAfter = (text: string) => {
			let state = startState(PAPER);
			for (const { type, ...layer } of parseArchitecture(`${text}-SM`).slice(0, -1)) {
				state = nextState(state, { type, ...layer } as SearchLayer);
			}
			return new Set(actionsOf(PAPER, state).map((action) => action.type));
		};
		const all = ['softmax', 'conv', 'global-average-pool', 'pool'];
		expect(choicesAfter('C(64,3,1)')).toEqual(new Set(all));
		expect(choicesAfter('C(64,3,1)-P(2,2)')).toEqual(new Set(all.slice(0, 3)));
		expect(choicesAfter('C(64,3,1)-GAP')).toEqual(new Set(['softmax']));
		expect(choicesAfter('C(64,3,1)-P(5,3)-C(64,3,1)-P(2,2)')).toEqual(
			new Set(['softmax', 'conv', 'global-average-pool', 'dense']),
		);
		expect(choicesAfter('FC(256)')).toEqual(new Set(['softmax', 'dense']));
		expect(choicesAfter('FC(256)-FC(128)')).toEqual(new Set(['softmax']));
	});

	it('gives 100,000 random walks that it has itself, print and parse, and end within the depth', () => {
		const random = new PhiloxGenerator(5, 'exploration');
		const lengths = new Set<number>();
		for (const space of [PAPER, { ...PAPER, maximumDepth: 12, imageSize: 28, fit: 'inclusive' as const }]) {
			for (let i = 0; i < 50_000; i++) {
				const layers: SearchLayer[] = [];
				for (let state = startState(space); state.layer?.type !== 'softmax'; ) {
					const actions = actionsOf(space, state);
					const action = actions[random.nextInteger(actions.length)]!;
					layers.push(action);
					state = nextState(state, action);
					if (!(state.size >= 1)) expect.fail(formatArchitecture(layers));
				}
				lengths.add(layers.length);
				const steps = architecturePath(space, parseArchitecture(formatArchitecture(layers)));
				if (steps.length !== layers.length || layers.length > space.maximumDepth + 1) {
					expect.fail(formatArchitecture(layers));
				}
			}
		}
		expect(lengths.size).toBeGreaterThan(12);
	});

	it('refuses limits that mean nothing', () => {
		for (const [change, message] of [
			[{ imageSize: 0 }, 'imageSize'],
			[{ imageSize: Number.NaN }, 'imageSize'],
			[{ kernelSizes: [2] }, '1, 3 or 5 for space.kernelSizes'],
			[{ filters: [8, 8] }, 'distinct values for space.filters'],
			[
				{
					pools: [
						[2, 2],
						[2, 2],
					],
				},
				'distinct values for space.pools',
			],
			[{ pools: [[6, 2]] }, 'space.pools[0][0]'],
			[{ sizeBuckets: [8, 4] }, 'a list that 1 is in'],
			[{ fit: 'loose' }, "one of 'strict', 'inclusive'"],
			[{ initialPooling: 1 }, 'space.initialPooling'],
		] as const) {
			expect(() => checkSpace({ ...PAPER, ...change } as SearchSpace)).toThrow(message);
		}
	});
});

describe('the notation of architectures', () => {
	const layer = fc.oneof(
		fc.record({
			type: fc.constant('conv' as const),
			filters: fc.integer({ min: 1, max: 999999 }),
			kernelSize: fc.integer({ min: 1, max: 99 }),
			stride: fc.integer({ min: 1, max: 9 }),
		}),
		fc.record({
			type: fc.constant('pool' as const),
			size: fc.integer({ min: 1, max: 9 }),
			stride: fc.integer({ min: 1, max: 9 }),
		}),
		fc.record({ type: fc.constant('dense' as const), units: fc.integer({ min: 1, max: 999999 }) }),
		fc.record({ type: fc.constant('global-average-pool' as const) }),
	);

	it('goes there and back', () => {
		fc.assert(
			fc.property(fc.array(layer, { maxLength: 12 }), (layers) => {
				const whole: Architecture = [...layers, { type: 'softmax' }];
				expect(parseArchitecture(formatArchitecture(whole))).toEqual(whole);
			}),
		);
	});

	it('reads what the paper and the authors’ code write', () => {
		const text = 'C(128,3,1)-P(2,2)-FC(256)-SM';
		expect(formatArchitecture(parseArchitecture(text))).toBe(text);
		const paper = 'C(512,5)-C(256,3)-C(256,5)-C(256,3)-P(5,3)-C(512,3)-C(512,5)-P(2,2)-SM(10)';
		expect(formatArchitecture(parseArchitecture(paper))).toBe(
			'C(512,5,1)-C(256,3,1)-C(256,5,1)-C(256,3,1)-P(5,3)-C(512,3,1)-C(512,5,1)-P(2,2)-SM',
		);
		expect(formatArchitecture(parseArchitecture(' C(64, 3, 1) - GAP(10) - SM(10)\n'))).toBe('C(64,3,1)-GAP-SM');
	});

	it.each([
		'',
		'SM-SM',
		'C(64,3,1)',
		'SM-FC(3)',
		'C(64)-SM',
		'P(2)-SM',
		'FC()-SM',
		'FC(0)-SM',
		'D(1,2)-SM',
		'c(64,3)-SM',
		'C(64,3,1-SM',
		'FC(1e3)-SM',
		'C(64,3,1)--SM',
		'FC(-3)-SM',
	])('refuses %j', (text) => {
		expect(() => parseArchitecture(text)).toThrow(/architecture/);
	});

	it('says which layer a space does not have, and where', () => {
		expect(() => architecturePath(PAPER, parseArchitecture('C(64,3,1)-P(2,2)-P(2,2)-SM'))).toThrow(
			'has no P(2,2) as layer 3 of C(64,3,1)-P(2,2)-P(2,2)-SM, after P(2,2) at 16×16 and depth 2 of 18',
		);
		expect(() => architecturePath(PAPER, parseArchitecture('C(65,3,1)-SM'))).toThrow('after the input at 32×32');
	});
});

describe('the config of a search', () => {
	it('gives the paper’s space by default, and every preset is one', () => {
		const { space } = resolveSearchConfig([]);
		expect(space).toEqual(PAPER_LIMITS);
		for (const values of Object.values(SEARCH_PRESETS)) {
			const config = resolveSearchConfig([{ source: 'the preset', values }]);
			expect(countArchitectures(spaceOf(config, 14)) > 1000n).toBe(true);
		}
		expect(resolveSearchConfig([{ source: 'svhn', values: SEARCH_PRESETS.svhn }]).space.maximumDepth).toBe(12);
	});

	it('trains 2,700 unique models in the paper’s schedule', () => {
		const { epsilons } = resolveSearchConfig([]).learner;
		expect(epsilons.reduce((sum, [, models]) => sum + models, 0)).toBe(2700);
	});

	it('says what is wrong with it', () => {
		const resolve = (values: Record<string, unknown>) => () => resolveSearchConfig([{ source: 'a test', values }]);
		expect(resolve({ space: { depth: 3 } })).toThrow('Unknown config key space.depth in a test');
		expect(resolve({ architecture: 1 })).toThrow('See docs/search.md for all keys.');
		expect(resolve({ learner: { learningRate: 2 } })).toThrow('learner.learningRate');
		expect(resolve({ retraining: { decays: [0.1] } })).toThrow('3 factors, one a milestone, for retraining.decays');
		expect(resolve({ space: { kernelSizes: [4] } })).toThrow('kernelSizes');
	});

	it('stands in the documentation, key by key, as it is', () => {
		const page = readFileSync(new URL('../../docs/search.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ');
		for (const { key, default: value } of searchConfigReference()) {
			expect(page, key).toContain(`| \`${key}\` | \`${JSON.stringify(value)}\` |`);
		}
	});

	it('describes every key', () => {
		for (const { key, description, expected, default: value } of searchConfigReference()) {
			expect(description, key).toMatch(/\.$/);
			expect(expected, key).not.toBe('');
			expect(value, key).toBeDefined();
		}
	});
});
