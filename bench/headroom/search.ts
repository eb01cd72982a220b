import { RandomNumbers } from '../support/random.js';
import type { Family } from './families.js';
import type { Block, Candidate, FamilyTrainer, Scores } from './trainer.js';

/** What of the learning rates a contender may choose; the rest is as in the tuned cosine. In the order they are searched. */
export const FREEDOMS = [
	/** One learning rate for all layers, under a cosine to 0 at the end. */
	'cosine',
	/** One learning rate, times each layer's initial scale to one power: what a rule could read off the weights. */
	'scale-rule',
	/** A learning rate a layer, under the same cosine. */
	'layer-rates',
	/** One learning rate and one end of the cosine for all layers. */
	'schedule',
	/** A learning rate and an end of the cosine a layer. */
	'layer-schedules',
] as const;
export type Freedom = (typeof FREEDOMS)[number];

export interface SearchBudget {
	/** Drawn at random, besides the start; half as many, and half of the rounds, where there are two numbers to find. */
	readonly candidates: number;
	/** Rounds of changes to the best, and how many are tried in each. */
	readonly rounds: number;
	readonly children: number;
	/** Seeds that candidates are tried on, fresh ones in each round. */
	readonly trialSeeds: number;
	/** Candidates left for the choice, and the seeds of it. */
	readonly finalists: number;
	readonly choiceSeeds: number;
}

export interface SearchResult {
	readonly candidate: Candidate;
	/** Mean validation accuracy of the choice, and of the contender it started from on the same seeds. */
	readonly choiceAccuracy: number;
	readonly startAccuracy: number;
	/** Whether any finalist was better than the start. */
	readonly isStart: boolean;
}

/** What a search needs of a {@link FamilyTrainer}. */
export type Trainer = Pick<FamilyTrainer, 'run' | 'layers'>;

/** Blocks of seeds never meet: trials of round r, the choice, the report. */
export function seedBlock(kind: 'trial' | 'choice' | 'report', count: number, round = 0): Block {
	const first = { trial: 1_000_000_000, choice: 2_000_000_000, report: 3_000_000_000 }[kind] + round * 100_000;
	const pretrained = { trial: 1, choice: 2, report: 3 }[kind] * 1000;
	return {
		seeds: Array.from({ length: count }, (_, i) => first + i),
		pretrainingSeeds: Array.from({ length: 8 }, (_, i) => pretrained + i),
	};
}

export function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const ENDS = [0.25, 2] as const;
const SHRINKING = [0.5, 0.35, 0.25, 0.18, 0.12];
const PARENTS = 8;

/** The best `count` by mean accuracy; of equals the first. */
function best<T>(items: readonly T[], scores: readonly Scores[], count: number): T[] {
	const order = items.map((item, i) => ({ item, score: mean((scores[i] as Scores).accuracy) }));
	return order
		.toSorted((a, b) => b.score - a.score)
		.slice(0, count)
		.map(({ item }) => item);
}

/** A grid over one learning rate, eighths of a decade, then the best ones on the seeds of the choice. */
export function tuneCosine(
	family: Pick<Family, 'grid'>,
	trainer: Trainer,
	budget: SearchBudget,
	step: number,
): SearchResult & { readonly atEdge: boolean } {
	const [low, high] = family.grid;
	const count = Math.round((high - low) / step) + 1;
	const grid = Array.from({ length: count }, (_, i) => uniform(trainer.layers, low + i * step));
	const finalists = best(
		grid,
		trainer.run(grid, seedBlock('trial', budget.trialSeeds), 'validation'),
		Math.min(budget.finalists, 6),
	);
	const found = choose(trainer, finalists, finalists[0] as Candidate, budget);
	return { ...found, atEdge: [0, count - 1].some((edge) => grid[edge] === found.candidate) };
}

export function uniform(layers: number, rate: number): Candidate {
	return {
		rates: Array.from({ length: layers }, () => rate),
		ends: Array.from({ length: layers }, () => 1),
		follow: 0,
	};
}

/** Random candidates round `start`, then changes to the best in shrinking steps, then the choice on seeds that none of it has seen. */
export function search(
	freedom: Freedom,
	family: Pick<Family, 'reach'>,
	trainer: Trainer,
	start: Candidate,
	budget: SearchBudget,
	seed: number,
): SearchResult {
	const random = new RandomNumbers(seed);
	const draw = () => drawCandidate(freedom, start, family.reach, random);
	let pool = [start, ...Array.from({ length: budget.candidates }, draw)];
	let parents = best(pool, trainer.run(pool, seedBlock('trial', budget.trialSeeds), 'validation'), PARENTS);
	for (let round = 1; round <= budget.rounds; round++) {
		const size = SHRINKING[Math.min(round, SHRINKING.length) - 1] as number;
		const children = Array.from({ length: budget.children }, () => {
			const parent = parents[random.integer(parents.length)] as Candidate;
			const other = parents[random.integer(parents.length)] as Candidate;
			return changeCandidate(freedom, blend(parent, other, random.next() < 0.5 ? 0.5 : 0), size * family.reach, random);
		});
		pool = [...parents, ...children];
		const scores = trainer.run(pool, seedBlock('trial', budget.trialSeeds, round), 'validation');
		parents = best(pool, scores, round === budget.rounds ? budget.finalists : PARENTS);
	}
	return choose(trainer, parents, start, budget);
}

/** The start is always among the finalists: what is found may be that nothing is better. */
function choose(
	trainer: Trainer,
	finalists: readonly Candidate[],
	start: Candidate,
	{ choiceSeeds }: SearchBudget,
): SearchResult {
	const all = [start, ...finalists.filter((candidate) => candidate !== start)];
	const scores = trainer.run(all, seedBlock('choice', choiceSeeds), 'validation');
	const [candidate] = best(all, scores, 1) as [Candidate];
	const accuracy = (of: Candidate): number => mean((scores[all.indexOf(of)] as Scores).accuracy);
	return {
		candidate,
		choiceAccuracy: accuracy(candidate),
		startAccuracy: accuracy(start),
		isStart: candidate === start,
	};
}

/**
 * Multipliers of layers: a slope over depth, the first and the last layer apart, and noise, each of a random strength, so that many layers
 * are no harder to search than a few where the answer is simple.
 */
function drawCandidate(freedom: Freedom, start: Candidate, reach: number, random: RandomNumbers): Candidate {
	const { rates, ends } = start;
	const layers = rates.length;
	const shift = 0.25 * random.normal();
	const end = 10 ** random.uniform(Math.log10(ENDS[0]), Math.log10(ENDS[1]));
	if (freedom === 'schedule') {
		return { ...start, rates: rates.map((rate) => rate + shift), ends: ends.map(() => clampEnd(end)) };
	}
	if (freedom === 'scale-rule') {
		return { ...start, rates: rates.map((rate) => rate + 2 * shift), follow: random.uniform(-0.5, 2.5) };
	}
	const strength = (): number => (random.next() < 0.5 ? 0 : random.uniform(-reach, reach));
	const [slope, first, last] = [strength(), strength(), strength()];
	const noise = random.next() < 0.3 ? 0 : random.uniform(0, reach);
	return {
		...start,
		rates: rates.map((rate, l) => {
			const depth = layers === 1 ? 0 : (2 * l) / (layers - 1) - 1;
			const edge = (l === 0 ? first : 0) + (l === layers - 1 ? last : 0);
			return rate + shift + slope * depth + edge + noise * random.uniform(-1, 1);
		}),
		ends:
			freedom === 'layer-schedules'
				? ends.map((own) => clampEnd(own * 10 ** (0.25 * random.normal()) * (random.next() < 0.5 ? 1 : end)))
				: ends,
	};
}

function changeCandidate(freedom: Freedom, from: Candidate, size: number, random: RandomNumbers): Candidate {
	const shared = 0.5 * size * random.normal();
	const sharedEnd = 10 ** (0.5 * size * random.normal());
	if (freedom === 'schedule') {
		return {
			...from,
			rates: from.rates.map((rate) => rate + shared),
			ends: from.ends.map((end) => clampEnd(end * sharedEnd)),
		};
	}
	if (freedom === 'scale-rule') {
		return { ...from, rates: from.rates.map((rate) => rate + shared), follow: from.follow + size * random.normal() };
	}
	// All layers, or one alone.
	const only = random.next() < 0.5 ? random.integer(from.rates.length) : -1;
	const moved = (l: number): number => (only === -1 || only === l ? size * random.normal() : 0);
	return {
		...from,
		rates: from.rates.map((rate, l) => rate + moved(l)),
		ends: freedom === 'layer-schedules' ? from.ends.map((end, l) => clampEnd(end * 10 ** (0.5 * moved(l)))) : from.ends,
	};
}

function blend(a: Candidate, b: Candidate, share: number): Candidate {
	const between = (x: readonly number[], y: readonly number[]): number[] =>
		x.map((value, i) => value + share * ((y[i] as number) - value));
	return {
		rates: between(a.rates, b.rates),
		ends: between(a.ends, b.ends),
		follow: a.follow + share * (b.follow - a.follow),
	};
}

function clampEnd(end: number): number {
	return Math.min(Math.max(end, ENDS[0]), ENDS[1]);
}
