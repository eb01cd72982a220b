// Makes the policies of the package again, from nothing: meta-trains the default one and its one-action twin with the preset `standard`, and the
// controller of one learning rate with the preset `adaptive-lr`, evaluates them on the suite `held-out`, and writes policies/. Each step goes on where it was interrupted.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSuiteReport } from '../dist/evaluation/suites/suite-report.js';
import { parseResults } from '../dist/evaluation/suites/suite-results.js';
import { summarize, withBestRivals } from '../dist/evaluation/suites/suite-summary.js';
import { targetRows } from '../dist/evaluation/suites/suite-targets.js';
import { loadPolicy, savePolicy } from '../dist/index.js';

const SEED = 1;
const USAGE = `Usage: npm run reproduce:policy [-- options]

Meta-trains the policy of the package (preset 'standard', seed ${SEED}), its twin with one action for all layers, and the controller of one
learning rate (preset 'adaptive-lr'), compares their weights with those of policies/, evaluates them on the suite 'held-out' and writes
policies/ and the results anew.

  --cards          only write policies/ and the tables anew, from runs and results that are there
  --check          only train and compare; write nothing, exit with 1 where a bit differs
  --work <dir>     where the runs are kept (default: runs/reproduce-policy)
  --results <file> results of the suite (default: bench/results/suite-held-out.json)
  --workers <n>    worker threads (default: one per core); no bit depends on it
  -h, --help`;

const root = resolve(fileURLToPath(import.meta.url), '..', '..');
const options = parse();

/** The policies and the options that set them apart. */
const POLICIES = [
	{ name: 'default', contender: 'learned', args: ['--preset', 'standard'] },
	{ name: 'one-action', contender: 'one action', args: ['--preset', 'standard', '--granularity', 'network'] },
	{ name: 'adaptive-lr', contender: 'adaptive-lr', args: ['--preset', 'adaptive-lr'] },
];

function parse() {
	try {
		const { values } = parseArgs({
			options: {
				cards: { type: 'boolean', default: false },
				check: { type: 'boolean', default: false },
				work: { type: 'string', default: join(root, 'runs', 'reproduce-policy') },
				results: { type: 'string', default: join(root, 'bench', 'results', 'suite-held-out.json') },
				workers: { type: 'string' },
				help: { type: 'boolean', short: 'h', default: false },
			},
		});
		if (values.help) {
			console.log(USAGE);
			process.exit(0);
		}
		return values;
	} catch (error) {
		console.error(`${error.message}\n\n${USAGE}`);
		process.exit(2);
	}
}

function ganno(...args) {
	const { status, error } = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...args], {
		stdio: 'inherit',
	});
	if (error !== undefined) throw error;
	if (status !== 0) process.exit(status ?? 1);
}

/** Trains, or goes on, and gives the policy's path. */
function train({ name, args }) {
	const run = join(options.work, name);
	const workers = options.workers === undefined ? [] : ['--workers', options.workers];
	if (existsSync(join(run, 'config.json'))) ganno('train', '--resume', run, ...workers);
	else ganno('train', '--seed', String(SEED), '--run-dir', run, ...args, ...workers);
	return join(run, 'policy.safetensors');
}

const published = (name) => join(root, 'policies', `${name}.safetensors`);
const bytes = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Whether two policies decide the same; their cards and versions may differ. */
function sameWeights(a, b) {
	return ['parameters', 'normalizerMean', 'normalizerStandardDeviation'].every((key) =>
		bytes(a[key]).equals(bytes(b[key])),
	);
}

mkdirSync(options.work, { recursive: true });
const trained = POLICIES.map((each) => ({
	...each,
	path: options.cards ? join(options.work, each.name, 'policy.safetensors') : train(each),
}));
let differ = false;
for (const { name, path } of trained) {
	if (!existsSync(published(name))) {
		console.log(`policies/${name}.safetensors is not there yet`);
		differ = true;
		continue;
	}
	const same = sameWeights(loadPolicy(path), loadPolicy(published(name)));
	console.log(`policies/${name}.safetensors: ${same ? 'the same bits' : 'other bits than what was trained now'}`);
	differ ||= !same;
}
if (options.check) process.exit(differ ? 1 : 0);

if (options.cards)
	writeSuiteReport(options.results, parseResults(readFileSync(options.results, 'utf8'), options.results));
else evaluate(trained);

function evaluate([policy, twin, controller]) {
	const others = ['--one-action', twin.path, '--policy', `${controller.contender}=${controller.path}`];
	const resume = existsSync(`${options.results}.partial`) ? ['--resume'] : [];
	ganno('evaluate', policy.path, '--suite', ...others, '--out', options.results, ...resume);
}

/** What the card says of the evaluation: each target with what was found, and the figures over the whole suite. */
function cardFacts(contender) {
	const table = withBestRivals(parseResults(readFileSync(options.results, 'utf8'), options.results));
	const summary = summarize(table).find(({ name }) => name === contender);
	const percent = (share) => `${(100 * share).toFixed(2)} %`;
	const { mean, low, high } = summary.finalTest;
	return {
		suite: `${table.results.suite.name}, every run in ${relative(root, options.results)} of the repository`,
		'final test accuracy': `${percent(mean)} [${percent(low)}, ${percent(high)}] over all tasks`,
		'mean rank': `${summary.rank.toFixed(2)} of ${table.results.contenders.length} contenders`,
		diverged: percent(summary.divergedShare),
		...Object.fromEntries(
			targetRows(table, contender).map(({ target, value, met }) => [target, `${met ? 'met' : 'missed'}: ${value}`]),
		),
	};
}

const card = JSON.parse(readFileSync(join(root, 'policies', 'card.json'), 'utf8'));
for (const { name, contender, path } of trained) {
	savePolicy(published(name), {
		...loadPolicy(path),
		card: { licence: card.licence, ...card.policies[name], evaluation: cardFacts(contender) },
	});
	console.log(`Written: policies/${name}.safetensors`);
}
