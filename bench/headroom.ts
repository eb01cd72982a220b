/**
 * Where do layers want learning rates of their own? For each family of trainings, the best learning rates per layer that a search finds,
 * against the best single one, on seeds that no search has seen. See docs/does-it-work.md.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Dataset, loadDataset } from 'ganno';
import { FAMILIES, type Family } from './headroom/families.js';
import { compareAll, type FamilyResult, markdownTable, readReport, rounded, writeReport } from './headroom/report.js';
import {
	FREEDOMS,
	type Freedom,
	type SearchBudget,
	type SearchResult,
	search,
	seedBlock,
	tuneCosine,
} from './headroom/search.js';
import { type Candidate, FamilyTrainer, type Scores } from './headroom/trainer.js';
import { baseVersions, describeMachine, repositoryRoot } from './support/machine.js';
import { progress } from './support/options.js';

const USAGE = `Usage: npm run bench:headroom -- [--families A,B] [--contenders A,B] [--candidates N] [--seeds N] [--quick] [--again] [--output FILE]

Headroom of layerwise learning rates: per family of trainings, tuned learning rates per layer against the tuned single one, on fresh seeds.
About 5,000 networks a family: a minute or less on 2 quiet cores for the small ones. What the output file holds already is left out, so an interrupted run goes on.

  --families A,B    only these: ${FAMILIES.map(({ name }) => name).join(', ')}
  --contenders A,B  only these: ${FREEDOMS.join(', ')}
  --candidates N    candidates drawn by each search before its rounds of changes (default 40; with --quick 8)
  --seeds N         seeds of the report (default 80; with --quick 8)
  --quick           few candidates and seeds: good for trying, not for quoting
  --again           measure what the output file holds already, too
  --output FILE     default bench/results/headroom.json (with --quick: build/headroom-quick.json)
  --table           only print the table of the output file
`;

/** Decades between two learning rates of the grid. */
const GRID_STEP = 1 / 8;
/** Of the random candidates. */
const SEARCH_SEEDS: Readonly<Record<Freedom, number>> = {
	cosine: 0,
	schedule: 1,
	'scale-rule': 2,
	'layer-rates': 3,
	'layer-schedules': 4,
};
/** Images that candidates are chosen on. */
const VALIDATION = 5000;

function stop(message: string): never {
	process.stderr.write(`${message}\n\n${USAGE}`);
	process.exit(2);
}

function readOptions() {
	const flag = { type: 'boolean', default: false } as const;
	const text = { type: 'string' } as const;
	const options = { families: text, contenders: text, candidates: text, seeds: text, output: text };
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

function chosenContenders(names: string | undefined): readonly Freedom[] {
	if (names === undefined) return FREEDOMS;
	return names
		.split(',')
		.map((name) => FREEDOMS.find((freedom) => freedom === name) ?? stop(`There is no contender ${name}`));
}

function budgetOf(candidates: number, quick: boolean): SearchBudget {
	if (quick) return { candidates, rounds: 1, children: 4, trialSeeds: 4, finalists: 3, choiceSeeds: 8 };
	return { candidates, rounds: 4, children: 20, trialSeeds: 8, finalists: 6, choiceSeeds: 40 };
}

/** Which contenders mean something in a family. */
function contendersOf({ scales }: Family): readonly Freedom[] {
	return FREEDOMS.filter((freedom) => {
		if (freedom === 'scale-rule') return scales !== undefined;
		// Where each network draws its own scales, no layer is better placed than another.
		return !freedom.startsWith('layer') || scales === undefined || !('decades' in scales);
	});
}

/** Searches for the contenders that `earlier` lacks, one after another; `save` gets the result with each. */
function measureFamily(
	family: Family,
	dataset: Dataset,
	settings: { readonly budget: SearchBudget; readonly seeds: number; readonly wanted: readonly Freedom[] },
	earlier: FamilyResult | undefined,
	save: (result: FamilyResult) => void,
): void {
	const started = performance.now();
	const { budget, wanted } = settings;
	const block = seedBlock('report', settings.seeds);
	using trainer = new FamilyTrainer(family, dataset);
	const contenders = [...(earlier?.contenders ?? [])];
	let atEdge = earlier?.atEdge ?? false;
	for (const freedom of FREEDOMS) {
		if (!wanted.includes(freedom) || contenders.some(({ name }) => name === freedom)) continue;
		const from = freedom === 'layer-schedules' ? 'schedule' : 'cosine';
		const start = contenders.find(({ name }) => name === from)?.candidate;
		const found = freedom === 'cosine' ? tuneCosine(family, trainer, budget, GRID_STEP) : undefined;
		const result = found ?? searchFrom(freedom, family, trainer, start, budget);
		atEdge ||= found?.atEdge === true;
		const [{ accuracy, loss, diverged }] = trainer.run([result.candidate], block, 'test') as [Scores];
		contenders.push({
			name: freedom,
			candidate: result.candidate,
			validationAccuracy: rounded(result.choiceAccuracy, 6),
			testAccuracy: accuracy.map((value) => rounded(value, 5)),
			testLoss: loss.map((value) => rounded(value, 5)),
			diverged,
		});
		const gain = 100 * (result.choiceAccuracy - result.startAccuracy);
		progress(
			`${family.name}: ${freedom}, ${(100 * result.choiceAccuracy).toFixed(2)} % on validation` +
				(result.isStart ? '' : `, ${gain.toFixed(2)} over its start`) +
				(found?.atEdge === true ? ', at an edge of the grid: widen it' : ''),
		);
		const { name, about, optimizer, batchSize, horizon, sliceSize = 'all' } = family;
		save({
			name,
			about,
			network: JSON.stringify(family.network(dataset)),
			optimizer: optimizer.algorithm,
			batchSize,
			horizon,
			sliceSize,
			layers: trainer.layers,
			atEdge,
			budget,
			seeds: block.seeds,
			contenders: FREEDOMS.flatMap((each) => contenders.find((contender) => contender.name === each) ?? []),
			comparisons: compareAll(contenders),
			networksTrained: (earlier?.networksTrained ?? 0) + trainer.networks,
			seconds: rounded((earlier?.seconds ?? 0) + (performance.now() - started) / 1000, 3),
		});
	}
}

function searchFrom(
	freedom: Freedom,
	family: Family,
	trainer: FamilyTrainer,
	start: Candidate | undefined,
	budget: SearchBudget,
): SearchResult {
	if (start === undefined)
		return stop(`${freedom} starts from a tuned contender that is not there; name that one, too`);
	const simple = { ...budget, candidates: budget.candidates >> 1, rounds: (budget.rounds + 1) >> 1 };
	const few = freedom === 'schedule' || freedom === 'scale-rule';
	return search(freedom, family, trainer, start, few ? simple : budget, SEARCH_SEEDS[freedom]);
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
	const budget = budgetOf(whole(options.candidates, '--candidates', quick ? 8 : 40), quick);
	const seeds = whole(options.seeds, '--seeds', quick ? 8 : 80);
	const families = chosenFamilies(options.families);
	const usual = quick ? join('build', 'headroom-quick.json') : join('bench', 'results', 'headroom.json');
	const output = options.output ?? join(repositoryRoot, usual);
	const dataset = await loadDataset('fashion-mnist', { downsample: 2, validationSize: VALIDATION });
	const chosen = chosenContenders(options.contenders);
	const earlier = readReport(output, dataset.name, quick)?.families ?? [];
	const results = new Map(earlier.map((family) => [family.name, family]));
	for (const [i, family] of families.entries()) {
		if (options.table) break;
		const kept = again ? undefined : results.get(family.name);
		const wanted = contendersOf(family).filter((freedom) => chosen.includes(freedom));
		if (wanted.every((freedom) => kept?.contenders.some(({ name }) => name === freedom))) continue;
		progress(`${family.name} (${i + 1} of ${families.length}): ${family.about}`);
		measureFamily(family, dataset, { budget, seeds, wanted }, kept, (result) => {
			results.set(family.name, result);
			const head = { machine: describeMachine(), versions: baseVersions(), dataset: dataset.name, quick };
			writeReport(output, { ...head, families: inOrder(results) });
		});
	}
	process.stdout.write(`${markdownTable({ families: inOrder(results) })}\n`);
}

await main();
