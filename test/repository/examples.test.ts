import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ACTION_COUNT } from '../../src/environment/actions/actions.js';
import { OBSERVATION_SIZE, OBSERVATION_VERSION } from '../../src/environment/observations/layer-observation.js';
import { packageRoot } from '../../src/native.js';
import { actorParameterCount } from '../../src/policy/actor.js';
import type { PolicySpec } from '../../src/policy/policy.js';
import { savePolicy } from '../../src/policy/policy-file.js';
import { withoutGreeting } from '../support/docs/programs.js';

/** Examples run as users run them: by node, on the built package. */

const directory = mkdtempSync(join(tmpdir(), 'ganno-examples-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function example(name: string, ...words: string[]): string {
	const { status, stdout, stderr } = spawnSync(process.execPath, [join(packageRoot, 'examples', name), ...words], {
		encoding: 'utf8',
		cwd: directory,
		timeout: 60_000,
	});
	expect(withoutGreeting(stderr)).toBe('');
	expect(status).toBe(0);
	return stdout;
}

interface Result {
	readonly loss: number;
	readonly accuracy: number;
	readonly norm: number;
}

const tested = [
	'layerwise-optimizer.mjs',
	'logistic-regression.mjs',
	'population-schedule.mjs',
	'policy-controller.mjs',
	'policy-training-loop.mjs',
	'tfjs-controller.mjs',
];

it('every example has a test', () => {
	const programs = readdirSync(join(packageRoot, 'examples')).filter((file) => file.endsWith('.mjs'));
	expect(programs.sort()).toEqual([...tested].sort());
});

it('layerwise-optimizer separates the two spirals', () => {
	const lines = example('layerwise-optimizer.mjs').trim().split('\n');
	const accuracy = (line: string): number => Number(/accuracy ([\d.]+) %/.exec(line)?.[1]);
	expect(accuracy(lines[0] as string)).toBeLessThan(75);
	expect(accuracy(lines.at(-1) as string)).toBeGreaterThan(95);
});

it('logistic-regression, in 40 lines and with nothing else, learns with a rate per layer what it cannot with one', () => {
	const output = example('logistic-regression.mjs');
	const [one, each] = ['one rate', 'a rate per layer'].map((title) => {
		const lines = output.split('\n').filter((line) => line.startsWith(`${title}, step`));
		const [, loss, accuracy, norm] =
			/loss ([\d.]+), accuracy ([\d.]+) %, gradient norms ([\d.]+)/.exec(lines.at(-1) as string) ?? [];
		return { loss: Number(loss), accuracy: Number(accuracy), norm: Number(norm) };
	}) as [Result, Result];
	expect(one.accuracy).toBeLessThan(75);
	expect(each.accuracy).toBeGreaterThan(95);
	expect(each.loss).toBeLessThan(0.1);
	expect(each.norm).toBeLessThan(0.01 * one.norm);
	const source = readFileSync(join(packageRoot, 'examples', 'logistic-regression.mjs'), 'utf8');
	expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
	expect([...source.matchAll(/from '([^']+)'/g)].map(([, from]) => from)).toEqual(['ganno']);
});

it('population-schedule trains its networks', () => {
	const output = example('population-schedule.mjs', 'synthetic', '200');
	const accuracies = [...output.matchAll(/test accuracy ([\d.]+) %/g)].map((match) => Number(match[1]));
	expect(accuracies).toHaveLength(4);
	expect(Math.max(...accuracies)).toBeGreaterThan(80); // ten classes: 10 by chance
});

/** A policy that always takes the same action. */
function constantPolicy(name: string, action: number): string {
	const spec: PolicySpec = {
		network: 'feed-forward',
		observation: OBSERVATION_VERSION,
		observationSize: OBSERVATION_SIZE,
		action: 'compounding',
		actions: ACTION_COUNT,
		hiddenUnits: 64,
		granularity: 'layer',
	};
	const parameters = new Float32Array(actorParameterCount(spec));
	parameters[parameters.length - ACTION_COUNT + action] = 1; // its output bias, the only one above 0
	const path = join(directory, `${name}.safetensors`);
	savePolicy(path, {
		spec,
		parameters,
		normalizerMean: new Float32Array(OBSERVATION_SIZE),
		normalizerStandardDeviation: new Float32Array(OBSERVATION_SIZE).fill(1),
		training: {},
	});
	return path;
}

it('policy-controller is driven by a policy file, and a policy that does nothing equals a constant schedule', () => {
	const path = constantPolicy('neutral', 4);
	const rows = example('policy-controller.mjs', path, 'synthetic', '100').trim().split('\n').slice(1);
	expect(rows).toHaveLength(5);
	for (const row of rows) {
		const [, learned, constant] = /^\S+\s+([\d.]+) %\s+([\d.]+) %/.exec(row) as RegExpExecArray;
		expect(learned).toBe(constant);
	}
	expect(rows.some((row) => !/ 100\.0 %/.test(row))).toBe(true);
});

it('policy-training-loop lets a policy leave a learning rate that is far too low', () => {
	const heldOut = (text: string): number => Number(/in the end: held out ([\d.]+)/.exec(text)?.[1]);
	const rising = example('policy-training-loop.mjs', constantPolicy('rising', 6), '1e-5', '200');
	const still = example('policy-training-loop.mjs', constantPolicy('still', 4), '1e-5', '200');
	expect(rising.match(/^step /gm)).toHaveLength(20);
	expect(heldOut(still)).toBeGreaterThan(0.65); // ln 2 = 0.69 at the start
	expect(heldOut(rising)).toBeLessThan(0.4);
});

it('tfjs-controller lets a policy drive a tfjs model', () => {
	const improvement = (policy: string, rate: string): number => {
		const output = example('tfjs-controller.mjs', policy, rate, '8');
		const [before, after] = [...output.matchAll(/held out \w+: ([\d.]+)/g)].map((match) => Number(match[1]));
		return before! - after!;
	};
	expect(improvement(constantPolicy('rising', 5), '3e-4')).toBeGreaterThan(0.1); // 25 % more at every decision
	expect(Math.abs(improvement(constantPolicy('still', 4), '1e-6'))).toBeLessThan(0.02);
});
