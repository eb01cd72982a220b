/**
 * Where do layers want learning rates of their own? For each family of trainings, the best learning rates per layer that a search finds,
 * against the best single one, on seeds that no search has seen. See docs/does-it-work.md.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Dataset, loadDataset } from 'ganno';
import { FAMILIES, type Family } from './headroom/families.js';
import {
	type ContenderResult,
	compare,
	describeCandidate,
	type FamilyResult,
	markdownTable,
	readReport,
	rounded,
	writeReport,
} from './headroom/report.js';
import {
	type Freedom,
	type SearchBudget,
	type SearchResult,
	search,
	seedBlock,
	tuneCosine,
} from './headroom/search.js';
import { FamilyTrainer, type Scores } from './headroom/trainer.js';
import { baseVersions, describeMachine, repositoryRoot } from './support/machine.js';
import { progress } from './support/options.js';

const USAGE = `Usage: npm run bench:headroom -- [--families A,B] [--candidates N] [--seeds N] [--quick] [--again] [--output FILE]

Headroom of layerwise learning rates: per family of trainings, tuned learning rates per layer against the tuned single one, on fresh seeds.
About 7,500 networks a family: a minute or two on 2 cores. Families that the output file holds already are left out.

  --families A,B    only these: ${FAMILIES.map(({ name }) => name).join(', ')}
  --candidates N    candidates drawn by each search before its rounds of changes (default 48; with --quick 8)
  --seeds N         seeds of the report (default 96; with --quick 8)
  --quick           few candidates and seeds: good for trying, not for quoting
  --again           measure families that the output file holds already, too
  --output FILE     default bench/results/headroom.json (with --quick: build/headroom-quick.json)
  --table           only print the table of the output file
`;

/** Decades between two learning rates of the grid. */
const GRID_STEP = 1 / 8;
/** Images that candidates are chosen on. */
const VALIDATION = 5000;

function stop(message: string): never {
	process.stderr.write(`${message}\n\n${USAGE}`);
	process.exit(2);
}

function readOptions() {
	const flag = { type: 'boolean', default: false } as const;
	const text = { type: 'string' } as const;
	const options = { families: text, candidates: text, seeds: text, output: text };
	const flags = { quick: flag, again: flag, table: flag, help: { ...flag, short: 'h' } };
	try {
		return parseArgs({ options: { ...options, ...flags } }).values;
	} catch (error) {
		return stop((error as Error).message);
	}
}

function whole(value: string | undefined, name: string, fallback: number): number {
	const number = value === undefined ? fallback : Number(value);
	if (!Number.isInteger(number) || number < 2) stop(`${name} takes a whole number of at least 2`);
	return number;
}

function chosenFamilies(names: string | undefined): readonly Family[] {
	if (names === undefined) return FAMILIES;
	return names
		.split(',')
		.map((name) => FAMILIES.find((family) => family.name === name) ?? stop(`There is no family ${name}`));
}

function budgetOf(candidates: number, quick: boolean): SearchBudget {
	if (quick) return { candidates, rounds: 1, children: 4, trialSeeds: 4, finalists: 3, choiceSeeds: 8 };
	return { candidates, rounds: 4, children: 24, trialSeeds: 12, finalists: 8, choiceSeeds: 48 };
}

function measureFamily(family: Family, dataset: Dataset, budget: SearchBudget, seeds: number): FamilyResult {
	const started = performance.now();
	using trainer = new FamilyTrainer(family, dataset);
	const contenders: ContenderResult[] = [];
	const report = seedBlock('report', seeds);
	const enter = (name: Freedom, found: SearchResult): SearchResult => {
		const [{ accuracy, loss, diverged }] = trainer.run([found.candidate], report, 'test') as [Scores];
		contenders.push({
			name,
			...describeCandidate(found.candidate),
			validationAccuracy: rounded(found.choiceAccuracy, 6),
			testAccuracy: accuracy.map((value) => rounded(value, 5)),
			testLoss: loss.map((value) => rounded(value, 5)),
			diverged,
		});
		const gain = 100 * (found.choiceAccuracy - found.startAccuracy);
		progress(
			`${family.name}: ${name}, ${(100 * found.choiceAccuracy).toFixed(2)} % on validation` +
				(name === 'cosine'
					? ''
					: found.isStart
						? ', nothing better than its start'
						: `, ${gain.toFixed(2)} over its start`),
		);
		return found;
	};
	const tuned = tuneCosine(family, trainer, budget, GRID_STEP);
	if (tuned.atEdge) progress(`${family.name}: the tuned learning rate is at an edge of the grid; widen it`);
	const cosine = enter('cosine', tuned);
	const simple = { ...budget, candidates: budget.candidates / 2, rounds: Math.ceil(budget.rounds / 2) };
	const find = (freedom: Freedom, start: SearchResult, seed: number): SearchResult => {
		const few = freedom === 'schedule' || freedom === 'scale rule';
		return enter(freedom, search(freedom, family, trainer, start.candidate, few ? simple : budget, seed));
	};
	const schedule = find('schedule', cosine, 1);
	if (family.scales !== undefined) find('scale rule', cosine, 2);
	// Where each network draws its own scales, no layer is better placed than another.
	if (family.scales === undefined || !('decades' in family.scales)) {
		find('layer rates', cosine, 3);
		find('layer schedules', schedule, 4);
	}
	const pairs: readonly (readonly [Freedom, Freedom])[] = [
		['schedule', 'cosine'],
		['layer rates', 'cosine'],
		['layer schedules', 'schedule'],
		['layer schedules', 'cosine'],
		['scale rule', 'cosine'],
	];
	const named = (name: Freedom) => contenders.find((contender) => contender.name === name);
	const { name, about, optimizer, batchSize, horizon, sliceSize = 'all' } = family;
	const spec = family.network(dataset);
	return {
		name,
		about,
		network: JSON.stringify(spec),
		optimizer: optimizer.algorithm,
		batchSize,
		horizon,
		sliceSize,
		layers: trainer.layers,
		atEdge: tuned.atEdge,
		budget,
		seeds: report.seeds,
		contenders,
		comparisons: pairs.flatMap(([a, b]) => {
			const [contender, rival] = [named(a), named(b)];
			return contender === undefined || rival === undefined ? [] : [compare(contender, rival)];
		}),
		networksTrained: trainer.networks,
		seconds: rounded((performance.now() - started) / 1000, 3),
	};
}

function inOrder(results: ReadonlyMap<string, FamilyResult>): FamilyResult[] {
	return FAMILIES.flatMap(({ name }) => results.get(name) ?? []);
}

async function main(): Promise<void> {
	const options = readOptions();
	if (options.help) {
		process.stdout.write(USAGE);
		return;
	}
	const { quick, again } = options;
	const budget = budgetOf(whole(options.candidates, '--candidates', quick ? 8 : 48), quick);
	const seeds = whole(options.seeds, '--seeds', quick ? 8 : 96);
	const families = chosenFamilies(options.families);
	const usual = quick ? join('build', 'headroom-quick.json') : join('bench', 'results', 'headroom.json');
	const output = options.output ?? join(repositoryRoot, usual);
	const dataset = await loadDataset('fashion-mnist', { downsample: 2, validationSize: VALIDATION });
	const earlier = readReport(output, dataset.name, quick)?.families ?? [];
	const results = new Map(earlier.map((family) => [family.name, family]));
	for (const [i, family] of families.entries()) {
		if (options.table) break;
		if (results.has(family.name) && !again) continue;
		progress(`${family.name} (${i + 1} of ${families.length}): ${family.about}`);
		results.set(family.name, measureFamily(family, dataset, budget, seeds));
		const head = { machine: describeMachine(), versions: baseVersions(), dataset: dataset.name, quick };
		writeReport(output, { ...head, families: inOrder(results) });
	}
	process.stdout.write(`${markdownTable({ families: inOrder(results) })}\n`);
}

await main();
