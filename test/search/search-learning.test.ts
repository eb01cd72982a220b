import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PhiloxGenerator } from '../../src/philox.js';
import { formatArchitecture, parseArchitecture } from '../../src/search/architecture.js';
import { QTable } from '../../src/search/q-table.js';
import { ReplayLog, readEntries, type SearchEntry } from '../../src/search/replay-log.js';
import {
	epsilonAt,
	type ModelOutcome,
	type ModelRequest,
	runSearch,
	type SearchSettings,
} from '../../src/search/run-search.js';
import { nextState, PAPER_LIMITS, type SearchSpace, startState } from '../../src/search/space.js';

/** Few enough architectures that they repeat: depth 3, two sizes of filters. */
const SPACE: SearchSpace = {
	...PAPER_LIMITS,
	imageSize: 12,
	maximumDepth: 3,
	filters: [4, 8],
	kernelSizes: [3],
	denseUnits: [16],
};
const SETTINGS: SearchSettings = {
	seed: 11,
	strategy: 'q-learning',
	epsilons: [
		[1, 10],
		[0.5, 6],
		[0.1, 8],
	],
	learningRate: 0.2,
	discount: 1,
	initialValue: 0.5,
	replaySamples: 20,
	parallel: 3,
	maximumRepeats: 500,
};

/** Pay that follows from the architecture alone: convolutions are worth something, the more filters the more. */
function accuracyOf(text: string): number {
	const filters = [...text.matchAll(/C\((\d+),/g)].map(([, count]) => Number(count));
	return filters.reduce((sum, count) => sum + count, 0) / 32 + (text.includes('FC') ? 0.1 : 0);
}

/** Answers after a number of turns that no order follows. */
async function train({ model, architecture, seed }: ModelRequest): Promise<ModelOutcome> {
	for (let turns = (model * 7919) % 13; turns > 0; turns--) await Promise.resolve();
	const accuracy = accuracyOf(formatArchitecture(architecture));
	return { accuracy, training: { seed, learningRate: 0.001, tries: 1, accuracies: [accuracy] } };
}

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-search-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const logPath = () => join(folder, 'search.jsonl');

async function search(changes: Partial<SearchSettings> = {}, trainer = train, path = logPath()): Promise<string> {
	using log = new ReplayLog(path);
	await runSearch({ space: SPACE, settings: { ...SETTINGS, ...changes }, log, train: trainer });
	return readFileSync(path, 'utf8');
}

describe('the Q-update', () => {
	const settings = { learningRate: 0.5, discount: 1, initialValue: 0.5 };

	it('goes from the end of a path to its start, each step seeing the one after it updated', () => {
		const table = new QTable(SPACE, settings);
		const path = table.path(parseArchitecture('C(4,3,1)-SM'));
		table.update(path, 0.9);
		// The end: 0.5 + 0.5 (0.9 − 0.5) = 0.7. The start: 0.5 + 0.5 (max(0.7, 0.5, …) − 0.5) = 0.6.
		expect(path.map(({ values, action }) => values[action])).toEqual([0.6, 0.7]);
		// A bad end: 0.7 + 0.5 (0.1 − 0.7) = 0.4; the best action there is now another, still at 0.5: 0.6 + 0.5 (0.5 − 0.6) = 0.55.
		table.update(path, 0.1);
		const [start, end] = path.map(({ values, action }) => values[action]!);
		expect(end).toBeCloseTo(0.4, 14);
		expect(start).toBeCloseTo(0.55, 14);
	});

	it('discounts, and leaves all other actions alone', () => {
		const table = new QTable(SPACE, { ...settings, discount: 0.5 });
		const path = table.path(parseArchitecture('C(8,3,1)-P(2,2)-SM'));
		table.update(path, 1);
		// 0.75; 0.5 + 0.5 (0.5 · 0.75 − 0.5) = 0.4375; the best of the second state is then another's 0.5: 0.5 + 0.5 (0.25 − 0.5) = 0.375.
		expect(path.map(({ values, action }) => values[action])).toEqual([0.375, 0.4375, 0.75]);
		for (const { values, action } of path) {
			expect([...values].filter((value, i) => i !== action && value !== 0.5)).toEqual([]);
		}
	});

	it('shares values between states that differ within a bucket only', () => {
		const wide = { ...SPACE, imageSize: 32 };
		const table = new QTable(wide, settings);
		const pooled = (text: string) => parseArchitecture(text).slice(0, -1).reduce(nextState, startState(wide));
		const [large, small] = [pooled('C(4,3,1)-P(2,2)-SM'), pooled('C(4,3,1)-P(3,2)-SM')];
		expect([large.size, small.size]).toEqual([16, 15]);
		expect(table.values(large)).not.toBe(table.values(small)); // another window
		const narrow = new QTable({ ...wide, imageSize: 31 }, settings);
		expect(narrow.values(startState({ ...wide, imageSize: 31 }))).toHaveLength(table.values(startState(wide)).length);
		const direct = table.values({ ...large, size: 8 });
		expect(direct).toBe(table.values(large)); // 8 and 16 are one bucket
		expect(table.values({ ...large, size: 7 })).not.toBe(direct);
	});
});

describe('the ε-greedy choice', () => {
	it('takes the best at ε = 0 and anything at ε = 1, ties evenly', () => {
		const table = new QTable(SPACE, { learningRate: 1, discount: 1, initialValue: 0.5 });
		const count = (epsilon: number) => {
			const counts = new Map<string, number>();
			for (let i = 0; i < 4000; i++) {
				const first = formatArchitecture(table.choose(epsilon, new PhiloxGenerator(3, 'exploration', i)).slice(0, 1));
				counts.set(first, (counts.get(first) ?? 0) + 1);
			}
			return counts;
		};
		// SM, two convolutions, GAP; no dense layer at 12 pixels. All tie at first.
		for (const epsilon of [0, 1]) {
			const counts = count(epsilon);
			expect([...counts.keys()].sort()).toEqual(['C(4,3,1)', 'C(8,3,1)', 'GAP', 'SM']);
			for (const times of counts.values()) expect(Math.abs(times - 1000)).toBeLessThan(130); // 4.7 standard deviations
		}
		table.update(table.path(parseArchitecture('GAP-SM')), 0.9);
		expect([...count(0).keys()]).toEqual(['GAP']);
		// 0.5 + 0.5 / 4
		expect(Math.abs(count(0.5).get('GAP')! - 2500)).toBeLessThan(150);
	});
});

describe('a search', () => {
	it('honours ε by the number of unique models, and trains exactly as many as the schedule says', async () => {
		const entries = (await search())
			.trim()
			.split('\n')
			.map((line) => JSON.parse(line) as SearchEntry);
		const unique = new Set<string>();
		for (const { architecture, epsilon, repeats, training } of entries) {
			expect(epsilon).toBe(epsilonAt(SETTINGS.epsilons, unique.size));
			expect(repeats === undefined).toBe(training !== undefined);
			expect(training === undefined).toBe(unique.has(architecture));
			unique.add(architecture);
		}
		expect(unique.size).toBe(24);
		expect(entries.length).toBeGreaterThan(24); // repetitions happened
		for (const { repeats, accuracy, architecture } of entries) {
			if (repeats === undefined) continue;
			expect(entries[repeats]).toMatchObject({ architecture, accuracy });
		}
		const seeds = entries.flatMap(({ training }) => training?.seed ?? []);
		expect(new Set(seeds).size).toBe(24);
	});

	it('learns: what it takes at low ε is better than what it began with, and than random search', async () => {
		const mean = (log: string, epsilon: number) => {
			const values = log
				.trim()
				.split('\n')
				.map((line) => JSON.parse(line) as SearchEntry)
				.filter((entry) => entry.epsilon === epsilon);
			return values.reduce((sum, { accuracy }) => sum + accuracy! / values.length, 0);
		};
		const long = {
			epsilons: [
				[1, 20],
				[0.05, 10],
			] as const,
		};
		const learned = await search(long);
		expect(mean(learned, 0.05)).toBeGreaterThan(mean(learned, 1) + 0.1);
		const random = await search({ ...long, strategy: 'random' }, train, join(folder, 'random.jsonl'));
		expect(random).not.toContain('"epsilon":0.05');
		expect(random.split('"training"')).toHaveLength(31);
	});

	it('gives the same log whatever ends first, one at a time or all at once', async () => {
		const reference = await search();
		const orders = [
			async (request: ModelRequest) => {
				await new Promise((resolve) => setImmediate(resolve));
				return train({ ...request });
			},
			(() => {
				// A single worker: one after the other.
				let last: Promise<unknown> = Promise.resolve();
				return (request: ModelRequest) => {
					const own = last.then(() => train(request));
					last = own;
					return own;
				};
			})(),
		];
		for (const [i, order] of orders.entries()) {
			expect(await search({}, order, join(folder, `order-${i}.jsonl`))).toBe(reference);
		}
		expect(await search({ parallel: 2 }, train, join(folder, 'two.jsonl'))).not.toBe(reference);
		expect(await search({ seed: 12 }, train, join(folder, 'seed.jsonl'))).not.toBe(reference);
	});

	it('has no more than P under way, and chooses from what was committed P before', async () => {
		let running = 0;
		let most = 0;
		await search({ parallel: 4 }, async (request) => {
			most = Math.max(most, ++running);
			expect(request.committed).toHaveLength(Math.max(0, request.model - 3));
			const outcome = await train(request);
			await new Promise((resolve) => setImmediate(resolve));
			running--;
			return outcome;
		});
		// Repetitions take places too, so the fourth may be one.
		expect(most).toBeGreaterThan(1);
		expect(most).toBeLessThanOrEqual(4);
	});

	it('passes over a model that cannot be trained: no pay, no lesson, no second try', async () => {
		const asked: string[] = [];
		const log = await search({ parallel: 1 }, async (request) => {
			const text = formatArchitecture(request.architecture);
			asked.push(text);
			const outcome = await train(request);
			return text.startsWith('C(8') ? { ...outcome, accuracy: null } : outcome;
		});
		expect(new Set(asked).size).toBe(asked.length);
		expect(log).toContain('"accuracy":null');
	});

	it('ends when only repetitions come', async () => {
		const tiny = { ...SPACE, maximumDepth: 0 };
		using log = new ReplayLog(logPath());
		const entries = await runSearch({ space: tiny, settings: { ...SETTINGS, maximumRepeats: 7 }, log, train });
		expect(entries).toHaveLength(8);
	});

	it('stops at the first failure, waits for what is under way, and keeps what was committed', async () => {
		let running = 0;
		const failing = search({}, async (request) => {
			running++;
			await new Promise((resolve) => setImmediate(resolve));
			running--;
			if (request.model === 5) throw new Error('the fifth');
			return train(request);
		});
		await expect(failing).rejects.toThrow('the fifth');
		expect(running).toBe(0);
		const { entries } = readEntries(logPath());
		expect(entries.length).toBeLessThanOrEqual(5);
		expect(await search()).toBe(await search({}, train, join(folder, 'whole.jsonl')));
	});
});

describe('a search that was killed', () => {
	it('goes on to the same log, ten times over, at whatever moment', async () => {
		const whole = await search({}, train, join(folder, 'whole.jsonl'));
		const random = new PhiloxGenerator(8, 'task');
		let kills = 0;
		for (let attempt = 0; attempt < 10; attempt++) {
			const child = fork(
				join(import.meta.dirname, '..', 'support', 'search-child.mjs'),
				[logPath(), JSON.stringify({ space: SPACE, settings: SETTINGS })],
				{ stdio: 'ignore' },
			);
			const delay = random.nextInteger(60);
			child.on('message', () => setTimeout(() => child.kill('SIGKILL'), delay));
			const signal = await new Promise((resolve) => child.once('exit', (_, reason) => resolve(reason)));
			if (signal === 'SIGKILL') kills++;
			// All that is in the log is whole and in the one order.
			const { bytes } = readEntries(logPath());
			expect(readFileSync(logPath(), 'utf8').slice(0, bytes)).toBe(whole.slice(0, bytes));
		}
		expect(kills).toBe(10);
		expect(await search()).toBe(whole);
	});

	it('drops a last line that was half written, at any byte', async () => {
		const whole = await search({}, train, join(folder, 'whole.jsonl'));
		const lines = whole.split('\n');
		const kept = `${lines.slice(0, 9).join('\n')}\n`;
		const next = lines[9]!;
		for (const bytes of [0, 1, next.length >> 1, next.length - 1, next.length]) {
			writeFileSync(logPath(), kept + next.slice(0, bytes));
			expect(await search()).toBe(whole);
		}
		writeFileSync(logPath(), `${kept}\0\0\0\0\n`);
		expect(await search()).toBe(whole);
	});

	it('refuses the log of another search, and one that was changed', async () => {
		const whole = await search();
		await expect(search({ seed: 12 })).rejects.toThrow('the log of another search');
		expect(readFileSync(logPath(), 'utf8')).toBe(whole);
		writeFileSync(logPath(), whole.replace(/"model":4,/, '"model":3,'));
		await expect(search()).rejects.toThrow('line 5 is not model 4');
		writeFileSync(logPath(), whole.replace(/"accuracy":0\.\d+/, '"accuracy":7'));
		await expect(search()).rejects.toMatchObject({ code: 'BAD_FILE' });
		expect(() => new ReplayLog(folder)).toThrow(expect.objectContaining({ code: 'FILE_SYSTEM' }));
	});
});
