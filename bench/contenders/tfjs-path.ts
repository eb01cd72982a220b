/** Contender of bench:tfjs: tfjs-path.js KIND WHAT CONTENDER. See bench/tfjs/cases.ts. */
import type { Kind } from '../tfjs/cases.js';
import { loadTfjs } from './load-tfjs.js';
import { serve } from './protocol.js';
import { environmentWork } from './tfjs-path/environment.js';
import { fitWork } from './tfjs-path/fit.js';
import { stepWork } from './tfjs-path/step.js';
import { trainWork } from './tfjs-path/train.js';
import type { Work } from './tfjs-path/work.js';

const WORKS: Readonly<Record<Kind, (what: string, contender: string) => Work | Promise<Work>>> = {
	step: stepWork,
	train: trainWork,
	environment: environmentWork,
	fit: fitWork,
};

const [kind, what, contender] = process.argv.slice(2) as [Kind, string, string];
const backend = contender.endsWith('-node') ? 'node' : contender.endsWith('-cpu') ? 'cpu' : 'wasm';

async function main(): Promise<void> {
	const tf = contender === 'native' ? undefined : await loadTfjs(backend);
	if (contender !== 'native' && tf === undefined) return; // it has said why
	const work = await WORKS[kind](what, contender);
	await serve(work.version, work.step, work.figures);
}

await main();
