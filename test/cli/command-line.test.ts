import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.js';
import type { EvaluationTable } from '../../src/evaluation/evaluation-result.js';
import { packageRoot } from '../../src/native.js';
import { loadPolicy } from '../../src/policy/policy-file.js';
import { listCheckpoints, readMetrics } from '../../src/runs/run-directory.js';
import { ganno, MAIN, startGanno } from '../support/run-ganno.js';
import { TINY } from '../support/tiny-config.js';

let folder: string;
let tiny: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'ganno-cli-'));
	tiny = join(folder, 'tiny.json');
	writeFileSync(tiny, JSON.stringify(TINY));
});

describe('ganno', () => {
	it('describes itself and each command, with examples', async () => {
		const help = await ganno(['--help']);
		expect(help.code).toBe(0);
		for (const command of ['start', 'train', 'evaluate', 'search', 'info', 'devices']) {
			expect(help.stdout).toContain(command);
			const own = await ganno([command, '--help']);
			expect(own.code, command).toBe(0);
			expect(own.stdout, command).toContain('Examples:');
		}
		expect((await ganno(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
	});

	it('can be run as the command that package.json names, as npx does in a clone', () => {
		const { bin } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
		expect(execFileSync(join(packageRoot, bin.ganno), ['--version'], { encoding: 'utf8' })).toMatch(
			/^\d+\.\d+\.\d+\n$/,
		);
	});

	it('answers a wrong command line with exit code 2', async () => {
		for (const args of [['fly'], ['train', '--altitude', '3'], ['info'], ['start', '--preset', 'slow']]) {
			const result = await ganno(args);
			expect(result.code, args.join(' ')).toBe(2);
			expect(result.stderr, args.join(' ')).toContain('error:');
		}
	});
});

describe('ganno devices', () => {
	it('lists the CPU, and says why CUDA is absent', async () => {
		const { code, stdout } = await ganno(['devices']);
		expect(code).toBe(0);
		expect(stdout).toMatch(/^cpu .*cores/m);
		const list = JSON.parse((await ganno(['devices', '--json'])).stdout) as { kind: string }[];
		expect(list.map(({ kind }) => kind)).toEqual(['cpu', 'cuda', 'tfjs', 'tfjs', 'tfjs', 'tfjs']);
	});

	it('names a tier that this machine does not have', async () => {
		const { code, stderr } = await ganno(['devices'], { env: { GANNO_CPU_TIER: 'mmx' } });
		expect(code).not.toBe(0);
		expect(stderr).toContain('mmx');
	});
});

describe('ganno train', () => {
	it('writes a run that info and evaluate understand', async () => {
		const run = join(folder, 'run');
		const trained = await ganno(['train', '--config', tiny, '--run-dir', run, '--seed', '5']);
		expect(trained.stderr).toContain('iteration 3/3');
		expect(trained.code).toBe(0);
		expect(trained.stdout).toContain(join(run, 'policy.safetensors'));
		expect(readMetrics(join(run, 'metrics.jsonl'))).toHaveLength(3);
		expect(loadPolicy(join(run, 'policy.safetensors')).training).toMatchObject({ seed: 5, iterations: 3 });

		const info = await ganno(['info', run]);
		expect(info.code).toBe(0);
		expect(info.stdout).toMatch(/^observes +23 features of each layer \(layer-v1\)/m);
		expect(info.stdout).toContain('None in the file. To evaluate it:');
		const json = JSON.parse((await ganno(['info', join(run, 'policy.safetensors'), '--json'])).stdout) as {
			spec: { hiddenUnits: number };
		};
		expect(json.spec.hiddenUnits).toBe(8);

		const evaluated = await ganno(['evaluate', run, '--seeds', '3', '--workers', '1']);
		expect(evaluated.code).toBe(0);
		expect(evaluated.stdout).toMatch(/^cosine, tuned .*±/m);
		expect(evaluated.stdout).toContain(join(run, 'report.html'));
		const table = JSON.parse(readFileSync(join(run, 'evaluation.json'), 'utf8')) as EvaluationTable;
		expect(table.seeds).toBe(3);
		expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('cosine, tuned');
		expect((await ganno(['info', run])).stdout).toMatch(
			/^results +Of its last evaluation:\n.*evaluation\.json\n.*report\.html$/m,
		);
	});

	it('prints how to evaluate it, which can be pasted, and one iteration as one', async () => {
		const run = join(folder, 'my run');
		const trained = await ganno(['train', '--config', tiny, '--iterations', '1', '--run-dir', 'my run'], {
			cwd: folder,
		});
		expect(trained.stderr).toContain('1 iteration, ');
		expect(trained.stderr).toContain('Meta-training done: 1 iteration\n');
		const [, command] = /^Evaluate it: (.*)$/m.exec(trained.stdout) as unknown as [string, string];
		expect(command).toBe(`node ${MAIN} evaluate 'my run'`);
		execFileSync('sh', ['-c', `${command} --seeds 1 --workers 0`], { cwd: folder, stdio: 'ignore' });
		expect(existsSync(join(run, 'evaluation.json'))).toBe(true);
	});

	it('says how to finish a run that has no policy yet, and how to go on with one that is there', async () => {
		const run = join(folder, 'begun');
		expect((await ganno(['train', '--config', tiny, '--run-dir', run])).code).toBe(0);
		rmSync(join(run, 'policy.safetensors'));
		const again = `npx ganno train --resume ${run}`;
		expect((await ganno(['evaluate', run])).stderr).toContain(`has no policy.safetensors yet. Finish it: ${again}\n`);
		for (const command of ['start', 'train']) {
			const { stderr } = await ganno([command, '--config', tiny, '--run-dir', run]);
			expect(stderr, command).toContain(`Choose another --run-dir, or continue it with: ${again}\n`);
		}
	});

	it('says which preset the settings start from, and what was changed', async () => {
		const run = (name: string) => ['--run-dir', join(folder, name)];
		const start = async (args: readonly string[]) => {
			const { code, stderr } = await ganno(args);
			expect(code, stderr).toBe(0);
			return stderr.split('\n')[0];
		};
		const own = ['train', '--config', tiny, '--iterations', '0'];
		expect(await start([...own, '--seed', '5', ...run('a')])).toMatch(
			/^Preset standard, changed by .*tiny\.json and the command line: seed 0 → 5, iterations 800 → 0, /,
		);
		expect(
			await start([
				...own,
				'--controller',
				'adaptive-lr',
				'--granularity',
				'network',
				'--action',
				'three-way',
				...run('b'),
			]),
		).toMatch(/^Preset adaptive-lr, changed by /);
		expect(await start([...own, '--preset', 'quick', '--controller', 'adaptive-lr', ...run('c')])).toMatch(
			/^Preset quick, changed by .*tiny\.json, the command line and the controller 'adaptive-lr': /,
		);
		expect(await start(['start', '--config', tiny, '--iterations', '0', ...run('d')])).toMatch(
			/^Preset quick, changed by /,
		);
		expect(await start(['train', '--resume', join(folder, 'a')])).not.toContain('Preset');
	});

	it('tunes the baseline of the reward baseline before the run, which keeps what was found', async () => {
		const run = join(folder, 'baseline');
		const settings = ['--config', tiny, '--iterations', '1', '--set', 'tasks.optimizers=["adam","sgd"]'];
		const trained = await ganno(['train', ...settings, '--reward', 'baseline', '--run-dir', run]);
		expect(trained.code, trained.stderr).toBe(0);
		expect(trained.stderr).toMatch(/Baseline: \{"adam":[\d.e-]+,"sgd":[\d.e-]+\}/);
		const { environment } = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')) as Config;
		expect(environment.baselineLearningRate).toEqual({ adam: expect.any(Number), sgd: expect.any(Number) });
		const resumed = await ganno(['train', '--resume', run, '--iterations', '2']);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(resumed.stderr).not.toContain('Baseline:');
	});

	it('ends with the same files for one worker, two, three and none', async () => {
		const policies: Buffer[] = [];
		for (const workers of ['0', '1', '2', '3']) {
			const run = join(folder, `workers-${workers}`);
			const result = await ganno(['train', '--config', tiny, '--run-dir', run, '--workers', workers]);
			expect(result.code, result.stderr).toBe(0);
			policies.push(readFileSync(join(run, 'policy.safetensors')));
			expect(readFileSync(join(run, 'checkpoint-000003.safetensors'))).toEqual(
				readFileSync(join(folder, 'workers-0', 'checkpoint-000003.safetensors')),
			);
		}
		for (const policy of policies) expect(policy).toEqual(policies[0]);
	});

	it('stops at Ctrl-C with a checkpoint, and goes on from it to the same bits', async () => {
		const settings = ['--config', tiny, '--iterations', '30'];
		const whole = join(folder, 'whole');
		expect((await ganno(['train', ...settings, '--run-dir', whole])).code).toBe(0);

		const run = join(folder, 'stopped');
		const { child, until, result } = startGanno(['train', ...settings, '--run-dir', run]);
		await until('iteration 3/30');
		child.kill('SIGINT');
		const stopped = await result;
		expect(stopped.code).toBe(130);
		expect(stopped.stderr).toContain(`ganno train --resume ${run}`);
		const checkpoint = listCheckpoints(run).at(-1)!;
		expect(checkpoint.iteration).toBeGreaterThanOrEqual(3);
		expect(checkpoint.iteration).toBe(readMetrics(join(run, 'metrics.jsonl')).length);
		expect(existsSync(join(run, 'run.lock'))).toBe(false);

		const resumed = await ganno(['train', '--resume', run, '--workers', '1']);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(readFileSync(join(run, 'policy.safetensors'))).toEqual(readFileSync(join(whole, 'policy.safetensors')));
	});

	it('is killed without harm: the lock is taken over and the run goes on from its last checkpoint', async () => {
		const run = join(folder, 'killed');
		const { child, until, result } = startGanno(['train', '--config', tiny, '--iterations', '30', '--run-dir', run]);
		await until('iteration 6/30');
		child.kill('SIGKILL');
		expect((await result).signal).toBe('SIGKILL');
		expect(existsSync(join(run, 'run.lock'))).toBe(true);
		const resumed = await ganno(['train', '--resume', run]);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(readMetrics(join(run, 'metrics.jsonl')).map(({ iteration }) => iteration)).toEqual(
			Array.from({ length: 30 }, (_, i) => i),
		);
	});

	it('refuses a second run in the directory of one that lives', async () => {
		const run = join(folder, 'busy');
		const first = startGanno(['train', '--config', tiny, '--iterations', '100000', '--run-dir', run]);
		await first.until('Meta-training');
		const second = await ganno(['train', '--resume', run]);
		expect(second.code).toBe(1);
		expect(second.stderr).toContain(`process ${first.child.pid}`);
		first.child.kill('SIGINT');
		expect((await first.result).code).toBe(130);
		const third = await ganno(['train', '--config', tiny, '--run-dir', run]);
		expect(third.code).toBe(2);
		expect(third.stderr).toContain(`--resume ${run}`);
	});

	it('names what is wrong with a config, in one sentence and with exit code 2', async () => {
		const cases: [string[], string][] = [
			[['--set', 'tasks.horizn=5'], 'Unknown config key tasks.horizn in the command line. Did you mean tasks.horizon?'],
			[['--iterations', 'many'], 'Expected an integer from 0 to 10000000 for iterations but received "many"'],
			[['--config', join(folder, 'none.json')], 'none.json cannot be read'],
			[
				['--set', 'tasks.decisions=7'],
				'Expected a divisor of the horizon (480) for tasks.decisions but received 7 in the command line',
			],
		];
		for (const [args, message] of cases) {
			const result = await ganno(['train', '--run-dir', join(folder, 'never'), ...args]);
			expect(result.code, message).toBe(2);
			expect(result.stderr).toContain(message);
			expect(result.stderr.trim().split('\n'), message).toHaveLength(1);
		}
		expect(existsSync(join(folder, 'never'))).toBe(false);
	});

	it('keeps the config of a resumed run', async () => {
		const result = await ganno(['train', '--resume', folder, '--seed', '3', '--preset', 'quick']);
		expect(result.code).toBe(2);
		expect(result.stderr).toContain('seed, preset cannot be changed');
	});

	it('shows the stack where GANNO_DEBUG asks for it', async () => {
		const args = ['train', '--iterations', 'many'];
		expect((await ganno(args)).stderr).not.toContain('    at ');
		expect((await ganno(args, { env: { GANNO_DEBUG: '1' } })).stderr).toContain('    at ');
	});

	it('says what to do about a device that is not there', async () => {
		const result = await ganno(['train', '--config', tiny, '--device', 'cuda:99', '--run-dir', join(folder, 'gpu')]);
		expect(result.code).toBe(1);
		expect(result.stderr).toContain('--device cpu');
	});

	it('tells a full disk, leaves what was there whole, and goes on when there is room again', async () => {
		const run = join(folder, 'full');
		expect((await ganno(['train', '--config', tiny, '--run-dir', run])).code).toBe(0);
		const before = readFileSync(join(run, 'policy.safetensors'));
		const preload = `--import=${new URL('../support/full-disk.mjs', import.meta.url).href}`;
		for (const file of [
			'run.lock',
			'config.json',
			'metrics.jsonl',
			'events.out',
			'checkpoint-',
			'policy.safetensors',
		]) {
			const env = { NODE_OPTIONS: preload, FULL_DISK: file };
			const full = await ganno(['train', '--resume', run, '--iterations', '6'], { env });
			expect(full.code, file).toBe(1);
			expect(full.stderr, file).toContain('ENOSPC');
			expect(full.stderr, file).toContain('free some space');
			expect(readFileSync(join(run, 'policy.safetensors')), file).toEqual(before);
			expect(existsSync(join(run, 'run.lock')), file).toBe(false);
		}
		const resumed = await ganno(['train', '--resume', run]);
		expect(resumed.code, resumed.stderr).toBe(0);
		expect(readMetrics(join(run, 'metrics.jsonl'))).toHaveLength(6);
	});
});

describe('ganno evaluate', () => {
	let run: string;
	beforeEach(async () => {
		run = join(folder, 'kinds');
		const set = [
			'tasks.optimizers=["adam","sgd"]',
			'tasks.networks=[{"type":"mlp","hidden":[8]},{"type":"mlp","hidden":[6]}]',
		];
		const trained = await ganno([
			'train',
			'--config',
			tiny,
			'--iterations',
			'0',
			'--run-dir',
			run,
			...set.flatMap((each) => ['--set', each]),
		]);
		expect(trained.code, trained.stderr).toBe(0);
	});
	const evaluate = (...args: readonly string[]) => ganno(['evaluate', run, '--workers', '1', ...args]);

	it('tests the networks and optimisers that the run trained on, and those that are asked for', async () => {
		const all = await evaluate();
		expect(all.stderr).toContain('Evaluation done');
		expect(all.stdout).toContain('64-8-4, adam, batch 8');
		expect(all.stdout).toMatch(/^64-6-4 +sgd /m);
		expect(all.stdout).toContain('2 are left out here: --kinds 3');
		const table = JSON.parse(readFileSync(join(run, 'evaluation.json'), 'utf8')) as EvaluationTable;
		expect(table.kinds?.leftOut).toHaveLength(2);
		expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('64-6-4');
		expect((await evaluate('--kinds', '3')).stdout).not.toContain('left out');
		const one = await evaluate('--optimizer', 'sgd', '--set', 'evaluation.network={"type":"mlp","hidden":[6]}');
		expect(one.stdout).toContain('64-6-4, sgd, batch 8');
		expect(one.stdout).not.toMatch(/Other kinds|left out/);
		const untrained = await evaluate('--optimizer', 'rmsprop', '--kinds', '0');
		expect(untrained.stderr).toContain('rmsprop is not among the optimisers of the settings (adam, sgd)');
		expect(untrained.stdout).toContain('64-8-4, rmsprop, batch 8');
		const network = await evaluate('--set', 'evaluation.network={"type":"mlp","hidden":[5]}');
		expect(network.stdout).toContain('64-5-4, adam');
		expect(network.stdout).toMatch(/^64-5-4 +sgd /m);
	});

	it('takes schedules of your own and other policies beside the others', async () => {
		writeFileSync(join(folder, 'mine.mjs'), 'export default (step, horizon) => 1 - step / horizon;');
		const beside = ['--schedule', 'mine=mine.mjs', '--policy', `it self=${run}`];
		const { code, stdout, stderr } = await ganno(['evaluate', run, '--kinds', '1', ...beside], { cwd: folder });
		expect(code, stderr).toBe(0);
		const figures = (name: string) => stdout.match(new RegExp(`^${name} {2,}(.*)$`, 'm'))?.[1]?.trim();
		expect(figures('it self')).toBe(figures('learned'));
		expect(figures('mine')).toMatch(/±/);
		expect(figures('mine, tuned')).toMatch(/±/);
		expect(stdout).toMatch(/^network .* learned +it self .* mine .* mine, tuned/m);
	});

	it('refuses what it cannot use in one sentence, before it opens anything', async () => {
		writeFileSync(join(folder, 'none.mjs'), 'export const x = 1;');
		const cases: [readonly string[], string][] = [
			[['--schedule', 'mine'], 'Expected NAME=FILE for --schedule but received "mine"'],
			[['--schedule', `mine=${join(folder, 'nowhere.mjs')}`], 'No file is at'],
			[['--schedule', `mine=${join(folder, 'none.mjs')}`], 'exports no schedule'],
			[['--schedule', `cosine=${join(folder, 'none.mjs')}`], 'A contender is called "cosine" already'],
			[['--policy', `learned=${run}`], 'A contender is called "learned" already'],
			[['--policy', `a=${run}`, '--schedule', 'a=b.mjs'], 'The name "a" of --schedule is given twice'],
			[['--kinds', 'many'], 'Expected an integer of at least 0 for kinds but received "many"'],
			[['--optimizer', 'lion'], 'Allowed choices are'],
		];
		for (const [args, message] of cases) {
			const result = await evaluate(...args, '--output', join(folder, 'never'));
			expect(result.code, message).toBe(2);
			expect(result.stderr).toContain(message);
			expect(result.stderr).not.toContain('Evaluating');
		}
		expect(existsSync(join(folder, 'never'))).toBe(false);
	});
});

describe('ganno evaluate and info', () => {
	it('say what is wrong with a file that is no policy', async () => {
		const path = join(folder, 'broken.safetensors');
		writeFileSync(path, 'not a policy');
		for (const command of ['evaluate', 'info']) {
			const broken = await ganno([command, path]);
			expect(broken.code, command).toBe(1);
			expect(broken.stderr, command).toContain(`${path}: not a valid safetensors file`);
			const missing = await ganno([command, join(folder, 'none.safetensors')]);
			expect(missing.code, command).toBe(1);
			expect(missing.stderr, command).toContain('ENOENT');
		}
	});
});

describe('ganno start', () => {
	it('trains, evaluates and says where everything lies', async () => {
		const result = await ganno(['start', '--config', tiny], { cwd: folder });
		expect(result.code, result.stderr).toBe(0);
		expect(result.stdout).toMatch(/^learned .*±/m);
		const paths = [...result.stdout.matchAll(/^[A-Z]\w+: +(runs\/\S+)$/gm)].map((match) => match[1]!);
		expect(paths.length).toBeGreaterThanOrEqual(5);
		for (const path of paths) expect(existsSync(join(folder, path)), path).toBe(true);
	});

	it('stops in the middle of the evaluation too', async () => {
		const { child, until, result } = startGanno(
			['start', '--config', tiny, '--run-dir', join(folder, 'run'), '--set', 'evaluation.seeds=5000'],
			{ cwd: folder },
		);
		await until('Evaluating');
		child.kill('SIGINT');
		const stopped = await result;
		expect(stopped.code).toBe(130);
		expect(stopped.stderr).toMatch(/Evaluate again with: .* evaluate \S+run\n/);
	});
});
