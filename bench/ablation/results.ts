import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ConfigInput } from '#ganno/config/config.js';
import type { Machine } from '../support/machine.js';

/** One policy: trained under one switch from one seed, judged on the held-out tasks. */
export interface AblationRun {
	readonly switch: string;
	readonly seed: number;
	/** What the switch changes from the reference. */
	readonly changes: ConfigInput;
	/** Held-out tasks in their order: test accuracy, return, 1 where the network diverged. */
	readonly testAccuracy: readonly number[];
	readonly returns: readonly number[];
	readonly diverged: readonly (0 | 1)[];
	/** Optimiser steps of all child networks in training: baselines (and forks, of the former reward `difference`) included, the baseline's tuning not. */
	readonly networkSteps: number;
	readonly trainingSeconds: number;
	readonly evaluationSeconds: number;
	/** What the baseline's tuning found, where there was one. */
	readonly baseline?: unknown;
}

/** The whole ablation, as it lies on disk; every run is added as soon as it is done. */
export interface AblationResults {
	readonly machine: Machine;
	readonly versions: Readonly<Record<string, string>>;
	readonly tier: string;
	readonly quick: boolean;
	readonly reference: ConfigInput;
	/** Held-out tasks. */
	readonly tasks: number;
	readonly runs: readonly AblationRun[];
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * The results so far: those in the file, if it belongs to this ablation, else none.
 * @throws Error where the file holds an ablation of other settings
 */
export function continueResults(path: string, fresh: AblationResults): AblationResults {
	if (!existsSync(path)) return fresh;
	const kept = JSON.parse(readFileSync(path, 'utf8')) as AblationResults;
	const differs = (['reference', 'tasks', 'quick', 'tier'] as const).filter((key) => !same(kept[key], fresh[key]));
	if (differs.length > 0) {
		throw new Error(`${path} holds an ablation with another ${differs.join(', ')}: move it away, or give --fresh`);
	}
	return kept;
}

export function findRun(results: AblationResults, name: string, seed: number, changes: ConfigInput) {
	return results.runs.find((run) => run.switch === name && run.seed === seed && same(run.changes, changes));
}

/** The switches there are, then those that results were kept of and that are gone (docs/what-we-tried.md). */
export function switchesOf({ runs }: AblationResults, current: readonly string[]): readonly string[] {
	return [...new Set([...current, ...runs.map((run) => run.switch)])];
}

/** JSON with a line a run. */
function formatResults({ runs, ...head }: AblationResults): string {
	const lines = runs.map((run) => `\t\t${JSON.stringify(run)}`).join(',\n');
	return `${JSON.stringify(head, undefined, '\t').slice(0, -2)},\n\t"runs": [\n${lines}\n\t]\n}\n`;
}

/** With one run more, or a newer one in the place of an old one of the same switch and seed; written to the file at once. */
export function addRun(path: string, results: AblationResults, run: AblationRun): AblationResults {
	const others = results.runs.filter((old) => old.switch !== run.switch || old.seed !== run.seed);
	const next = { ...results, runs: [...others, run] };
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(`${path}.new`, formatResults(next));
	renameSync(`${path}.new`, path);
	return next;
}
