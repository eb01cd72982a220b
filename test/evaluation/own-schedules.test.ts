import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { syntheticDataset } from '../../src/datasets/synthetic.js';
import { type EvaluateOptions, evaluatePolicy } from '../../src/evaluation/evaluate-policy.js';
import { formatEvaluation } from '../../src/evaluation/evaluation-table.js';
import { loadControllerModule } from '../../src/rollouts/controller-module.js';
import type { ControllerSpec } from '../../src/rollouts/controller-spec.js';
import { openExecutor } from '../../src/runs/open-executor.js';
import { cosineSchedule } from '../../src/schedules/hand-made.js';
import { randomPolicy } from '../support/random-policy.js';
import { TINY } from '../support/tiny-config.js';

const folder = mkdtempSync(join(tmpdir(), 'ganno-own-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dataset = syntheticDataset();
const config = parseConfig(TINY);
const policy = randomPolicy('feed-forward', 4);

let modules = 0;
/** Writes a module. @returns its path */
function moduleOf(text: string, extension = 'mjs'): string {
	const path = join(folder, `schedule-${modules++}.${extension}`);
	writeFileSync(path, text);
	return path;
}

async function evaluate(workers: number, more: Partial<EvaluateOptions>) {
	await using executor = openExecutor({ ...config, workers }, dataset);
	return await evaluatePolicy({ config, dataset, policy, executor, ...more });
}

const COSINE = '(step, horizon) => 0.5 * (1 + Math.cos((Math.PI * step) / horizon))';
const CONTROLLER = `{
	name: 'mine',
	reset(task) { this.factors = new Float32Array(task.interval); },
	decide({ decision, initialLearningRates, task }) {
		const { horizon, interval } = task;
		for (let k = 0; k < interval; k++) this.factors[k] = (${COSINE})(decision * interval + k, horizon);
		return { learningRates: initialLearningRates, baseSchedule: this.factors };
	},
}`;

describe('a schedule of your own in the evaluation', () => {
	it.each([0, 1, 2])(
		'fares to the bit as the same hand-made one, tuned too, with %s worker threads',
		async (workers) => {
			const ways: Record<string, ControllerSpec> = {
				factor: { type: 'module', module: moduleOf(`export const factor = ${COSINE};`) },
				'default factor': { type: 'module', module: moduleOf(`export default ${COSINE};`) },
				'file URL': { type: 'module', module: pathToFileURL(moduleOf(`export default ${COSINE};`)) },
				CommonJS: { type: 'module', module: moduleOf(`module.exports = ${COSINE};`, 'cjs') },
				controller: { type: 'module', module: moduleOf(`export const controller = ${CONTROLLER};`) },
				'default controller': { type: 'module', module: moduleOf(`export default ${CONTROLLER};`) },
				...(workers === 0 ? { memory: { type: 'controller', controller: cosineSchedule() } } : {}),
			};
			const table = await evaluate(workers, { controllers: ways });
			const rowOf = (name: string) => table.rows.find(({ contender }) => contender === name)!;
			for (const name of Object.keys(ways)) {
				expect(rowOf(name), name).toEqual({ ...rowOf('cosine'), contender: name, kind: 'own' });
				const { tuning, ...tuned } = rowOf(`${name}, tuned`);
				expect(tuned, name).toEqual({ ...rowOf('cosine, tuned'), contender: `${name}, tuned` });
				expect(tuning, name).toEqual(table.tuning);
			}
			const alone = await evaluate(workers, {});
			expect(table.rows.filter(({ contender }) => alone.rows.some((row) => row.contender === contender))).toEqual(
				alone.rows,
			);
			expect(formatEvaluation(table)).toMatch(/^controller +\d/m);
			expect(formatEvaluation(table)).toContain('controller, tuned: at');
		},
	);

	it('may decide by the context, one learning rate for all or one for each layer of each network', async () => {
		const decide = (text: string): ControllerSpec => ({
			type: 'module',
			module: moduleOf(`export const decide = ${text};`),
		});
		const table = await evaluate(1, {
			controllers: {
				'as it was': decide('({ initialLearningRates }) => initialLearningRates'),
				'one rate': decide(
					'({ networks, layers, observations }) => observations.length === networks * layers * 23 ? 0.01 : NaN',
				),
			},
		});
		const [constant, same, one] = ['constant', 'as it was', 'one rate'].map((name) =>
			table.rows.find(({ contender }) => contender === name)!.cells.map(({ accuracies }) => accuracies),
		);
		expect(same).toEqual(constant);
		expect(one![0]).toEqual(one![1]);
	});

	it('stands beside other policies, which fare as if they were evaluated themselves', async () => {
		const other = randomPolicy('recurrent', 5);
		const table = await evaluate(0, { controllers: { other: { type: 'policy', policy: other } } });
		const itself = await evaluate(0, { policy: other });
		expect(table.rows.map(({ contender }) => contender).slice(0, 3)).toEqual(['learned', 'other', 'constant']);
		expect(table.rows[1]).toEqual({ ...itself.rows[0], contender: 'other' });
		expect(formatEvaluation(table)).toMatch(/points (above|below) "other"/);
	});

	const wrong: readonly [string, string, string][] = [
		['has no file', '', 'No file is at'],
		['is no JavaScript', 'export const', 'cannot be loaded: '],
		['throws when it is loaded', "throw new Error('not today');", 'cannot be loaded: not today'],
		['imports what is not there', "import './nothing.mjs';", 'cannot be loaded: Cannot find module'],
		['exports nothing', '1;', 'exports no schedule: expected factor(step, horizon), decide(context) or controller'],
		['exports other things', 'export const x = 1, y = 2;', 'but found x, y'],
		[
			'exports two schedules',
			'export const factor = () => 1; export const decide = () => 1;',
			'exports factor and decide',
		],
		['exports a number', 'export const factor = 1;', 'Expected a function for factor of'],
		[
			'exports half a controller',
			'export default { decide() {} };',
			'Expected a Controller, with the functions reset and decide,',
		],
		['gives no number', 'export default () => {};', 'Expected a finite number of at least 0 for factor(0, 20) of'],
		['gives a promise', 'export const factor = async () => 1;', 'received Promise'],
		[
			'gives NaN in the end',
			'export default (step, horizon) => (step < horizon - 1 ? 1 : NaN);',
			'for factor(19, 20) of',
		],
		['gives less than 0', 'export default () => -1;', 'received -1'],
		['takes a context', 'export default ({ learningRates }) => learningRates[0];', 'exported by the name decide'],
		['throws', "export default () => { throw new Error('oh'); };", 'failed: oh'],
	];

	it.each(wrong)('is refused by its path before any training where it %s', async (_, text, message) => {
		const path = text === '' ? join(folder, 'nowhere.mjs') : moduleOf(text);
		const untouched = new Proxy({} as EvaluateOptions['executor'], {
			get: () => {
				throw new Error('a training began');
			},
		});
		const evaluated = evaluatePolicy({
			config,
			dataset,
			policy,
			executor: untouched,
			controllers: { mine: { type: 'module', module: path } },
		});
		await expect(evaluated).rejects.toMatchObject({
			code: 'INVALID_ARGUMENT',
			message: expect.stringContaining(message),
		});
		await expect(evaluated).rejects.toThrow(path);
	});

	it.each([
		['throws', "export const decide = () => { throw new Error('oh'); };", 'decide of PATH failed: oh'],
		['gives text', "export const decide = () => 'fast';", 'Expected a number or a Float32Array of length'],
		['gives NaN', 'export const decide = () => NaN;', 'what decide of PATH gave[0] but received NaN'],
		['gives too few rates', 'export const decide = () => new Float32Array(1);', 'for what decide of PATH gave'],
		[
			'decides nothing',
			'export const controller = { reset() {}, decide() {} };',
			'for the learningRates that decide of PATH gave but received undefined',
		],
		[
			'decides for too short an interval',
			'export const controller = { reset() {}, decide: (c) => ({ learningRates: c.learningRates, baseSchedule: new Float32Array(1) }) };',
			'for the baseSchedule that decide of PATH gave',
		],
		[
			'cannot begin',
			"export const controller = { reset() { throw new Error('oh'); }, decide() {} };",
			'reset of PATH failed: oh',
		],
	])('is named, in a worker thread too, where it %s at a decision', async (_, text, message) => {
		const module = moduleOf(text);
		for (const workers of [0, 1]) {
			await expect(evaluate(workers, { controllers: { mine: { type: 'module', module } } })).rejects.toMatchObject({
				code: 'INVALID_ARGUMENT',
				message: expect.stringContaining(message.replace('PATH', module)),
			});
		}
	});

	it('has a name of its own, on one line', async () => {
		const module = moduleOf(`export default ${COSINE};`);
		for (const name of ['learned', 'constant', 'step', 'cosine', 'one-cycle', 'cosine, tuned']) {
			await expect(evaluate(0, { controllers: { [name]: { type: 'module', module } } }), name).rejects.toThrow(
				`A contender is called ${JSON.stringify(name)} already`,
			);
		}
		for (const name of ['', ' mine', 'mine ', 'a\nb', 'a\u0007b', 'x'.repeat(61)]) {
			await expect(evaluate(0, { controllers: { [name]: { type: 'module', module } } }), name).rejects.toThrow(
				'Expected a name of 1 to 60 characters',
			);
		}
		const pair = { mine: { type: 'module', module }, 'mine, tuned': { type: 'module', module } } as const;
		await expect(evaluate(0, { controllers: pair })).rejects.toThrow('"mine, tuned" already');
	});

	it('in memory is for executors without threads', async () => {
		const controllers = { mine: { type: 'controller', controller: cosineSchedule() } } as const;
		await expect(evaluate(1, { controllers })).rejects.toThrow(
			'cannot be sent to worker threads: put it into a module',
		);
	});

	it('is asked for every step of every horizon it will meet', async () => {
		const path = moduleOf('export const factor = (step, horizon) => (horizon === 20 ? 1 : undefined);');
		await expect(loadControllerModule(path, [20])).resolves.toBeDefined();
		await expect(loadControllerModule(path, [20, 30])).rejects.toThrow(`factor(0, 30) of ${path}`);
	});

	it.each([undefined, 5, '', 'https://example.org/mine.mjs', new URL('https://example.org/mine.mjs')])(
		'is named by a path or a file: URL, not by %s',
		async (module) => {
			const named = module as string;
			const expected =
				module instanceof URL || String(module).startsWith('https') ? /No file is at|file: URL/ : 'file: URL';
			await expect(evaluate(0, { controllers: { mine: { type: 'module', module: named } } })).rejects.toThrow(expected);
		},
	);
});
