// The search of test/69.search-learning, in a process that can be killed: it tells its parent when it has begun.
import { formatArchitecture } from '../../dist/search/architecture.js';
import { ReplayLog } from '../../dist/search/replay-log.js';
import { runSearch } from '../../dist/search/run-search.js';
import { PAPER_LIMITS } from '../../dist/search/space.js';

const space = { ...PAPER_LIMITS, imageSize: 12, maximumDepth: 3, filters: [4, 8], kernelSizes: [3], denseUnits: [16] };
const settings = {
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

async function train({ architecture, seed }) {
	await new Promise((resolve) => setImmediate(resolve));
	const text = formatArchitecture(architecture);
	const filters = [...text.matchAll(/C\((\d+),/g)].map(([, count]) => Number(count));
	const accuracy = filters.reduce((sum, count) => sum + count, 0) / 32 + (text.includes('FC') ? 0.1 : 0);
	return { accuracy, training: { seed, learningRate: 0.001, tries: 1, accuracies: [accuracy] } };
}

const log = new ReplayLog(process.argv[2]);
process.send('begun');
await runSearch({ space, settings, log, train });
// Whoever watches kills it; ending by itself would be a different exit.
setInterval(() => {}, 1000);
