import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Random } from './random.js';
import { binding, SCENARIOS } from './scenarios.js';
import { World } from './world.js';

/**
 * Runs cases `seed`, `seed + 1`, … until `calls` argument lists were passed. Says on descriptor 3 which case runs, so that the parent
 * knows the last one should this process die, and closes with one line of JSON.
 */

const { values } = parseArgs({ options: { seed: { type: 'string' }, calls: { type: 'string' } } });
const calls = Number(values.calls);
let seed = Number(values.seed);

const tickets = SCENARIOS.flatMap(([weight, run]) => Array.from({ length: weight }, () => run));
let done = 0;
let refused = 0;
const before = binding.liveHandles();

/** Handles that a refused constructor or a wrong `this` left behind go with their garbage. */
async function countLeaks(): Promise<number> {
	for (let turn = 0; turn < 20 && binding.liveHandles() > before; turn++) {
		globalThis.gc?.();
		await new Promise(setImmediate);
	}
	return binding.liveHandles() - before;
}

for (let cases = 1; done < calls; cases++, seed++) {
	writeSync(3, `${seed}\n`);
	const world = new World(new Random(seed));
	world.random.pick(tickets)(world);
	await world.finish();
	done += world.calls;
	refused += world.refused;
	if (cases % 500 === 0 || done >= calls) {
		const leaked = await countLeaks();
		if (leaked > 0) throw new Error(`${leaked} native handles were left behind`);
	}
}
console.log(JSON.stringify({ calls: done, refused, nextSeed: seed }));
