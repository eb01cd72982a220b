// The search of test/search/search-learning.test.ts, in a process that can be killed: told its log, space and settings, it says when it has begun.
import { formatArchitecture } from '../../dist/search/architecture.js';
import { ReplayLog } from '../../dist/search/replay-log.js';
import { runSearch } from '../../dist/search/run-search.js';

const [path, search] = process.argv.slice(2);

async function train({ architecture, seed }) {
	await new Promise((resolve) => setImmediate(resolve));
	const text = formatArchitecture(architecture);
	const filters = [...text.matchAll(/C\((\d+),/g)].map(([, count]) => Number(count));
	const accuracy = filters.reduce((sum, count) => sum + count, 0) / 32 + (text.includes('FC') ? 0.1 : 0);
	return { accuracy, training: { seed, learningRate: 0.001, tries: 1, accuracies: [accuracy] } };
}

const log = new ReplayLog(path);
process.send('begun');
await runSearch({ ...JSON.parse(search), log, train });
// Whoever watches kills it; ending by itself would be a different exit.
setInterval(() => {}, 1000);
