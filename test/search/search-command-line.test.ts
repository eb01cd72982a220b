import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { savePolicy } from '../../src/policy/policy-file.js';
import { readEntries } from '../../src/search/replay-log.js';
import type { RetrainedModel } from '../../src/search/retrain.js';
import { policySpec, randomSnapshot } from '../support/policies.js';
import { ganno, startGanno } from '../support/run-ganno.js';
import { TINY_SEARCH } from '../support/tiny-config.js';

let folder: string;
let tiny: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-search-cli-'));
	tiny = join(folder, 'tiny.json');
	writeFileSync(tiny, JSON.stringify(TINY_SEARCH));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const logOf = (run: string) => readFileSync(join(run, 'search.jsonl'), 'utf8');
const retrainedOf = (run: string) =>
	(JSON.parse(readFileSync(join(run, 'search.json'), 'utf8')) as { retrained: RetrainedModel[] }).retrained;

describe('ganno search --describe', () => {
	it('counts, as a decimal string in JSON', async () => {
		const { code, stdout } = await ganno(['search', '--describe', '--json']);
		expect(code).toBe(0);
		// What a transcription of the authors' enumerator counts, its pooling pairs mended.
		expect(JSON.parse(stdout)).toEqual({ architectures: '282710031500590500770', states: 565 });
		const other = await ganno([
			'search',
			'--describe',
			'--max-depth',
			'12',
			'--image-size',
			'28',
			'--fit',
			'inclusive',
			'--json',
		]);
		expect(JSON.parse(other.stdout)).toEqual({ architectures: '54806543382194', states: 383 });
		expect((await ganno(['search', '--describe', '--preset', 'mnist'])).stdout).toMatch(/^architectures +\d{14}$/m);
	});
});

describe('ganno search', () => {
	it('searches, trains the best for longer, and leaves log, report, chart and models', async () => {
		const run = join(folder, 'run');
		const { code, stdout, stderr } = await ganno(['search', '--config', tiny, '--run-dir', run]);
		expect(code, stderr).toBe(0);
		expect(stderr).toContain('model 12/12');
		expect(stdout).toMatch(/^0\.3 +6 +\d+\.\d\d %/m);
		const { entries } = readEntries(join(run, 'search.jsonl'));
		expect(new Set(entries.map(({ architecture }) => architecture)).size).toBe(12);
		const retrained = retrainedOf(run);
		expect(retrained.map(({ rank, trainer }) => [rank, trainer])).toEqual([
			[1, 'schedule'],
			[2, 'schedule'],
		]);
		const best = Math.max(...entries.map(({ accuracy }) => accuracy!));
		expect(retrained[0]).toMatchObject({ searchAccuracy: best });
		expect(retrained[0]!.testAccuracy).toBeGreaterThan(0.6);
		for (const { model } of retrained) expect(existsSync(join(model, '..', 'weights.bin'))).toBe(true);
		expect(readFileSync(join(run, 'search.svg'), 'utf8')).toContain('best so far');
		expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('Trained for longer');
	});

	it('gives the same log with any number of workers, and after Ctrl-C', async () => {
		const without = ['--set', 'retraining.count=0'];
		const runs = ['0', '2'].map((workers) => ({ workers, run: join(folder, `workers-${workers}`) }));
		for (const { workers, run } of runs) {
			const args = ['search', '--config', tiny, '--workers', workers, '--output', run, ...without];
			expect((await ganno(args)).code).toBe(0);
		}
		const whole = logOf(runs[0]!.run);
		expect(logOf(runs[1]!.run)).toBe(whole);

		const stoppedRun = join(folder, 'stopped');
		const { child, until, result } = startGanno([
			...['search', '--config', tiny, '--run-dir', stoppedRun, '--policy', 'default'].concat(without),
			'--compare',
			runs[0]!.run,
		]);
		await until('model 3/12');
		child.kill('SIGINT');
		const stopped = await result;
		expect(stopped.code).toBe(130);
		expect(stopped.stderr).toContain(
			`Go on with: npx ganno search --resume ${stoppedRun} --policy default --compare ${runs[0]!.run}\n`,
		);
		expect(whole.startsWith(logOf(stoppedRun))).toBe(true);
		expect(existsSync(join(stoppedRun, 'run.lock'))).toBe(false);
		const resumed = await ganno(['search', '--resume', stoppedRun, '--workers', '2']);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(logOf(stoppedRun)).toBe(whole);
	});

	it('stands beside random search of the same length', async () => {
		const own = join(folder, 'own');
		const random = join(folder, 'random');
		const settings = ['--config', tiny, '--set', 'retraining.count=0'];
		expect((await ganno(['search', ...settings, '--random', '--run-dir', random])).code).toBe(0);
		expect(readEntries(join(random, 'search.jsonl')).entries.every(({ epsilon }) => epsilon === 1)).toBe(true);
		const compared = await ganno(['search', ...settings, '--run-dir', own, '--compare', random]);
		expect(compared.code, compared.stderr).toBe(0);
		expect(compared.stdout).toContain('Best validation accuracy after 12 trained models');
		expect(readFileSync(join(own, 'search.svg'), 'utf8')).toContain(`random: best`);
	});

	it('trains a given network, under a policy too, from the same weights', async () => {
		const policy = join(folder, 'policy.safetensors');
		savePolicy(policy, {
			...randomSnapshot(policySpec()),
			training: { seed: 0, iterations: 0, config: {}, learnerBackend: 'cpu' },
		} as Parameters<typeof savePolicy>[1]);
		const run = join(folder, 'given');
		const network = 'C(8,3,1)-P(2,2)-FC(16)-SM';
		const args = ['search', '--config', tiny, '--run-dir', run, '--network', network, '--policy', policy];
		const { code, stdout, stderr } = await ganno(args);
		expect(code, stderr).toBe(0);
		expect(stdout).not.toContain('by ε');
		const retrained = retrainedOf(run);
		expect(retrained.map(({ trainer, architecture }) => [trainer, architecture])).toEqual([
			['schedule', network],
			['policy', network],
		]);
		expect(retrained[1]).toMatchObject({ policy, searchAccuracy: null });
		expect(retrained[0]!.testLoss).not.toBe(retrained[1]!.testLoss);

		// What is trained already is not trained again.
		const again = await ganno(['search', '--resume', run, '--network', network, '--policy', policy]);
		expect(again.code, again.stderr).toBe(0);
		expect(retrainedOf(run)).toEqual(retrained);
		expect(readFileSync(join(run, 'retrained.jsonl'), 'utf8').trim().split(/\n+/)).toHaveLength(2);
	});

	it('says what is wrong, before any training, with exit code 2 for the command line', async () => {
		const cases: [string[], number, string][] = [
			[[], 2, 'Say what to search: --preset'],
			[['--preset', 'small', '--json'], 2, '--json goes with --describe'],
			[['--preset', 'huge'], 2, 'Allowed choices are'],
			[['--config', tiny, '--set', 'learner.alpha=1'], 2, 'Unknown config key learner.alpha'],
			[
				['--config', tiny, '--run-dir', join(folder, 'a'), '--network', 'C(8,3,1)-FC'],
				2,
				'layer 2 of the architecture',
			],
			[['--config', tiny, '--run-dir', join(folder, 'b'), '--network', 'C(8,3,1)-P(5,3)-P(5,3)-SM'], 2, 'does not fit'],
			[['--config', tiny, '--run-dir', join(folder, 'c'), '--policy', join(folder, 'none')], 1, 'none'],
			[['--config', tiny, '--run-dir', join(folder, 'd'), '--compare', folder], 1, 'search.jsonl'],
			[['--resume', folder], 1, 'There is no search in'],
			[['--resume', folder, '--seed', '3'], 2, 'seed cannot be changed'],
		];
		for (const [args, code, message] of cases) {
			const result = await ganno(['search', ...args], { cwd: folder });
			expect(result.stderr, args.join(' ')).toContain(message);
			expect(result.code, args.join(' ')).toBe(code);
		}
		expect(existsSync(join(folder, 'a', 'search.jsonl'))).toBe(false);
	});
});
